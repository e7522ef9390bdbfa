import Events
import Foundation
import Records
import Testing

/// A guest whose offers, purchases and waiting events become a user's.
@Suite struct ShopperMoveTests {
    private static let place = TopicPartition(topic: "t", partition: 0)

    /// Clicks, purchases and refunds of a guest on the items 0 to 4 and of a user on the items 5 to 9; after
    /// `mergesAt` events the guest's are the user's too.
    private static func events(seed: UInt64, guest: String, mergesAt: Int) -> [Event] {
        var random = SeededRandom(seed: seed)
        var events: [Event] = []
        var orders: [(item: Int, number: Int)] = []
        for number in 0..<400 {
            let isGuest = random.unit() < 0.5
            let item = Int(random.next() % 5) + (isGuest ? 0 : 5)
            let user = isGuest && number < mergesAt ? guest : "user"
            let offer = Event.Offer(userID: user, itemID: "i\(item)", price: 10)
            let ts = Int64(1_700_000_000_000 + number * 700 + Int(random.next() % 3_000))
            let body: Event.Body
            switch random.next() % 6 {
            case 0, 1, 2: body = .click(offer)
            case 3: body = .impression(offer)
            case 4:
                orders.append((item, number))
                body = .purchase(.init(offer: offer, orderID: "o\(number)"))
            default:
                // One that finds nothing keeps the events' numbers what their places are.
                let order = orders.popLast() ?? (item: 0, number: -1)
                // Without a user: the order tells what was bought.
                body = .refund(
                    .init(userID: nil, orderID: "o\(order.number)", itemID: "i\(order.item)"))
            }
            events.append(Event(eventID: "e\(number)", tsMs: ts, body: body))
        }
        return events
    }

    private static func configuration(lateness: Int64 = 5_000) -> AttributionConfiguration {
        AttributionConfiguration(
            windowMs: 60_000, waitMs: 20_000, clickWindowMs: 10_000, latenessMs: lateness,
            refundWindowMs: 100_000)
    }

    private static func restored(_ join: inout AttributionJoin, _ state: inout MemoryState) throws {
        var changes = StateChanges()
        join.collectChanges(into: &changes)
        state.apply(changes)
        join = try AttributionJoin(configuration: join.configuration, from: state)
    }

    private static func named(_ output: JoinOutput) -> String {
        "\(output)".replacingOccurrences(of: "\"guest\"", with: "\"user\"")
    }

    @Test(
        "what is labelled after a guest became a user is what it is for one who was the user all along",
        arguments: 0..<24)
    func exact(seed: UInt64) throws {
        let mergesAt = 60 + Int(seed) * 13
        func run(guest: String, restoring: Bool) throws -> (
            outputs: [JoinOutput], rows: MemoryState
        ) {
            var join = AttributionJoin(configuration: Self.configuration())
            var state = MemoryState()
            var outputs: [JoinOutput] = []
            let events = Self.events(seed: seed, guest: guest, mergesAt: mergesAt)
            for (number, event) in events.enumerated() {
                if number == mergesAt, guest != "user" {
                    if restoring { try Self.restored(&join, &state) }
                    join.move(shopper: guest, to: "user", into: &outputs)
                }
                if restoring, number % 37 == 0 { try Self.restored(&join, &state) }
                join.ingest(event, from: Self.place, offset: Int64(number), into: &outputs)
            }
            join.drain(into: &outputs)
            try Self.restored(&join, &state)
            return (outputs, state)
        }
        // Events of the guest that come after the merge are resolved before they come here.
        let merged = try run(guest: "guest", restoring: false)
        let parted = try run(guest: "guest", restoring: true)
        let whole = try run(guest: "user", restoring: false)
        #expect(merged.outputs == parted.outputs)
        #expect(merged.outputs.map(Self.named) == whole.outputs.map(Self.named))
        #expect(merged.outputs.contains { "\($0)".contains("purchased(") })
        for name in ["join.open", "join.pending", "join.purchases", "join.sold"] {
            let table = StateTable(name, .keyed)
            var rows: [[UInt8]: [UInt8]] = [:]
            whole.rows.forEach(table) { rows[$0] = $1 }
            var found: [[UInt8]: [UInt8]] = [:]
            merged.rows.forEach(table) { found[$0] = $1 }
            #expect(rows == found, "\(name)")
        }
    }

    @Test(
        "where a user has more open examples of an item than there may be, the oldest close early")
    func room() {
        var configuration = Self.configuration(lateness: 0)
        configuration.openPerPairMax = 3
        var join = AttributionJoin(configuration: configuration)
        var outputs: [JoinOutput] = []
        for number in 0..<6 {
            let user = number % 2 == 0 ? "guest" : "user"
            let event = Event(
                eventID: "e\(number)", tsMs: 1_700_000_000_000 + Int64(number),
                body: .click(.init(userID: user, itemID: "i", price: Double(10 + number))))
            join.ingest(event, from: Self.place, offset: Int64(number), into: &outputs)
        }
        join.drain(into: &outputs)
        join.move(shopper: "guest", to: "user", into: &outputs)
        let closed = outputs.compactMap { output in
            if case .closedEarly(let early) = output { early.example.openedBy } else { nil }
        }
        #expect(closed == ["e0", "e1", "e2"])
        #expect(join.openCount == 3)
    }

    @Test("a refund that names an unknown purchase takes no other line of the order")
    func refundOfALine() {
        func labels(item: String?) -> [JoinOutput] {
            var join = AttributionJoin(configuration: Self.configuration(lateness: 0))
            var outputs: [JoinOutput] = []
            func send(_ id: String, _ second: Int64, _ body: Event.Body) {
                join.ingest(
                    Event(eventID: id, tsMs: 1_700_000_000_000 + second * 1_000, body: body),
                    from: Self.place, offset: second, into: &outputs)
            }
            let offer = Event.Offer(userID: "u", itemID: "i", price: 10)
            send("c", 0, .click(offer))
            send("o-1", 1, .purchase(.init(offer: offer, orderID: "o")))
            send(
                "r", 2,
                .refund(.init(userID: nil, orderID: "o", purchaseEventID: "o-2", itemID: item)))
            send("z", 3, .click(.init(userID: "-", itemID: "-", price: 1)))
            return outputs
        }
        #expect(labels(item: nil).contains(.unmatchedRefund(eventID: "r")))
        #expect(labels(item: "j").contains(.unmatchedRefund(eventID: "r")))
        #expect(labels(item: "i").contains(.corrected(ExampleID(0), .notPurchased)))
    }
}
