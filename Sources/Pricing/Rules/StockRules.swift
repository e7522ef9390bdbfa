/// What is sold out gets no discount; a stock that is not known counts as enough.
public struct OutOfStock: PriceRule {
    /// `out_of_stock`.
    public let name = PricingRule.outOfStock

    /// Always in force.
    public init() {}

    /// Bars an item of which nothing is left.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        guard let stock = facts.item.stock, stock <= 0 else { return .free }
        return .barred
    }
}

/// What is nearly sold out sells without a discount.
public struct LowStock: PriceRule {
    /// `low_stock`.
    public let name = PricingRule.lowStock
    /// At so many units or fewer there is no discount.
    public let units: Double

    /// Takes the bound as it is.
    public init(units: Double) { self.units = units }

    /// Bars an item of which some is left, and no more than the bound.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        guard let stock = facts.item.stock, stock > 0, stock <= units else { return .free }
        return .barred
    }
}
