/// What is no longer sold gets no discount.
public struct DeletedItem: PriceRule {
    /// `deleted_item`.
    public let name = PricingRule.deletedItem

    /// Always in force.
    public init() {}

    /// Bars a deleted item.
    public func limit(on facts: RuleFacts) -> PriceLimit { facts.item.deleted ? .barred : .free }
}
