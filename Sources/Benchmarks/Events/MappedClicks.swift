import Daemon
import Events
import Mapping
import Records

/// The same clicks as Tidemark's own events and under a shop's names, and orders of many lines.
struct MappedClicks {
    let native: [[UInt8]]
    let mapped: [SourceRecord]
    let orders: [SourceRecord]

    static let linesPerOrder = 50

    private static let yaml = """
        rules:
          - name: click
            when: {path: kind, equals: product_click}
            then: click
            fields:
              event_id: uid
              ts: happened
              user_id: shopper
              item_id: product
              price: list
              discount: rebate
              recommendation_id: shown_by
              propensity: chance
              position: rank
          - name: order
            when: {path: kind, equals: order_paid}
            then: purchase
            each: lines
            fields:
              event_id: {join: [order, "@.line"]}
              ts: happened
              user_id: shopper
              item_id: "@.sku"
              price: "@.list"
              quantity: "@.count"
              order_id: order
        otherwise: dead_letter
        """

    static func mapping() throws -> Mapping {
        try MappingFile.mapping(yaml: yaml, name: "the benchmark's mapping")
    }

    /// - Parameter count: of the clicks, and about as many lines of orders.
    init(count: Int, seed: UInt64) {
        var shop = ShopEvents(seed: seed)
        var clicks: [Event] = []
        clicks.reserveCapacity(count)
        while clicks.count < count {
            let event = shop.next()
            if event.type == .click { clicks.append(event) }
        }
        native = clicks.map { EventEncoder.encode($0) }
        mapped = clicks.map { Self.record(Self.click($0)) }
        let starts = stride(from: 0, to: count, by: Self.linesPerOrder)
        orders = starts.map { start in
            let end = min(start + Self.linesPerOrder, count)
            return Self.record(Self.order(clicks[start..<end]))
        }
    }

    private static func record(_ value: [UInt8]) -> SourceRecord {
        SourceRecord(
            position: TopicPartition(topic: "bench", partition: 0), offset: 1, value: value)
    }

    private static func click(_ event: Event) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("kind", "product_click")
        json.field("uid", event.eventID)
        json.field("happened", event.tsMs)
        if let offer = event.offer {
            json.field("shopper", offer.userID)
            json.field("product", offer.itemID)
            json.field("list", offer.price)
            if offer.discount > 0 { json.field("rebate", offer.discount) }
            if let id = offer.recommendationID { json.field("shown_by", id) }
            if let propensity = offer.propensity { json.field("chance", propensity) }
            if let position = offer.position { json.field("rank", Int64(position)) }
        }
        json.endObject()
        return json.bytes
    }

    /// An order of what was clicked.
    private static func order(_ clicks: ArraySlice<Event>) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("kind", "order_paid")
        json.field("order", clicks.first?.eventID ?? "")
        json.field("happened", clicks.first?.tsMs ?? 0)
        json.field("shopper", clicks.first?.userID ?? "")
        json.beginArray("lines")
        for (index, click) in clicks.enumerated() {
            json.beginObject()
            json.field("line", Int64(index))
            json.field("sku", click.itemID ?? "")
            json.field("list", click.offer?.price ?? 0)
            json.field("count", Int64(1 + index % 3))
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
