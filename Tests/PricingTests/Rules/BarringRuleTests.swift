import Pricing
import Testing

@Suite struct BarringRuleTests {
    private func rules(_ change: (inout RuleFixture) -> Void) throws -> [PricingRule] {
        let decision = try RuleFixture(change).decide()
        #expect((decision.discount == 0) == !decision.rules.isEmpty)
        #expect(decision.rules.isEmpty || decision.propensity == 1)
        return decision.rules
    }

    @Test("listed items, categories and brands are never discounted")
    func excluded() throws {
        #expect(try rules { $0.configuration.rules.excludedItems = ["kettle"] } == [.excluded])
        #expect(try rules { $0.configuration.rules.excludedItems = ["kettle2"] } == [])
        #expect(
            try rules { $0.configuration.rules.excludedCategories = ["Kitchen"] } == [.excluded])
        #expect(try rules { $0.configuration.rules.excludedCategories = ["Kit"] } == [])
        #expect(try rules { $0.configuration.rules.excludedBrands = ["Boil"] } == [.excluded])
    }

    @Test("at or below the low stock there is no discount; sold out has a name of its own")
    func stock() throws {
        for (stock, names) in [
            (5.0, [PricingRule.lowStock]), (4.5, [.lowStock]), (5.5, []), (0, [.outOfStock]),
        ] {
            let found = try rules {
                $0.item.stock = stock
                $0.configuration.rules.lowStock = 5
            }
            #expect(found == names, "\(stock)")
        }
        #expect(try rules { $0.configuration.rules.lowStock = 5 } == [])
    }

    @Test("a blackout holds from its beginning to before its end, for its categories")
    func blackout() throws {
        let time = RuleFixture.day(100)
        for (from, to, categories, isIn) in [
            (time, time + 1, [], true), (time - 1, time, [], false),
            (time + 1, time + 2, [], false),
            (time - 5, time + 5, ["Kitchen"], true), (time - 5, time + 5, ["Wine"], false),
        ] as [(Int64, Int64, [String], Bool)] {
            let found = try rules {
                $0.configuration.rules.blackouts = [
                    Blackout(fromMs: from, toMs: to, categories: categories)
                ]
            }
            #expect(found == (isIn ? [.blackout] : []))
        }
    }

    @Test("a discounted offer ends where the next blackout of its category begins")
    func ends() throws {
        var configuration = PricingConfiguration()
        configuration.rules.blackouts = [
            Blackout(fromMs: 500, toMs: 600, categories: ["Wine"]),
            Blackout(fromMs: 900, toMs: 950), Blackout(fromMs: 100, toMs: 200),
        ]
        let policy = try DiscountPolicy(configuration)
        func end(_ category: String?, _ ms: Int64) -> Int64? {
            var facts = OfferCircumstances()
            (facts.category, facts.atMs) = (category, ms)
            return policy.offerEndMs(facts)
        }
        #expect(end("Wine / Red", 300) == 500 && end("Tea", 300) == 900 && end(nil, 0) == 100)
        #expect(end(nil, 900) == nil)
        #expect(try DiscountPolicy(PricingConfiguration()).offerEndMs(OfferCircumstances()) == nil)
    }

    @Test("an offer that stands falls where a rule of the item bars it")
    func standing() throws {
        let decision = try RuleFixture {
            $0.standing.offer = .init(discount: 0.3, propensity: 0.2, explored: true)
            $0.configuration.rules.excludedBrands = ["Boil"]
        }.decide()
        #expect(!decision.isHeld && decision.discount == 0 && decision.rules == [.excluded])
    }

    @Test("a blackout that ends before it begins is refused under its key")
    func refused() {
        var configuration = PricingConfiguration()
        configuration.rules.blackouts = [Blackout(fromMs: 5, toMs: 5)]
        #expect {
            try configuration.validate()
        } throws: {
            "\($0)".contains("pricing.rules.blackouts")
        }
    }
}
