/// A discounted price stays above cost by a fraction of the list price, and by an amount.
///
/// The fraction holds at the price that was asked about, and at the catalogue's where that is lower: whoever
/// may name a price in a click must not buy the margin away.
public struct MarginFloor: PriceRule {
    /// `margin_floor`.
    public let name = PricingRule.marginFloor
    /// Of the list price, in [0, 1].
    public let share: Double

    /// Takes the share as it is.
    public init(share: Double) { self.share = share }

    /// A floor, also before rounding where the catalogue has a lower price.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        let list = facts.item.price
        let base = min(list, facts.item.cataloguePrice ?? list)
        let cost = facts.cost ?? 0
        var limit = PriceLimit.floor(cost + list * share)
        if base < list { limit.nominalFloor = list * (cost / base + share) }
        return limit
    }
}

/// A discounted price stays above cost by an amount of money.
public struct MarginAmount: PriceRule {
    /// `margin_floor_amount`.
    public let name = PricingRule.marginAmount
    /// In the currency of the list price, above 0.
    public let amount: Double

    /// Takes the amount as it is.
    public init(_ amount: Double) { self.amount = amount }

    /// A floor.
    public func limit(on facts: RuleFacts) -> PriceLimit { .floor((facts.cost ?? 0) + amount) }
}
