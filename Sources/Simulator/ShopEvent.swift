/// What the shop tells the world: an event of the stream's contract.
public enum ShopEvent: Sendable, Hashable {
    case item(ItemEvent)
    case click(ClickEvent)
    case purchase(PurchaseEvent)
    case refund(RefundEvent)

    /// Units: epoch milliseconds of event time.
    public var tsMs: Int64 {
        switch self {
        case .item(let event): event.tsMs
        case .click(let event): event.tsMs
        case .purchase(let event): event.tsMs
        case .refund(let event): event.tsMs
        }
    }

    /// The Kafka key: the user, or the item of a catalogue entry.
    public var key: String {
        switch self {
        case .item(let event): event.itemID
        case .click(let event): event.userID
        case .purchase(let event): event.userID
        case .refund(let event): event.userID
        }
    }

    /// One JSON object, without a line end.
    public var json: String {
        switch self {
        case .item(let event): event.json
        case .click(let event): event.json
        case .purchase(let event): event.json
        case .refund(let event): event.json
        }
    }
}

/// A catalogue entry.
public struct ItemEvent: Sendable, Hashable {
    public let eventID: String
    public let tsMs: Int64
    public let itemID: String
    public let title: String
    public let category: String
    public let brand: String
    public let price: Double
    public let cost: Double?
    public let stock: Int

    var json: String {
        var object = JSONObject()
        object.member("type", "item")
        object.member("event_id", eventID)
        object.member("ts", tsMs)
        object.member("item_id", itemID)
        object.member("title", title)
        object.member("category", category)
        object.member("brand", brand)
        object.member("price", price)
        object.member("cost", cost)
        object.member("stock", stock)
        return object.closed
    }
}

/// A shopper opened an item's page.
public struct ClickEvent: Sendable, Hashable {
    public let eventID: String
    public let tsMs: Int64
    public let userID: String
    public let itemID: String
    /// The list price.
    public let price: Double
    /// What was shown off it.
    public let discount: Double
    /// How likely that discount was, where it was drawn.
    public let propensity: Double?
    public let sessionID: String
    public let device: String
    public let tier: String

    var json: String {
        var object = JSONObject()
        object.member("type", "click")
        object.member("event_id", eventID)
        object.member("ts", tsMs)
        object.member("user_id", userID)
        object.member("item_id", itemID)
        object.member("price", price)
        object.member("discount", discount)
        object.member("propensity", propensity)
        object.member("session_id", sessionID)
        object.member("context") {
            $0.member("device", device)
            $0.member("tier", tier)
        }
        return object.closed
    }
}

/// A shopper bought what he had clicked.
public struct PurchaseEvent: Sendable, Hashable {
    public let eventID: String
    public let tsMs: Int64
    public let userID: String
    public let itemID: String
    public let price: Double
    public let discount: Double
    public let propensity: Double?
    public let recommendationID: String?
    public let quantity: Int
    /// Unit price paid.
    public let paid: Double
    public let orderID: String
    public let sessionID: String

    var json: String {
        var object = JSONObject()
        object.member("type", "purchase")
        object.member("event_id", eventID)
        object.member("ts", tsMs)
        object.member("user_id", userID)
        object.member("item_id", itemID)
        object.member("price", price)
        object.member("discount", discount)
        object.member("propensity", propensity)
        object.member("recommendation_id", recommendationID)
        object.member("quantity", quantity)
        object.member("paid", paid)
        object.member("order_id", orderID)
        object.member("session_id", sessionID)
        return object.closed
    }
}

/// A shopper sent an order back.
public struct RefundEvent: Sendable, Hashable {
    public let eventID: String
    public let tsMs: Int64
    public let userID: String
    public let itemID: String
    public let quantity: Int
    public let orderID: String

    var json: String {
        var object = JSONObject()
        object.member("type", "refund")
        object.member("event_id", eventID)
        object.member("ts", tsMs)
        object.member("user_id", userID)
        object.member("order_id", orderID)
        object.member("item_id", itemID)
        object.member("quantity", quantity)
        return object.closed
    }
}

/// A recommendation as the shop's front end reads it from the topic.
public struct Offer: Sendable, Hashable {
    public let recommendationID: String
    public let userID: String
    public let itemID: String
    public let discount: Double
    /// The unit price to charge.
    public let price: Double
    public let propensity: Double?
    /// The last moment of event time at which it may be shown.
    public let expiresAtMs: Int64?

    /// `nil` where the numbers are not a price a shop could charge.
    public init?(
        recommendationID: String, userID: String, itemID: String, discount: Double, price: Double,
        propensity: Double? = nil, expiresAtMs: Int64? = nil
    ) {
        guard (0..<1).contains(discount), price > 0, price.isFinite else { return nil }
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
