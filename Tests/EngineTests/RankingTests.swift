import Engine
import Events
import Pricing
import Records
import Testing

/// Offers that are worth showing together.
@Suite struct RankingTests {
    private static let items = 9
    private static let dayMs: Int64 = 86_400_000

    /// A shop whose log shows that discounts sell, the more the higher an item's number.
    private static func shop(_ change: (inout PricingConfiguration) -> Void = { _ in }) throws
        -> RuleShop
    {
        var shop = try RuleShop {
            $0.depths = [0, 0.1, 0.2, 0.3]
            $0.holdoutFraction = 0.2
            $0.exploration = .none
            change(&$0)
        }
        var events: [Event] = []
        for number in 0..<items {
            events.append(
                Event(
                    eventID: "item \(number)", tsMs: dayMs,
                    body: .item(
                        Event.Item(
                            itemID: "i\(number)", title: "Kettle \(number)",
                            category: "c\(number % 3)", brand: "b\(number % 2)",
                            price: 20 + Double(number), cost: 4))))
        }
        _ = try shop.take(events)
        var random = SeededRandom(seed: 5)
        for batch in 0..<20 {
            let rows = (0..<100).map { row in
                let number = Int(random.unit() * Double(items))
                let discount = [0, 0.1, 0.2, 0.3][Int(random.unit() * 4)]
                let chance = 0.05 + discount * (0.5 + 0.15 * Double(number))
                return Event(
                    eventID: "o\(batch) \(row)", tsMs: 2 * dayMs + Int64(batch * 100 + row),
                    body: .outcome(
                        Event.Outcome(
                            offer: Event.Offer(
                                userID: "u\(row % 17)", itemID: "i\(number)",
                                price: 20 + Double(number), discount: discount, propensity: 0.25),
                            purchased: random.unit() < chance)))
            }
            _ = try shop.take(rows)
        }
        return shop
    }

    private static func rank(
        _ shop: RuleShop, _ user: String?, _ slate: Slate,
        _ change: (inout RankingQuestion) -> Void = { _ in }
    ) throws -> Ranking {
        var question = RankingQuestion(userID: user, slate: slate)
        question.itemIDs = (0..<items).map { "i\($0)" }
        change(&question)
        let embedding = WordEmbedding(dimension: 384)
        return try shop.engine.lent(shop.state, embedding).rank(
            question, atMs: 3 * dayMs, embedding: embedding, reading: shop.state)
    }

    /// What each item alone would be offered at.
    private static func alone(_ shop: RuleShop, _ user: String) throws -> [Recommendation] {
        let embedding = WordEmbedding(dimension: 384)
        return try (0..<items).map { number in
            try shop.engine.lent(shop.state, embedding).inquire(
                OfferQuestion(
                    userID: user, itemID: "i\(number)", price: 20 + Double(number),
                    atMs: 3 * dayMs),
                embedding: embedding, reading: shop.state
            ).0
        }
    }

    private static func shopper(in shop: RuleShop, holdout: Bool) throws -> String {
        let found = try (0..<100).map { "u\($0)" }.first {
            try alone(shop, $0)[0].holdout == holdout
        }
        return try #require(found)
    }

    @Test(
        "the offers are those that each item alone would get, and no set within the bounds adds more"
    )
    func exact() throws {
        let shop = try Self.shop()
        let user = try Self.shopper(in: shop, holdout: false)
        let alone = try Self.alone(shop, user)
        #expect(alone.count { $0.discount > 0 } >= 6)
        for slate in [
            Slate(count: 3), Slate(count: 4, perCategory: 1), Slate(count: 9, perBrand: 2),
            Slate(count: 9, perCategory: 1, perBrand: 1), Slate(count: 64),
        ] {
            let ranking = try Self.rank(shop, user, slate)
            #expect(ranking.candidates == Self.items && !ranking.holdout)
            for offer in ranking.offers {
                let number = try #require(Int(offer.itemID.dropFirst()))
                #expect(offer.price == alone[number].price && offer.discount > 0)
                #expect(offer.incrementalMargin == alone[number].incrementalMargin)
            }
            var best = 0.0
            for set in 0..<(1 << Self.items) {
                let chosen = (0..<Self.items).filter { set & (1 << $0) != 0 }
                guard chosen.count <= slate.count,
                    chosen.allSatisfy({ alone[$0].discount > 0 }),
                    (0..<3).allSatisfy({ group in
                        chosen.count { $0 % 3 == group } <= slate.perCategory ?? 99
                    }),
                    (0..<2).allSatisfy({ group in
                        chosen.count { $0 % 2 == group } <= slate.perBrand ?? 99
                    })
                else { continue }
                best = max(best, chosen.reduce(0) { $0 + (alone[$1].incrementalMargin ?? 0) })
            }
            let sum = ranking.offers.reduce(0) { $0 + $1.incrementalMargin }
            #expect(abs(sum - best) < 1e-9, "\(slate): \(sum) of \(best)")
            #expect(try Self.rank(shop, user, slate) == ranking)
        }
    }

    @Test("with a cap and a budget the offers keep to both together, and asking changes nothing")
    func shared() throws {
        let shop = try Self.shop {
            $0.rules.caps[.shopper] = .init(offers: 4, periodMs: Self.dayMs)
            $0.budgets = [
                Budget(
                    name: "all", period: .calendar(.day, timeZone: "UTC"), spendMax: 1_500,
                    usesMax: nil, isPaced: false)
            ]
        }
        let user = try Self.shopper(in: shop, holdout: false)
        let ranking = try Self.rank(shop, user, Slate(count: 9, perCategory: 2))
        #expect((2...4).contains(ranking.offers.count))
        let given = ranking.offers.reduce(0) { $0 + $1.listPrice - $1.price }
        #expect(given <= 15 + 1e-9 && given > 5)
        #expect(try Self.rank(shop, user, Slate(count: 9, perCategory: 2)) == ranking)
        let before = try Self.alone(shop, user).map { try $0.json() }
        #expect(try Self.alone(shop, user).map { try $0.json() } == before)
    }

    @Test(
        "who is held out is shown nothing, nobody in particular is shown what the catalogue earns by"
    )
    func nobody() throws {
        let shop = try Self.shop()
        let held = try Self.rank(shop, try Self.shopper(in: shop, holdout: true), Slate(count: 3))
        #expect(held.holdout && held.offers.isEmpty)
        let nobody = try Self.rank(shop, nil, Slate(count: 3))
        #expect(!nobody.holdout && nobody.offers.count == 3)
        let margins = nobody.offers.map(\.incrementalMargin)
        #expect(margins == margins.sorted(by: >))
        // Without candidates: the items that are remembered, and no item without a price.
        let seen = try Self.rank(shop, nil, Slate(count: 64)) { $0.itemIDs = [] }
        #expect(seen.candidates == Self.items)
        let odd = try Self.rank(shop, nil, Slate(count: 64)) {
            $0.itemIDs = ["i1", "unheard", "i1"]
        }
        #expect(odd.candidates == 1 && odd.withoutPrice == ["unheard"])
        // Of a shopper with a history first what was looked at last.
        var visited = shop
        _ = try visited.take(
            Event(
                eventID: "c", tsMs: 3 * Self.dayMs,
                body: .click(Event.Offer(userID: "u1", itemID: "i4", price: 24))))
        #expect(
            try Self.rank(visited, "u1", Slate(count: 64)) { $0.itemIDs = [] }.candidates
                == Self.items)
    }

    @Test("an offer that stands is shown as it was made, whatever would be offered now")
    func standing() throws {
        var shop = try Self.shop()
        let user = try Self.shopper(in: shop, holdout: false)
        let slate = Slate(count: 9)
        let before = try Self.rank(shop, user, slate)
        #expect(before.offers.allSatisfy { !$0.stands })
        let offered = try shop.take(
            (0..<Self.items).map { number in
                Event(
                    eventID: "c\(number)", tsMs: 3 * Self.dayMs - 1,
                    body: .click(
                        Event.Offer(
                            userID: user, itemID: "i\(number)", price: 20 + Double(number))))
            })
        let made = Dictionary(uniqueKeysWithValues: offered.map { ($0.itemID, $0) })
        #expect(made.count == Self.items)
        // What was learned since speaks against discounts: nobody bought at one.
        var random = SeededRandom(seed: 9)
        for batch in 0..<20 {
            _ = try shop.take(
                (0..<100).map { row in
                    let number = Int(random.unit() * Double(Self.items))
                    let discount = [0, 0.1, 0.2, 0.3][Int(random.unit() * 4)]
                    return Event(
                        eventID: "n\(batch) \(row)", tsMs: 3 * Self.dayMs,
                        body: .outcome(
                            Event.Outcome(
                                offer: Event.Offer(
                                    userID: "u\(row % 17)", itemID: "i\(number)",
                                    price: 20 + Double(number), discount: discount,
                                    propensity: 0.25),
                                purchased: discount == 0.1 && random.unit() < 0.6)))
                })
        }
        let alone = try Self.alone(shop, user)
        let after = try Self.rank(shop, user, slate)
        #expect(after.offers.contains { $0.stands })
        for offer in after.offers {
            let number = try #require(Int(offer.itemID.dropFirst()))
            let standing = try #require(made[offer.itemID])
            // A decision for the list price is no promise.
            #expect(offer.stands == (standing.discount > 0))
            #expect(offer.price == (offer.stands ? standing.price : alone[number].price))
        }
        #expect(after.offers.contains { alone[Int($0.itemID.dropFirst())!].price != $0.price })
    }

    @Test("an offer that stands takes its place under a cap once")
    func standingUnderCap() throws {
        var shop = try Self.shop {
            $0.rules.caps[.shopper] = .init(offers: 3, periodMs: Self.dayMs)
        }
        let user = try Self.shopper(in: shop, holdout: false)
        let fresh = try Self.rank(shop, user, Slate(count: 9)).offers
        #expect(fresh.count == 3)
        let first = try #require(fresh.first)
        let made = try shop.take(
            Event(
                eventID: "c", tsMs: 3 * Self.dayMs - 1,
                body: .click(
                    Event.Offer(userID: user, itemID: first.itemID, price: first.listPrice))))
        #expect(try #require(made.first).discount > 0)
        let offers = try Self.rank(shop, user, Slate(count: 9)).offers
        #expect(offers.count == 3 && offers.count { $0.stands } == 1)
    }
}
