import Engine
import Events
import Pricing
import Records
import Testing

/// Deep discounts that wait for a person's word, in the engine.
@Suite struct ApprovalTests {
    private static let dayMs: Int64 = 86_400_000

    /// A shop that explores nothing and gives what its habit says: 0.3, above what needs no word.
    private static func shop(items: Int = 1) throws -> RuleShop {
        var shop = try RuleShop {
            $0.depths = [0, 0.1, 0.3]
            $0.holdoutFraction = 0
            $0.rules.approval.above = 0.1
            $0.rules.approval.waitMs = 2 * Self.dayMs
        }
        for number in 0..<items {
            _ = try shop.take(
                Event(
                    eventID: "item \(number)", tsMs: dayMs,
                    body: .item(
                        Event.Item(itemID: "i\(number)", title: "Kettle", price: 100, cost: 1))))
        }
        return shop
    }

    private static func click(_ id: String, item: Int = 0, atMs ms: Int64) -> Event {
        Event(
            eventID: id, tsMs: ms,
            body: .click(Event.Offer(userID: id, itemID: "i\(item)", price: 100)))
    }

    private static func commit(_ shop: inout RuleShop) {
        var changes = StateChanges()
        shop.engine.collectChanges(into: &changes)
        shop.state.apply(changes)
    }

    /// Has the ledger note a wish, as a decision does.
    private static func wish(
        _ ledger: inout RuleLedger, item: String, atMs ms: Int64, depth: Double = 0.3
    ) throws -> RuleLedger.WishOutcome? {
        let sight = try ledger.look(
            RuleLedger.Asking("u", item, known: nil, decisionID: "d\(ms)", atMs: ms))
        return try ledger.note(WithheldOffer(depth: depth, gain: 2), sight)
    }

    @Test("no discount goes beyond what needs no word, until a person says so, and while it holds")
    func approved() throws {
        var shop = try Self.shop()
        func depths(_ name: String, atMs ms: Int64) throws -> Set<Double> {
            Set(
                try (0..<60).flatMap {
                    try shop.take(Self.click("\(name)\($0)", atMs: ms)).map(\.discount)
                })
        }
        #expect(try depths("a", atMs: 2 * Self.dayMs) == [0, 0.1])
        let said = try shop.engine.approve(
            "i0", .init(depth: 0.3, fromMs: 2 * Self.dayMs, untilMs: 4 * Self.dayMs),
            reading: shop.state)
        Self.commit(&shop)
        #expect(said.answer?.depth == 0.3)
        #expect(try depths("b", atMs: 3 * Self.dayMs) == [0, 0.1, 0.3])
        #expect(try depths("c", atMs: 4 * Self.dayMs) == [0, 0.1])
        #expect(try Engine.approvals(reading: shop.state, atMs: 3 * Self.dayMs).count == 1)
        #expect(try Engine.approvals(reading: shop.state, atMs: 4 * Self.dayMs).isEmpty)
    }

    @Test("wishes are counted by item, wait for so long, and are no more once a person has spoken")
    func wishes() throws {
        var pricing = PricingConfiguration()
        pricing.rules.approval.above = 0.1
        pricing.rules.approval.waitMs = 1_000
        var ledger = RuleLedger(pricing)
        var state = MemoryState()
        ledger.attach(state)
        func commit() {
            var changes = StateChanges()
            ledger.collectChanges(into: &changes)
            state.apply(changes)
            ledger.attach(state)
        }
        func known(_ ms: Int64) throws -> [String: Approval] {
            Dictionary(
                uniqueKeysWithValues: try Engine.approvals(reading: state, atMs: ms).map {
                    ($0.itemID, $0.approval)
                })
        }
        #expect(try Self.wish(&ledger, item: "a", atMs: 100) == .noted)
        #expect(try Self.wish(&ledger, item: "a", atMs: 200, depth: 0.4) == .noted)
        commit()
        #expect(try Self.wish(&ledger, item: "b", atMs: 300) == .noted)
        commit()
        let first = try #require(try known(400)["a"]?.wish)
        #expect(first.decisions == 2 && first.depth == 0.4 && first.gain == 4)
        // Nobody answered: from 1,100 on it waits no more, and a new wish begins anew.
        #expect(try known(1_100).keys.sorted() == ["b"])
        #expect(try Self.wish(&ledger, item: "a", atMs: 1_250) == .noted)
        commit()
        #expect(try known(1_260)["a"]?.wish?.decisions == 1)
        for (depth, untilMs) in [(0.0, Int64(2_000)), (0.2, 3_000)] {
            _ = try ledger.take(
                .init(depth: depth, fromMs: untilMs - 1_000, untilMs: untilMs), of: "a")
            commit()
            // Declined, or approved of less: the person has spoken.
            #expect(try Self.wish(&ledger, item: "a", atMs: untilMs - 500) == .answered)
            commit()
            #expect(try known(untilMs - 500)["a"]?.wish == nil)
        }
        #expect(try Self.wish(&ledger, item: "a", atMs: 3_500) == .noted)
        // Learned again after a rewind, it was counted.
        var again = RuleLedger.Asking("u", "a", known: nil, decisionID: "d", atMs: 3_600)
        again.isAgain = true
        let sight = try ledger.look(again)
        #expect(try ledger.note(WithheldOffer(depth: 0.3, gain: 1), sight) == nil)
        #expect(try ledger.note(nil, sight) == nil)
    }

    @Test("as many items wait as may, and what is dropped unanswered leaves no row behind")
    func bounded() throws {
        var pricing = PricingConfiguration()
        pricing.rules.approval.above = 0.1
        pricing.rules.approval.waitMs = 10_000
        var ledger = RuleLedger(pricing)
        var state = MemoryState()
        ledger.attach(state)
        for number in 0..<WaitingList.countMax {
            #expect(try Self.wish(&ledger, item: "i\(number)", atMs: Int64(number)) == .noted)
        }
        #expect(try Self.wish(&ledger, item: "one more", atMs: 600) == .noRoom)
        #expect(try Self.wish(&ledger, item: "i3", atMs: 600) == .noted)
        // The first ten have waited for long enough.
        #expect(try Self.wish(&ledger, item: "one more", atMs: 10_009) == .noted)
        var changes = StateChanges()
        ledger.collectChanges(into: &changes)
        state.apply(changes)
        let waiting = try Engine.approvals(reading: state, atMs: 10_009)
        #expect(waiting.count == WaitingList.countMax - 10 + 1)
        var rows = 0
        state.forEach(StateTable("approvals", .ledger)) { _, _ in rows += 1 }
        #expect(rows == waiting.count)
    }

    @Test("a step that is given the rows it read comes to the same, whatever was said since")
    func replayed() throws {
        var first = try Self.shop()
        let second = first
        let events = (0..<40).map { Self.click("r\($0)", atMs: 2 * Self.dayMs + Int64($0)) }
        let recorded = RecordedRules(first.state)
        let offers = try first.take(events, reading: recorded)
        #expect(!recorded.rows.isEmpty)
        var later = second
        _ = try later.engine.approve(
            "i0", .init(depth: 0.9, fromMs: 0, untilMs: 9 * Self.dayMs), reading: later.state)
        Self.commit(&later)
        var freely = later
        #expect(
            try freely.take(events, reading: freely.state).map(\.discount)
                != offers.map(\.discount))
        let replay = ReplayedRules(later.state, rows: recorded.rows)
        let again = try later.take(events, reading: replay)
        #expect(try again.map { try $0.json() } == offers.map { try $0.json() })
    }
}
