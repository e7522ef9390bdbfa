import Engine
import Events
import Pricing
import Records
import Testing

/// Budgets in the engine: what offers reserve, purchases spend, and a replay finds.
@Suite struct BudgetTests {
    /// Of every decision a discount of 0 or 2.00 of 10.00 is drawn.
    private struct Shop {
        var shop: RuleShop

        init(_ budgets: [Budget]) throws {
            shop = try RuleShop {
                $0.depths = [0, 0.2]
                $0.offerLifetimeMs = 320_000
                $0.budgets = budgets
            }
            _ = try take([
                Event(
                    eventID: "item", tsMs: 0,
                    body: .item(
                        Event.Item(
                            itemID: "kettle", title: "Steel Kettle", category: "Kitchen",
                            price: 10, cost: 1)))
            ])
        }

        var engine: Engine { shop.engine }
        var state: MemoryState {
            get { shop.state }
            set { shop.state = newValue }
        }

        mutating func take(
            _ events: [Event], reading other: (any StateReader)? = nil
        ) throws -> [Recommendation] {
            try shop.take(events, reading: other)
        }

        /// A click each of so many shoppers, a second apart.
        mutating func clicks(_ count: Int, from ms: Int64, _ name: String = "u") throws
            -> [Recommendation]
        {
            var offers: [Recommendation] = []
            for number in 0..<count {
                offers += try take([
                    BudgetTests.click("\(name)\(number)", atMs: ms + Int64(number) * 1_000)
                ])
            }
            return offers
        }

        func sums(_ name: String = "b") throws -> [Double] {
            let report = try #require(
                try engine.budgets(reading: state).first { $0.name == name })
            let spend = try #require(report.spend)
            #expect(abs(spend.limit - spend.spent - spend.reserved - spend.left) < 1e-9)
            return [spend.spent, spend.reserved]
        }
    }

    private static func click(_ user: String, atMs ms: Int64) -> Event {
        Event(
            eventID: "c\(user)\(ms)", tsMs: ms,
            body: .click(Event.Offer(userID: user, itemID: "kettle", price: 10)))
    }

    private static func purchase(
        _ offer: Recommendation, quantity: Int = 1, atMs ms: Int64, paid: Double? = nil,
        names: Bool = true
    ) -> Event {
        var its = Event.Offer(userID: offer.userID, itemID: "kettle", price: 10)
        if names { its.recommendationID = offer.recommendationID }
        return Event(
            eventID: "p\(offer.userID)\(ms)", tsMs: ms,
            body: .purchase(Event.Purchase(offer: its, quantity: quantity, paid: paid)))
    }

    private static func budget(
        _ cents: Int64, scope: Budget.Scope = Budget.Scope(), isPaced: Bool = false
    ) -> Budget {
        Budget(
            name: "b", scope: scope, period: .calendar(.day, timeZone: "UTC"), spendMax: cents,
            isPaced: isPaced)
    }

    @Test("offers reserve until nothing is left; what is bought is spent, the rest is released")
    func life() throws {
        var shop = try Shop([Self.budget(1_100)])
        let offers = try shop.clicks(40, from: 1_000)
        let discounted = offers.filter { $0.discount > 0 }
        #expect(discounted.count == 5 && offers.contains { $0.rules == ["budget"] })
        #expect(try shop.sums() == [0, 10])
        _ = try shop.take([
            Self.purchase(discounted[0], atMs: 50_000),
            Self.purchase(discounted[1], atMs: 50_001, paid: 8.5, names: false),
            // At the list price: nothing is given away.
            Self.purchase(discounted[2], atMs: 50_002, paid: 10),
        ])
        #expect(try shop.sums() == [3.5, 6])
        // All have ended, and time has passed them: 11.00 less 3.50 are three offers and 1.50.
        let later = try shop.clicks(40, from: 400_000, "v")
        #expect(later.count { $0.discount > 0 } == 3)
        #expect(try shop.sums() == [3.5, 6])
    }

    @Test("of one purchase more than was reserved is spent as it was, and is seen")
    func beyond() throws {
        var shop = try Shop([Self.budget(300)])
        let offer = try #require(try shop.clicks(20, from: 1_000).first { $0.discount > 0 })
        _ = try shop.take([Self.purchase(offer, quantity: 3, atMs: 40_000)])
        #expect(try shop.sums() == [6, 0])
        #expect(try shop.clicks(20, from: 400_000, "v").allSatisfy { $0.discount == 0 })
    }

    @Test("an offer that stands is not reserved twice, and is once more after it was bought")
    func standing() throws {
        var shop = try Shop([Self.budget(400)])
        let offer = try #require(try shop.clicks(20, from: 1_000).first { $0.discount > 0 })
        #expect(try shop.sums()[1] == 4)
        let again = try #require(
            try shop.take([Self.click(offer.userID, atMs: 60_000)]).first)
        #expect(again.rules == ["offer_held"] && again.price == 8)
        #expect(try shop.sums() == [0, 4])
        _ = try shop.take([Self.purchase(offer, atMs: 61_000)])
        #expect(try shop.sums() == [2, 2])
        // Nothing is left for it: it falls.
        let fallen = try #require(
            try shop.take([Self.click(offer.userID, atMs: 62_000)]).first)
        #expect(fallen.price == 10 && fallen.rules.contains("budget"))
    }

    @Test("a budget is for its scope alone")
    func scope() throws {
        var shop = try Shop([Self.budget(1, scope: Budget.Scope(categories: ["Wine"]))])
        let offers = try shop.clicks(20, from: 1_000)
        #expect(offers.contains { $0.discount > 0 } && offers.allSatisfy { $0.rules == [] })
        #expect(try shop.sums() == [0, 0])
        #expect(shop.state.value(RuleTables.budgets, Array("b".utf8)) == nil)
    }

    @Test("what was published before a rewind is not reserved and spent again")
    func rewound() throws {
        var shop = try Shop([Self.budget(10_000)])
        let before = shop
        let offers = try shop.clicks(10, from: 1_000)
        let discounted = try #require(offers.first { $0.discount > 0 })
        _ = try shop.take([Self.purchase(discounted, atMs: 20_000)])
        let sums = try shop.sums()
        #expect(sums[0] == 2 && sums[1] > 0)
        // The learned state goes back; the ledger stays.
        var again = before
        for table in RuleTables.all {
            var changes = StateChanges()
            shop.state.forEach(table) { changes.put(table, $0, $1) }
            again.state.apply(changes)
        }
        let marks = [EngineFixture.topic: shop.shop.offset + 1]
        for number in 0..<10 {
            let rules = RecordedRules(again.state, publishedTo: marks)
            _ = try again.take(
                [Self.click("u\(number)", atMs: 1_000 + Int64(number) * 1_000)], reading: rules)
        }
        _ = try again.take(
            [Self.purchase(discounted, atMs: 20_000)],
            reading: RecordedRules(again.state, publishedTo: marks))
        #expect(try again.sums() == sums)
        // Behind the marks it reserves as ever.
        for number in 0..<20 {
            let rules = RecordedRules(again.state, publishedTo: marks)
            _ = try again.take(
                [Self.click("v\(number)", atMs: 21_000 + Int64(number) * 1_000)], reading: rules)
        }
        #expect(try again.sums()[1] > sums[1])
    }

    @Test("a step that is given the rows it read comes to the same, whatever the ledger says today")
    func replayed() throws {
        var first = try Shop([Self.budget(900, isPaced: true)])
        let offers = try first.clicks(6, from: 1_000)
        let bought = try #require(offers.first { $0.discount > 0 })
        var second = first
        let events = [
            Self.click("x", atMs: 20_000), Self.purchase(bought, atMs: 20_500),
            Self.click("y", atMs: 21_000), Self.click("z", atMs: 22_000),
        ]
        let recorded = RecordedRules(first.state, publishedTo: [EngineFixture.topic: 3])
        let told = try first.take(events, reading: recorded)
        // One account, four shoppers, and up to where was published: each is read once.
        #expect(recorded.rows.count == 6)
        var later = first
        _ = try later.clicks(20, from: 30_000, "w")
        for table in RuleTables.all {
            var changes = StateChanges()
            later.state.forEach(table) { changes.put(table, $0, $1) }
            second.state.apply(changes)
        }
        let replay = ReplayedRules(second.state, rows: recorded.rows)
        let again = try second.take(events, reading: replay)
        #expect(try again.map { try $0.json() } == told.map { try $0.json() })
    }

    @Test("who asks a state is told what its budgets leave")
    func inquiry() throws {
        var shop = try Shop([Self.budget(200)])
        #expect(try shop.clicks(20, from: 1_000).count { $0.discount > 0 } == 1)
        let sums = try shop.sums()
        let question = OfferQuestion(userID: "ada", itemID: "kettle", price: 10, atMs: 9_000)
        let (offer, _) = try shop.engine.inquire(
            question, embedding: WordEmbedding(dimension: 384), reading: shop.state)
        #expect(offer.rules == ["budget"] && offer.price == 10)
        let (free, _) = try shop.engine.inquire(
            question, embedding: WordEmbedding(dimension: 384))
        #expect(free.rules == [])
        #expect(try shop.sums() == sums)
    }

    @Test(
        "an erased shopper's reservations are forgotten, and their sums stay until the offers end")
    func erased() throws {
        var shop = try Shop([Self.budget(10_000)])
        let offer = try #require(try shop.clicks(20, from: 1_000).first { $0.discount > 0 })
        let reserved = try shop.sums()[1]
        let key = RowOwner(user: offer.userID).bytes
        #expect(shop.state.value(RuleTables.budgetOffers, key) != nil)
        _ = try shop.take([
            Event(eventID: "e", tsMs: 30_000, body: .erase(userID: offer.userID))
        ])
        #expect(shop.state.value(RuleTables.budgetOffers, key) == nil)
        #expect(try shop.sums() == [0, reserved])
        _ = try shop.take([Self.click("late", atMs: 700_000)])
        #expect(try shop.sums()[1] <= 2)
    }
}
