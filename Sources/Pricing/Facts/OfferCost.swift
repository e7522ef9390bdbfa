/// What a discounted offer costs beside what it takes off the price, in the currency of the prices.
public struct OfferCost: Sendable, Hashable {
    /// Of each that is made, taken or not: a mailing, a printed coupon.
    public var made = 0.0
    /// Of each that a purchase takes: a clearing fee, handling.
    public var redeemed = 0.0

    /// By default nothing.
    public init() {}

    /// What an offer is expected to cost that is taken with a probability.
    public func expected(_ probability: Double) -> Double { made + redeemed * probability }
}

extension DemandPoint {
    /// What is expected of a price.
    ///
    /// - Parameter offer: what the offer costs beside; `nil` where there is no discount.
    func margin(price: Double, cost: Double, offer: OfferCost?) -> Double {
        let margin = (price - cost) * probability * expectedQuantity
        return offer.map { margin - $0.expected(probability) } ?? margin
    }
}
