import Daemon
import Foundation
import Records
import Schemas
import TestSupport
import Testing

/// One shop's stream in three shapes: Tidemark's own JSON, Segment's calls, and Avro by a registry.
@Suite(.serialized) struct SameStreamTests {
    /// What happened in the shop; guests become users, orders have several lines, some are sent back.
    private enum Happening {
        case viewed(user: String?, guest: String, item: Int)
        case listed(user: String?, guest: String, items: [Int])
        case ordered(user: String?, guest: String, items: [Int])
        case refunded(order: Int, item: Int)
        case joined(user: String, guest: String)
    }

    private static func happenings(_ count: Int) -> [Happening] {
        var random = SeededRandom(seed: 77)
        var known: [String: String] = [:]
        var orders: [(number: Int, item: Int)] = []
        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        return (0..<count).map { number in
            let guest = "g\(below(60))"
            let items = Array(Set((0...below(3)).map { _ in below(ShopStream.items) })).sorted()
            switch below(10) {
            case 0, 1: return .listed(user: known[guest], guest: guest, items: items)
            case 2, 3:
                orders += items.map { (number, $0) }
                return .ordered(user: known[guest], guest: guest, items: items)
            case 4 where !orders.isEmpty:
                let order = orders.remove(at: below(orders.count))
                return .refunded(order: order.number, item: order.item)
            case 5:
                let user = known[guest] ?? "u\(below(20))"
                known[guest] = user
                return .joined(user: user, guest: guest)
            default: return .viewed(user: known[guest], guest: guest, item: items[0])
            }
        }
    }

    private static func ms(_ number: Int) -> Int64 { ShopStream.startMs + Int64(number) * 2_000 }

    private static func shopper(_ user: String?, _ guest: String, _ names: (String, String))
        -> [String: Any]
    {
        var found: [String: Any] = [names.1: guest]
        if let user { found[names.0] = user }
        return found
    }

    /// As Tidemark's own events, one a line.
    private static func own(_ happening: Happening, _ number: Int) -> [[String: Any]] {
        func event(_ type: String, _ id: String, _ more: [String: Any]) -> [String: Any] {
            let common: [String: Any] = ["type": type, "event_id": id, "ts": ms(number)]
            return common.merging(more) { $1 }
        }
        func offer(_ user: String?, _ guest: String, _ item: Int) -> [String: Any] {
            shopper(user, guest, ("user_id", "anonymous_id"))
                .merging(["item_id": "i\(item)", "price": 20.5]) { $1 }
        }
        switch happening {
        case .viewed(let user, let guest, let item):
            return [event("click", "m\(number)", offer(user, guest, item))]
        case .listed(let user, let guest, let items):
            return items.enumerated().map { place, item in
                event("impression", "m\(number)-\(place)", offer(user, guest, item))
            }
        case .ordered(let user, let guest, let items):
            return items.enumerated().map { place, item in
                event(
                    "purchase", "o\(number)-i\(item)-\(place)",
                    offer(user, guest, item).merging(["quantity": 2, "order_id": "o\(number)"]) {
                        $1
                    })
            }
        case .refunded(let order, let item):
            return [
                event("refund", "m\(number)-0", ["order_id": "o\(order)", "item_id": "i\(item)"])
            ]
        case .joined(let user, let guest):
            return [event("identify", "m\(number)", ["user_id": user, "anonymous_id": guest])]
        }
    }

    /// As one call of Segment's.
    private static func segment(_ happening: Happening, _ number: Int) -> [String: Any] {
        var call: [String: Any] = [
            "messageId": "m\(number)", "type": "track", "timestamp": Timestamp.text(ms: ms(number)),
        ]
        func products(_ items: [Int], _ more: [String: Any] = [:]) -> [[String: Any]] {
            items.map { ["product_id": "i\($0)", "price": 20.5].merging(more) { $1 } }
        }
        func track(_ user: String?, _ guest: String, _ name: String, _ properties: [String: Any]) {
            call.merge(shopper(user, guest, ("userId", "anonymousId"))) { $1 }
            call["event"] = name
            call["properties"] = properties
        }
        switch happening {
        case .viewed(let user, let guest, let item):
            track(user, guest, "Product Viewed", products([item])[0])
        case .listed(let user, let guest, let items):
            track(user, guest, "Product List Viewed", ["products": products(items)])
        case .ordered(let user, let guest, let items):
            track(
                user, guest, "Order Completed",
                ["order_id": "o\(number)", "products": products(items, ["quantity": 2])])
        case .refunded(let order, let item):
            call["event"] = "Order Refunded"
            call["properties"] = [
                "order_id": "o\(order)", "products": [["product_id": "i\(item)"]],
            ]
        case .joined(let user, let guest):
            call["type"] = "identify"
            call["userId"] = user
            call["anonymousId"] = guest
        }
        return call
    }

    private static let avro = """
        {"type": "record", "name": "Event", "fields": [
          {"name": "type", "type": {"type": "enum", "name": "Type",
            "symbols": ["click", "impression", "purchase", "refund", "identify"]}},
          {"name": "event_id", "type": "string"},
          {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
          {"name": "user_id", "type": ["null", "string"], "default": null},
          {"name": "anonymous_id", "type": ["null", "string"], "default": null},
          {"name": "item_id", "type": ["null", "string"], "default": null},
          {"name": "price", "type": ["null", "double"], "default": null},
          {"name": "quantity", "type": ["null", "int"], "default": null},
          {"name": "order_id", "type": ["null", "string"], "default": null}]}
        """

    private static func text(_ object: Any) throws -> [UInt8] {
        Array(try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]))
    }

    /// A captured log: what lies at each offset, at the time of its events.
    private static func line(_ value: [UInt8], at number: Int, offset: Int) throws -> String {
        let record: [String: Any] = [
            "tidemark_record": 1, "topic": "shop", "partition": 0, "offset": offset,
            "timestamp": ms(number), "value_base64": Data(value).base64EncodedString(),
        ]
        return String(decoding: try text(record), as: UTF8.self)
    }

    @Test(
        "the same stream as Tidemark's own JSON, as Segment's calls and in Avro comes to the same state"
    )
    func sameState() throws {
        let scratch = try Scratch()
        let registry = try LoopbackServer { request in
            let schema = (try? Self.text(["schema": Self.avro])) ?? []
            return request.path == "/schemas/ids/7"
                ? .json(String(decoding: schema, as: UTF8.self)) : .json("{}", status: 404)
        }
        defer { registry.stop() }
        let happenings = Self.happenings(900)
        let encoder = try AvroEncoder(Self.avro)
        var (own, segment, avro): ([String], [String], [String]) = ([], [], [])
        for (number, happening) in happenings.enumerated() {
            segment.append(
                try Self.line(
                    try Self.text(Self.segment(happening, number)), at: number, offset: number))
            for event in Self.own(happening, number) {
                own.append(
                    try Self.line(try Self.text(event), at: number, offset: own.count))
                let body = try encoder.body(try Self.text(event))
                avro.append(
                    try Self.line([0, 0, 0, 0, 7] + body, at: number, offset: avro.count))
            }
        }
        var shop = ShopStream(seed: 3)
        let catalog = try scratch.log(shop.next(ShopStream.items), "catalog.jsonl")
        func report(_ lines: [String], _ name: String, _ topic: String) throws -> Report {
            let log = try scratch.log(lines, "shop.jsonl", in: name)
            return try Replay(
                try Configuration.load(
                    file: nil, environment: [:],
                    overrides: ShopStream.overrides + [
                        "kafka.topics=[\(topic)]", "registry.url=\(registry.url)",
                        // Batches are counted in the state and cut by records, and a call may stand for
                        // several events: here one batch has all of them.
                        "batch.events=10000", "store.commit_events=10000",
                    ]),
                events: [log], catalog: catalog, store: "\(scratch.path)/store-\(name)"
            ).run()
        }
        let plain = try report(own, "own", "shop")
        let mapped = try report(segment, "segment", "{name: shop, preset: segment, currency: EUR}")
        let framed = try report(avro, "avro", "{name: shop, decoder: avro}")
        #expect(plain.events.deadLettered == 0)
        for type in ["click", "impression", "purchase", "refund", "identify"] {
            #expect((plain.events.byType[type] ?? 0) > 40, "\(type)")
        }
        #expect(plain.events.refunded > 20 && (plain.events.identities?.joined ?? 0) > 20)
        #expect(plain.events.byType == mapped.events.byType)
        #expect(plain.progressive == mapped.progressive)
        #expect(framed.stateSHA256 == plain.stateSHA256)
        // A call that is several events has one offset.
        #expect(mapped.stateSHA256 != plain.stateSHA256)
        #expect(mapped.learnedSHA256 == plain.learnedSHA256)
        #expect(framed.learnedSHA256 == plain.learnedSHA256)
    }
}
