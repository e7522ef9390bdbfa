import Engine
import Events
import Pricing
import Records
import Testing

/// Rules that look at what was offered before, in the engine: their rows, and what reads them.
@Suite struct RuleLedgerTests {
    private static let dayMs: Int64 = 86_400_000

    private func item(
        _ price: Double, day: Double, minPrice: Double? = nil, channel: String? = nil
    ) -> Event {
        var kettle = Event.Item(
            itemID: "kettle", title: "Steel Kettle", category: "Kitchen", brand: "Boil",
            price: price, cost: 1)
        kettle.minPrice = minPrice
        kettle.channel = channel
        return Event(
            eventID: "item \(price) \(day)", tsMs: Int64(day * Double(Self.dayMs)),
            body: .item(kettle))
    }

    private func click(_ id: String, user: String = "ada", day: Double, price: Double = 100)
        -> Event
    {
        Event(
            eventID: id, tsMs: Int64(day * Double(Self.dayMs)),
            body: .click(Event.Offer(userID: user, itemID: "kettle", price: price)))
    }

    @Test(
        "a shopper gets no more discounted offers than the cap, over commits, until the period is over"
    )
    func caps() throws {
        var shop = try RuleShop {
            $0.depths = [0, 0.3]
            $0.rules.caps[.shopper] = .init(offers: 2, periodMs: 7 * Self.dayMs)
        }
        _ = try shop.take(item(100, day: 1))
        var discounted: [Double] = []
        var day = 2.0
        var barred = 0
        for index in 0..<120 {
            let offers = try shop.take(click("c\(index)", day: day))
            let offer = try #require(offers.first)
            if offer.discount > 0 { discounted.append(day) }
            if offer.rules == ["frequency_cap"] {
                barred += 1
                #expect(offer.discount == 0 && offer.propensity == 1)
            }
            day += 0.25
        }
        #expect(discounted.count >= 6 && barred > 60)
        for first in discounted {
            #expect(discounted.count { $0 >= first && $0 < first + 7 } <= 2)
        }
        // Another shopper has offers of her own.
        var offers: [Recommendation] = []
        for index in 0..<20 {
            offers += try shop.take(click("d\(index)", user: "bo\(index)", day: day))
        }
        #expect(offers.contains { $0.discount > 0 })
    }

    @Test("an erased shopper's offers are forgotten with everything else")
    func erased() throws {
        var shop = try RuleShop {
            $0.rules.caps[.shopper] = .init(offers: 64, periodMs: Self.dayMs)
        }
        _ = try shop.take(item(100, day: 1))
        for index in 0..<10 { _ = try shop.take(click("c\(index)", day: 2)) }
        let key = RowOwner(user: "ada").bytes
        #expect(shop.state.value(RuleTables.shoppers, key) != nil)
        _ = try shop.take(Event(eventID: "e", tsMs: 3 * Self.dayMs, body: .erase(userID: "ada")))
        #expect(shop.state.value(RuleTables.shoppers, key) == nil)
    }

    @Test("without such rules nothing of them is kept, and no prior price is told")
    func nothingKept() throws {
        var shop = try RuleShop { _ in }
        _ = try shop.take(item(100, day: 1))
        let offers = try shop.take(click("c", day: 2))
        let json = String(decoding: try #require(offers.first).json(), as: UTF8.self)
        #expect(!json.contains("prior_price"))
        for table in RuleTables.all {
            var rows = 0
            shop.state.forEach(table) { _, _ in rows += 1 }
            #expect(rows == 0, "\(table.name)")
        }
    }

    @Test("the catalogue's minimum holds, and goes when it says 0")
    func minimum() throws {
        var shop = try RuleShop { $0.depths = [0, 0.2, 0.4] }
        _ = try shop.take(item(100, day: 1, minPrice: 75))
        func prices() throws -> Set<Double> {
            var prices: Set<Double> = []
            for index in 0..<60 {
                let id = "c\(index) \(shop.offset)"
                prices.formUnion(
                    try shop.take(click(id, user: id, day: 2)).map(\.price))
            }
            return prices
        }
        #expect(try prices() == [100, 80])
        _ = try shop.take(item(100, day: 2, minPrice: 0))
        #expect(try prices() == [100, 80, 60])
    }

    @Test("a reduction is measured against the lowest price of its channel's thirty days")
    func priorPrice() throws {
        var shop = try RuleShop {
            $0.depths = [0, 0.1]
            $0.rules.prior.days = 30
            $0.rules.channel = "web"
        }
        _ = try shop.take(item(100, day: 1, channel: "web"))
        // What the branches charge is none of the web's prices.
        _ = try shop.take(item(50, day: 20, channel: "branches"))
        _ = try shop.take(item(80, day: 21, channel: "web"), item(100, day: 22))
        func offers(day: Double) throws -> [Recommendation] {
            var all: [Recommendation] = []
            for index in 0..<30 {
                let id = "c\(index) \(day)"
                all += try shop.take(click(id, user: id, day: day))
            }
            return all
        }
        let new = try offers(day: 30)
        #expect(new.allSatisfy { $0.discount == 0 && $0.rules == ["prior_price"] })
        #expect(new.allSatisfy { $0.priorPrice == nil })
        let old = try offers(day: 40)
        #expect(Set(old.map(\.price)) == [100, 72] && old.allSatisfy { $0.priorPrice == 80 })
        #expect(Set(old.map(\.discount)) == [0, 0.1])
        #expect(String(decoding: try old[0].json(), as: UTF8.self).contains(#""prior_price":80"#))
    }

    @Test("a discounted offer ends where a blackout begins, and another at its time")
    func blackout() throws {
        var shop = try RuleShop {
            $0.offerLifetimeMs = 10 * Self.dayMs
            $0.rules.blackouts = [Blackout(fromMs: 5 * Self.dayMs, toMs: 6 * Self.dayMs)]
        }
        _ = try shop.take(item(100, day: 1))
        for index in 0..<30 {
            let id = "c\(index)"
            let offer = try #require(try shop.take(click(id, user: id, day: 2)).first)
            #expect(offer.expiresMs == (offer.discount > 0 ? 5 : 12) * Self.dayMs)
            let within = try #require(try shop.take(click(id + "w", user: id, day: 5.5)).first)
            #expect(within.discount == 0 && within.rules.contains("blackout"))
        }
    }

    @Test("a step that is given the rows it read comes to the same, whatever the ledger says today")
    func replayed() throws {
        var first = try RuleShop {
            $0.depths = [0, 0.1, 0.2, 0.3]
            $0.rules.caps[.item] = .init(offers: 5, periodMs: Self.dayMs)
            $0.rules.dayChanges[.shopperItem] = 0.1
        }
        _ = try first.take(item(100, day: 1))
        for index in 0..<3 { _ = try first.take(click("a\(index)", day: 1.5)) }
        var second = first
        let recorded = RecordedRules(first.state)
        let offers = try first.take(
            click("b", day: 1.6), click("c", user: "bo", day: 1.7), reading: recorded)
        #expect(recorded.rows.count >= 3)
        // The ledger has gone on: the same shoppers were offered more.
        var later = first
        for index in 0..<9 { _ = try later.take(click("d\(index)", user: "bo", day: 1.7)) }
        for table in RuleTables.all {
            var changes = StateChanges()
            later.state.forEach(table) { changes.put(table, $0, $1) }
            second.state.apply(changes)
        }
        let replay = ReplayedRules(second.state, rows: recorded.rows)
        let again = try second.take(
            click("b", day: 1.6), click("c", user: "bo", day: 1.7), reading: replay)
        #expect(try again.map { try $0.json() } == offers.map { try $0.json() })
    }
}
