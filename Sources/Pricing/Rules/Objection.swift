/// The shopper has objected to personalised prices: the list price, for good.
public struct Objection: PriceRule {
    /// `objection`.
    public let name = PricingRule.objection

    /// Always asked: an objection needs no setting.
    public init() {}

    /// Bars for who has objected; also an offer that stands.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        facts.circumstances.hasObjected ? .barred : .free
    }
}
