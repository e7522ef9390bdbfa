import Events

/// A recommendation as the shop's front end reads it from the topic.
public struct ReceivedOffer: Sendable, Hashable {
    /// What clicks and purchases that follow it carry.
    public let recommendationID: String
    /// The shopper it is for.
    public let userID: String
    /// The item it is for.
    public let itemID: String
    /// Fraction of the list price, in [0, 1).
    public let discount: Double
    /// The unit price to charge.
    public let price: Double
    /// In (0, 1]; `nil` where the recommendation does not say.
    public let propensity: Double?
    /// The last moment of event time at which it may be shown. Units: epoch milliseconds.
    public let expiresAtMs: Int64?

    /// `nil` where the numbers are not a price a shop could charge.
    public init?(
        recommendationID: String, userID: String, itemID: String, discount: Double, price: Double,
        propensity: Double? = nil, expiresAtMs: Int64? = nil
    ) {
        guard (0..<1).contains(discount), price > 0, price <= EventLimits.amountMax else {
            return nil
        }
        if let propensity, !(propensity > 0 && propensity <= 1) { return nil }
        self.recommendationID = recommendationID
        self.userID = userID
        self.itemID = itemID
        self.discount = discount
        self.price = price
        self.propensity = propensity
        self.expiresAtMs = expiresAtMs
    }
}

extension Event {
    /// The Kafka key of an event: the user, or the item of a catalogue entry.
    public var key: String { userID ?? itemID ?? "" }
}
