import Engine
import Events
import Pricing
import Records
import Testing

/// Shoppers who object to personalised prices, in the engine.
@Suite struct ObjectionTests {
    private static let dayMs: Int64 = 86_400_000

    private static func shop() throws -> RuleShop {
        var shop = try RuleShop {
            $0.depths = [0, 0.3]
            $0.holdoutFraction = 0
            $0.offerLifetimeMs = 30 * Self.dayMs
        }
        _ = try shop.take(
            Event(
                eventID: "item", tsMs: dayMs,
                body: .item(Event.Item(itemID: "kettle", title: "Kettle", price: 100, cost: 1))))
        return shop
    }

    private static func click(_ id: String, _ user: String, atMs ms: Int64) -> Event {
        Event(
            eventID: id, tsMs: ms,
            body: .click(Event.Offer(userID: user, itemID: "kettle", price: 100)))
    }

    private static func objection(_ user: String, atMs ms: Int64) -> Event {
        Event(eventID: "objection \(user)", tsMs: ms, body: .objection(userID: user))
    }

    /// A shopper to whom a discount was offered, which stands for a month.
    private static func discounted(in shop: inout RuleShop) throws -> String {
        for number in 0..<50 {
            let offers = try shop.take(click("c\(number)", "u\(number)", atMs: 2 * dayMs))
            if try #require(offers.first).discount > 0 { return "u\(number)" }
        }
        throw Missing(what: "a discount")
    }

    private static func isBarred(_ offers: [Recommendation]) -> Bool {
        offers.count == 1 && offers[0].discount == 0 && offers[0].price == 100
            && offers[0].propensity == 1 && offers[0].rules.contains("objection")
    }

    @Test("who objects gets list prices from then on, for good, also where an offer stands")
    func honoured() throws {
        var shop = try Self.shop()
        let user = try Self.discounted(in: &shop)
        let held = try shop.take(Self.click("again", user, atMs: 3 * Self.dayMs))
        #expect(held.first?.rules.contains("offer_held") == true)
        // Before the objection by event time: it is read later, and honoured all the same.
        _ = try shop.take(Self.objection(user, atMs: 4 * Self.dayMs))
        #expect(Self.isBarred(try shop.take(Self.click("late", user, atMs: 3 * Self.dayMs + 1))))
        #expect(Self.isBarred(try shop.take(Self.click("next", user, atMs: 5 * Self.dayMs))))
        #expect(Engine.knows(user, in: shop.state) == 4 * Self.dayMs)
        // The first one counts.
        _ = try shop.take(Self.objection(user, atMs: 6 * Self.dayMs))
        #expect(Engine.knows(user, in: shop.state) == 4 * Self.dayMs)
        _ = try shop.take(
            Event(eventID: "gone", tsMs: 7 * Self.dayMs, body: .erase(userID: user)))
        #expect(Self.isBarred(try shop.take(Self.click("back", user, atMs: 8 * Self.dayMs))))
        // All others go on.
        let others = try (0..<40).flatMap { number in
            try shop.take(Self.click("o\(number)", "o\(number)", atMs: 9 * Self.dayMs))
        }
        #expect(
            others.contains { $0.discount > 0 } && !others.contains { $0.rules == ["objection"] })
        let (asked, _) = try shop.engine.inquire(
            OfferQuestion(userID: user, itemID: "kettle", price: 100, atMs: 9 * Self.dayMs),
            embedding: WordEmbedding(dimension: 384), reading: shop.state)
        #expect(asked.rules.contains("objection") && asked.discount == 0)
    }

    @Test("an objection by the API holds for the next decision, and is new once")
    func atABoundary() throws {
        var shop = try Self.shop()
        let user = try Self.discounted(in: &shop)
        for isNew in [true, false] {
            let said = try shop.engine.object(user, atMs: 3 * Self.dayMs, reading: shop.state).isNew
            #expect(said == isNew)
            var changes = StateChanges()
            shop.engine.collectChanges(into: &changes)
            // Neither learned state nor a key of the shopper's: only a row of the ledger.
            let rows = changes.rows.filter { $0.table == RuleTables.objections }
            #expect(rows.count == (isNew ? 1 : 0) && rows.allSatisfy { $0.owner == nil })
            shop.state.apply(changes)
        }
        #expect(Self.isBarred(try shop.take(Self.click("next", user, atMs: 4 * Self.dayMs))))
    }

    @Test("learned again after a rewind, what was told before the objection is as it was told")
    func learnedAgain() throws {
        var shop = try Self.shop()
        let before = shop
        let user = try Self.discounted(in: &shop)
        _ = try shop.take(Self.objection(user, atMs: 4 * Self.dayMs))
        _ = try shop.take(Self.click("after", user, atMs: 5 * Self.dayMs))
        let marks = [EngineFixture.topic: shop.offset + 1]
        var again = before
        var changes = StateChanges()
        shop.state.forEach(RuleTables.objections) { changes.put(RuleTables.objections, $0, $1) }
        again.state.apply(changes)
        again.offset = shop.offset - 3
        func take(_ event: Event) throws -> [Recommendation] {
            try again.take(event, reading: RecordedRules(again.state, publishedTo: marks))
        }
        let number = String(user.dropFirst())
        let told = try take(Self.click("c\(number)", user, atMs: 2 * Self.dayMs))
        #expect(told.first?.discount == 0.3)
        again.offset += 1
        #expect(Self.isBarred(try take(Self.click("after", user, atMs: 5 * Self.dayMs))))
        // A record that was not published before: whatever its time.
        #expect(Self.isBarred(try take(Self.click("new", user, atMs: 2 * Self.dayMs + 5))))
    }

    @Test(
        "a step that is given the objections it read comes to the same; without any it notes none")
    func replayed() throws {
        var first = try Self.shop()
        let user = try Self.discounted(in: &first)
        var second = first
        let quiet = RecordedRules(first.state)
        _ = try first.take(Self.click("q", "someone", atMs: 3 * Self.dayMs), reading: quiet)
        #expect(quiet.objections.isEmpty && quiet.rows.isEmpty)
        _ = try second.take(Self.click("q", "someone", atMs: 3 * Self.dayMs), reading: quiet)
        _ = try first.engine.object(user, atMs: 3 * Self.dayMs, reading: first.state)
        var changes = StateChanges()
        first.engine.collectChanges(into: &changes)
        first.state.apply(changes)
        let events = ["a", "b", user, "d"].map { Self.click("r\($0)", $0, atMs: 4 * Self.dayMs) }
        let recorded = RecordedRules(first.state)
        let offers = try first.take(events, reading: recorded)
        #expect(recorded.objections.map { $0 != nil } == [false, false, true])
        let replay = ReplayedRules(
            second.state, rows: recorded.rows, objections: recorded.objections)
        let again = try second.take(events, reading: replay)
        #expect(try again.map { try $0.json() } == offers.map { try $0.json() })
        #expect(offers[2].rules == ["objection"])
    }
}

extension Engine {
    /// Since when the state has an objection of a shopper.
    fileprivate static func knows(_ userID: String, in state: MemoryState) -> Int64? {
        try? objectedMs(userID, reading: state)
    }
}
