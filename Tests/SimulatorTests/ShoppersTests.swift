import Events
import Pricing
import Simulator
import Testing

@Suite struct ShoppersTests {
    @Test("the same seed gives the same bytes, another seed others")
    func deterministic() throws {
        func bytes(seed: UInt64, _ discounts: VisitPlan.Discounts) throws -> String {
            var shoppers = try shoppers(seed: seed, visits: 3000, discounts: discounts)
            let events = shoppers.catalogue() + run(&shoppers, visits: 3000, respond: halfPrice)
            return events.map { String(decoding: EventEncoder.encode($0), as: UTF8.self) }.joined(
                separator: "\n")
        }
        for discounts in [VisitPlan.Discounts.recommended, .random] {
            let first = try bytes(seed: 1, discounts)
            #expect(try bytes(seed: 1, discounts) == first)
            #expect(try bytes(seed: 2, discounts) != first)
        }
    }

    private func halfPrice(_ waiting: [(userID: String, itemID: String)]) -> [ReceivedOffer] {
        waiting.compactMap {
            ReceivedOffer(
                recommendationID: "r-\($0.userID)-\($0.itemID)", userID: $0.userID,
                itemID: $0.itemID, discount: 0.5, price: 5, propensity: 0.25)
        }
    }

    @Test("events come in the order of their time, and none lies beyond the plan's end")
    func order() throws {
        for discounts in [VisitPlan.Discounts.recommended, .random] {
            var shoppers = try shoppers(visits: 20_000, discounts: discounts)
            let events = run(&shoppers, visits: 20_000)
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.tsMs <= $1.tsMs })
            #expect((events.last?.tsMs ?? .max) <= spring)
            #expect((events.first?.tsMs ?? 0) >= spring - 28 * day)
            #expect(events.clicks.count == 20_000)
            #expect(shoppers.pendingCount < 200)
        }
    }

    @Test("event ids are never given twice, in one run or in the next")
    func eventIDs() throws {
        var first = try shoppers(visits: 5000)
        let world = first.world
        var second = Shoppers(
            world: world, plan: .ending(atMs: spring + day, visits: 5000, spanMs: 28 * day))
        let events =
            first.catalogue() + run(&first, visits: 5000) + second.catalogue()
            + run(&second, visits: 5000)
        #expect(Set(events.map(\.eventID)).count == events.count)
    }

    @Test("a refund names an order that was placed, and comes after it")
    func refunds() throws {
        var shoppers = try shoppers(visits: 40_000)
        let events = run(&shoppers, visits: 40_000)
        let orders = Dictionary(
            events.purchases.map { ($0.purchase.orderID, $0) }, uniquingKeysWith: { a, _ in a })
        #expect(orders.count == events.purchases.count)
        #expect(events.refunds.count > 50)
        for (event, refund) in events.refunds {
            let order = try #require(orders[refund.orderID])
            #expect(event.tsMs > order.event.tsMs)
            #expect(refund.itemID == order.purchase.offer.itemID)
            #expect(refund.userID == order.purchase.offer.userID)
            #expect(refund.quantity == order.purchase.quantity)
        }
        let share = Double(events.refunds.count) / Double(orders.count)
        #expect(share > 0.01 && share < 0.07)
    }

    @Test("a purchase carries what was offered, and follows its click")
    func purchases() throws {
        var shoppers = try shoppers(visits: 5000)
        let events = run(&shoppers, visits: 5000, respond: halfPrice)
        let clicks = Dictionary(
            events.clicks.map { ($0.offer.sessionID, $0) }, uniquingKeysWith: { a, _ in a })
        #expect(events.purchases.count > 1000)
        for (event, purchase) in events.purchases {
            let offer = purchase.offer
            let click = try #require(clicks[offer.sessionID])
            #expect(click.offer.userID == offer.userID && click.offer.itemID == offer.itemID)
            #expect(click.offer.discount == 0 && click.offer.price == offer.price)
            #expect(offer.discount == 0.5 && purchase.paid == 5)
            #expect(offer.recommendationID == "r-\(offer.userID)-\(offer.itemID)")
            #expect(offer.propensity == 0.25 && event.tsMs >= click.event.tsMs)
        }
        #expect(shoppers.scoreboard.total.offers == 5000)
    }

    @Test("without a recommendation the list price is paid, and no recommendation is named")
    func noOffers() throws {
        var shoppers = try shoppers(visits: 5000)
        let events = run(&shoppers, visits: 5000)
        #expect(events.purchases.count > 200)
        for (_, purchase) in events.purchases {
            #expect(purchase.paid == purchase.offer.price)
            #expect(purchase.offer.recommendationID == nil)
        }
        let board = shoppers.scoreboard
        #expect(board.total.offers == 0)
        #expect(board.margin(.offered, board.total) == board.margin(.noDiscount, board.total))
    }

    @Test("an offer that comes late is shown at the next visit until it expires")
    func heldOffers() throws {
        var shoppers = try shoppers(visits: 60_000)
        let world = shoppers.world
        // Every offer is for the pairs of the batch before, valid for the whole run.
        var before: [(userID: String, itemID: String)] = []
        let events = run(&shoppers, visits: 60_000) { waiting in
            defer { before = waiting }
            return before.compactMap {
                ReceivedOffer(
                    recommendationID: "late", userID: $0.userID, itemID: $0.itemID, discount: 0.1,
                    price: 9, expiresAtMs: spring)
            }
        }
        let shown = shoppers.scoreboard.total.offers
        #expect(shown > 50)
        #expect(events.purchases.contains { $0.purchase.offer.recommendationID == "late" })

        var expired = Shoppers(world: world, plan: shoppers.plan)
        before = []
        _ = run(&expired, visits: 60_000) { waiting in
            defer { before = waiting }
            return before.compactMap {
                ReceivedOffer(
                    recommendationID: "late", userID: $0.userID, itemID: $0.itemID, discount: 0.1,
                    price: 9, expiresAtMs: spring - 28 * day)
            }
        }
        // Only a pair that happens to be visited in two batches running has an offer then.
        #expect(expired.scoreboard.total.offers < shown / 10)
    }

    @Test("an offer that is no price is not taken for one")
    func badOffers() {
        for (discount, price) in [(1.0, 5.0), (-0.1, 5), (.nan, 5), (0.1, 0), (0.1, .infinity)] {
            #expect(
                ReceivedOffer(
                    recommendationID: "r", userID: "u", itemID: "i", discount: discount,
                    price: price) == nil)
        }
    }

    @Test("every event passes the decoder, and comes back as it was")
    func decodes() throws {
        for discounts in [VisitPlan.Discounts.recommended, .random] {
            var shoppers = try shoppers(visits: 3000, discounts: discounts)
            let events = shoppers.catalogue() + run(&shoppers, visits: 3000, respond: halfPrice)
            let decoder = EventDecoder()
            var seen: Set<EventType> = []
            for event in events {
                let decoded = try decoder.decode(EventEncoder.encode(event))
                #expect(decoded == event)
                seen.insert(event.type)
            }
            #expect(seen == [.item, .click, .purchase, .refund])
        }
    }
}
