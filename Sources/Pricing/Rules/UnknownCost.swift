/// Without a cost, known or assumed, nobody can tell what a discount earns.
public struct UnknownCost: PriceRule {
    /// `unknown_cost`.
    public let name = PricingRule.unknownCost

    /// Always in force.
    public init() {}

    /// Bars an item without a cost.
    public func limit(on facts: RuleFacts) -> PriceLimit { facts.cost == nil ? .barred : .free }
}
