/// Writes events as the JSON of the contract: what it writes decodes to the same event.
public enum EventEncoder {
    /// One JSON object, without a line's end. The same event gives the same bytes.
    ///
    /// The numbers must be finite, as they are in every event that was decoded.
    ///
    /// - Parameter extraField: the name to write `Event.extra` under; without it, it is left out.
    public static func encode(_ event: Event, extraField: String? = nil) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("type", event.type.rawValue)
        json.field("event_id", event.eventID)
        json.field("ts", event.tsMs)
        switch event.body {
        case .impression(let offer), .click(let offer): write(offer, &json)
        case .purchase(let purchase):
            write(purchase.offer, &json)
            json.field("quantity", Int64(purchase.quantity))
            write("paid", purchase.paid, &json)
            write("order_id", purchase.orderID, &json)
        case .refund(let refund): write(refund, &json)
        case .item(let item):
            json.field("item_id", item.itemID)
            write(item, &json)
        case .outcome(let outcome):
            write(outcome.offer, &json)
            if let clicked = outcome.clicked { json.field("clicked", clicked) }
            if let purchased = outcome.purchased { json.field("purchased", purchased) }
            write("quantity", outcome.quantity, &json)
            write("sampling_rate", outcome.samplingRate, &json)
        case .erase(let userID), .objection(let userID): json.field("user_id", userID)
        case .identify(let anonymousID, let userID):
            json.field("user_id", userID)
            json.field("anonymous_id", anonymousID)
        }
        if let extraField, let extra = event.extra { json.field(key: extraField, .text(extra)) }
        json.endObject()
        return json.bytes
    }

    private static func write(_ offer: Event.Offer, _ json: inout JSONWriter) {
        json.field("user_id", offer.userID)
        json.field("item_id", offer.itemID)
        if offer.isPriced { json.field("price", offer.price) }
        json.field("discount", offer.discount)
        write("recommendation_id", offer.recommendationID, &json)
        write("propensity", offer.propensity, &json)
        write("position", offer.position, &json)
        write("session_id", offer.sessionID, &json)
        write("context", offer.context, &json)
        if let item = offer.item {
            json.beginObject("item")
            write(item, &json)
            json.endObject()
        }
    }

    private static func write(_ refund: Event.Refund, _ json: inout JSONWriter) {
        write("user_id", refund.userID, &json)
        write("order_id", refund.orderID, &json)
        write("purchase_event_id", refund.purchaseEventID, &json)
        write("item_id", refund.itemID, &json)
        write("quantity", refund.quantity, &json)
    }

    private static func write(_ item: Event.Item, _ json: inout JSONWriter) {
        write("title", item.title, &json)
        write("description", item.description, &json)
        write("category", item.category, &json)
        write("brand", item.brand, &json)
        write("attributes", item.attributes, &json)
        write("price", item.price, &json)
        write("cost", item.cost, &json)
        write("stock", item.stock, &json)
        write("min_price", item.minPrice, &json)
        write("channel", item.channel, &json)
        if item.deleted { json.field("deleted", true) }
    }

    private static func write(_ key: StaticString, _ text: String?, _ json: inout JSONWriter) {
        if let text { json.field(key, text) }
    }

    private static func write(_ key: StaticString, _ number: Double?, _ json: inout JSONWriter) {
        if let number { json.field(key, number) }
    }

    private static func write(_ key: StaticString, _ number: Int?, _ json: inout JSONWriter) {
        if let number { json.field(key, Int64(number)) }
    }

    private static func write(
        _ key: StaticString, _ map: [Event.Attribute], _ json: inout JSONWriter
    ) {
        guard !map.isEmpty else { return }
        json.beginObject(key)
        for attribute in map { json.field(key: attribute.key, attribute.value) }
        json.endObject()
    }
}
