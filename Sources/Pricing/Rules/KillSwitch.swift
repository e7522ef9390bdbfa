/// Discounts are switched off: the list price, at once.
public struct KillSwitch: PriceRule {
    /// `kill_switch`.
    public let name = PricingRule.killSwitch

    /// Present only where it is thrown.
    public init() {}

    /// Bars.
    public func limit(on facts: RuleFacts) -> PriceLimit { .barred }
}
