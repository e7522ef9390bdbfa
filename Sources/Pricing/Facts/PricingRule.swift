/// A rule that kept a decision from being what it would have been.
public enum PricingRule: String, Sendable, Hashable, CaseIterable {
    /// Discounts are switched off: the list price.
    case killSwitch = "kill_switch"
    /// The shopper has objected to personalised prices: the list price.
    case objection
    /// The item is no longer sold: no discount.
    case deletedItem = "deleted_item"
    /// Nothing is left to sell: no discount.
    case outOfStock = "out_of_stock"
    /// The cost is not known and none is to be assumed: no discount.
    case unknownCost = "unknown_cost"
    /// A deeper discount was wanted than `PricingConfiguration.maximumDepth`.
    case maximumDepth = "maximum_depth"
    /// A lower price was wanted than leaves `PricingConfiguration.marginFloor`.
    case marginFloor = "margin_floor"
    /// The best discount was not sure enough to pay.
    case confidence
    /// A deeper discount was wanted than the item's category allows.
    case categoryDepth = "category_depth"
    /// Than its brand allows.
    case brandDepth = "brand_depth"
    /// Than is allowed of this item.
    case itemDepth = "item_depth"
    /// A lower price was wanted than leaves the amount of money that must remain.
    case marginAmount = "margin_floor_amount"
    /// A lower price was wanted than may be advertised.
    case minimumPrice = "minimum_price"
    /// The price was made to end as prices must.
    case priceEnding = "price_ending"
    /// The item, its category or its brand is never discounted.
    case excluded
    /// Nothing is discounted at this time.
    case blackout
    /// Too little is left to sell it at a discount.
    case lowStock = "low_stock"
    /// The discount is computed on the prior price, or refused since that is not known or lower.
    case priorPrice = "prior_price"
    /// A discount too different from others within a day was wanted.
    case dayChange = "day_change"
    /// The discount was changed too short a time ago.
    case changeInterval = "change_interval"
    /// As many discounted offers were made as may be.
    case frequencyCap = "frequency_cap"
    /// A discount was worth more that waits for a person's word.
    case approval
    /// More would have been given away than a budget has left.
    case budget
    /// No limit: a better discount was not worth what a budget's pacing charges for it.
    case pacing = "budget_pacing"
}
