import Records

/// Whom offers are made to. For the others decisions are made in shadow: nothing of them leaves the daemon.
public struct OfferAudience: Sendable, Hashable {
    /// The share of shoppers.
    public var share = 1.0
    /// Shares in categories that have one of their own, each with what lies below it; the longest name counts.
    public var categoryShares: [String: Double] = [:]

    /// All shoppers.
    public init() {}

    /// Whether it is all shoppers, whatever the category.
    public var isEverybody: Bool { share >= 1 && categoryShares.values.allSatisfy { $0 >= 1 } }

    /// Whether the shopper with this hash is among them: the same answer for ever. A larger share keeps all who
    /// were in it.
    ///
    /// - Parameter userHash: taken as uniform over 64 bits.
    public func contains(userHash: UInt64, category: String?) -> Bool {
        Double(userHash >> 11) * 0x1p-53 < share(of: category)
    }

    private func share(of category: String?) -> Double {
        categoryShares.filter { GroupName.holds(category: category, in: $0.key) }
            .max { $0.key.utf8.count < $1.key.utf8.count }?.value ?? share
    }

    func validate() throws(PricingError) {
        let own = categoryShares.sorted { $0.key < $1.key }
        let shares = [("live", share)] + own.map { ("live_categories: \($0.key)", $0.value) }
        for (key, share) in shares where !(0...1).contains(share) {
            throw .badConfiguration(key: key, value: "\(share)", expected: "in [0, 1]")
        }
    }
}
