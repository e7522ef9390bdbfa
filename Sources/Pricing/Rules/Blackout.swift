/// A time in which nothing is discounted, of some categories or of all.
public struct Blackout: Sendable, Hashable {
    /// Event time of the beginning. Units: milliseconds since 1970.
    public var fromMs: Int64
    /// Event time of the end, which is outside of it.
    public var toMs: Int64
    /// Categories, each with what lies below it; empty: everything.
    public var categories: [String]

    /// Takes each field as it is.
    public init(fromMs: Int64, toMs: Int64, categories: [String] = []) {
        self.fromMs = fromMs
        self.toMs = toMs
        self.categories = categories
    }

    func concerns(_ category: String?) -> Bool {
        categories.isEmpty || categories.contains { GroupName.holds(category: category, in: $0) }
    }
}

/// No discount while a blackout lasts; and none that was given before outlasts its beginning.
public struct BlackoutDates: PriceRule {
    /// `blackout`.
    public let name = PricingRule.blackout
    /// In any order; they may overlap.
    public let blackouts: [Blackout]

    /// Takes the times as they are.
    public init(_ blackouts: [Blackout]) { self.blackouts = blackouts }

    /// Bars within one of them.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        let circumstances = facts.circumstances
        let isIn = blackouts.contains {
            $0.concerns(circumstances.category)
                && $0.fromMs <= circumstances.atMs && circumstances.atMs < $0.toMs
        }
        return isIn ? .barred : .free
    }

    /// The beginning of the next one after `ms`; `nil` where there is none.
    public func next(after ms: Int64, category: String?) -> Int64? {
        blackouts.lazy.filter { $0.fromMs > ms && $0.concerns(category) }.map(\.fromMs).min()
    }
}
