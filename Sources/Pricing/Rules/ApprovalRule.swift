/// When discounts wait for a person's word.
public struct ApprovalSettings: Sendable, Hashable {
    /// Deeper ones do, as a fraction of the list price; `nil`: none by depth.
    public var above: Double?
    /// Those that give away more with a unit do, in the currency of the prices; `nil`: none by money.
    public var amountAbove: Double?
    /// How long a wish waits until it is dropped. Event time; units: milliseconds.
    public var waitMs: Int64 = 3 * 86_400_000

    /// Nothing waits.
    public init() {}

    /// Whether anything may wait.
    public var isUsed: Bool { above != nil || amountAbove != nil }

    func validate() throws(PricingError) {
        if let above, !(0..<1).contains(above) {
            throw .badConfiguration(key: "approve_above", value: "\(above)", expected: "in [0, 1)")
        }
        if let amountAbove, !(0...ItemOffer.amountMax).contains(amountAbove) {
            throw .badConfiguration(
                key: "approve_above_amount", value: "\(amountAbove)", expected: "from 0 to 1e12")
        }
        guard waitMs > 0 else {
            throw .badConfiguration(key: "approve_wait", value: "\(waitMs)", expected: "above 0")
        }
    }
}

/// No discount goes out that waits for a person's word.
public struct ApprovalRule: PriceRule {
    /// `approval`.
    public let name = PricingRule.approval
    /// What was said holds for new offers; one that stands was allowed when it was made.
    public let isOfNewOffers = true
    /// When a person is asked.
    public let settings: ApprovalSettings

    /// Takes the settings as they are.
    public init(_ settings: ApprovalSettings) { self.settings = settings }

    /// A floor: at what needs no word, or at the depth that was approved, where that is deeper.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        let list = facts.item.price
        let free = max(
            settings.above.map { list * (1 - $0) } ?? 0,
            settings.amountAbove.map { list - $0 } ?? 0)
        let circumstances = facts.circumstances
        let approved = circumstances.approval.depth(atMs: circumstances.atMs)
        return .floor(min(free, list * (1 - approved)))
    }
}
