import Pricing
import Testing

@Suite struct DepthChangeTests {
    private func decide(_ change: (inout RuleFixture) -> Void) throws -> Decision {
        try RuleFixture(change).decide()
    }

    @Test("discounts of an item to a shopper differ by no more within a day, none being 0")
    func shopperItem() throws {
        for (made, discount) in [
            ([(99.5, 0.1)], 0.2), ([(99.5, 0.0)], 0.1), ([(98.9, 0.1)], 0.3),
            ([(99.5, 0.0), (99.7, 0.2)], 0.1), ([(100.5, 0.1)], 0.2),
        ] as [([(day: Double, discount: Double)], Double)] {
            let decision = try decide {
                $0.configuration.rules.dayChanges[.shopperItem] = 0.1
                $0.circumstances.earlier.shopper = RuleFixture.offers(made)
            }
            #expect(decision.discount == discount, "\(made)")
            #expect(decision.rules == (discount < 0.3 ? [.dayChange] : []))
        }
    }

    @Test("where no discount is near enough to all others there is none")
    func none() throws {
        let decision = try decide {
            $0.configuration.rules.dayChanges[.shopperItem] = 0.1
            $0.circumstances.earlier.shopper = RuleFixture.offers([(99.5, 0), (99.7, 0.3)])
        }
        #expect(decision.discount == 0 && decision.rules == [.dayChange])
    }

    @Test("a draw that is too shallow goes to no discount, and its propensity with it")
    func shallow() throws {
        let decision = try decide {
            $0.configuration.rules.dayChanges[.shopperItem] = 0.1
            $0.circumstances.earlier.shopper = RuleFixture.offers([(99.5, 0.3)])
            $0.configuration.exploration = .epsilonGreedy
            $0.configuration.epsilon = 0.4
            $0.draws = PricingDraws(explore: 0.1, depth: 0.3)
        }
        // 0.1 was drawn; of the four depths 0 and 0.1 come to none, 0.2 and 0.3 to themselves.
        #expect(decision.explored && decision.discount == 0 && decision.rules == [.dayChange])
        #expect(decision.actions.map(\.discount) == [0, 0.2, 0.3])
        let propensities = decision.actions.map(\.propensity)
        for (found, wanted) in zip(propensities, [0.2, 0.1, 0.7]) {
            #expect(abs(found - wanted) < 1e-12)
        }
    }

    @Test("an item's discounts are held together whoever they go to")
    func item() throws {
        var depths = DepthHistory()
        depths.add(0.1, atMs: RuleFixture.day(99.5), keepMs: RuleFixture.day(40))
        for (change, discount) in [(0.1, 0.2), (0.05, 0.1), (0.3, 0.3)] {
            let decision = try decide {
                $0.configuration.rules.dayChanges[.item] = change
                $0.circumstances.earlier.itemDepths = depths
            }
            #expect(decision.discount == discount)
        }
        // What was offered at both ends of a time was offered within it, as far as is known.
        depths.add(0.1, atMs: RuleFixture.day(102), keepMs: RuleFixture.day(40))
        #expect(depths.near(RuleFixture.day(100.7), spanMs: RuleFixture.day(0.1)) == [0.1])
    }

    @Test("a discount is not changed before its time, and none is always left")
    func interval() throws {
        for (made, discount) in [
            ([(98, 0.2)], 0.2), ([(96.9, 0.2)], 0.3), ([(98, 0.2), (99, 0.1)], 0),
            ([(98, 0)], 0), ([(100.5, 0.1)], 0.1),
        ] as [([(day: Double, discount: Double)], Double)] {
            let decision = try decide {
                $0.configuration.rules.changeIntervalsMs[.shopperItem] = RuleFixture.day(3)
                $0.circumstances.earlier.shopper = RuleFixture.offers(made)
            }
            #expect(decision.discount == discount, "\(made)")
            #expect(decision.rules == (discount < 0.3 ? [.changeInterval] : []))
        }
    }

    @Test("an offer that stands is no change")
    func standing() throws {
        let decision = try decide {
            $0.configuration.rules.changeIntervalsMs[.shopperItem] = RuleFixture.day(3)
            $0.circumstances.earlier.shopper = RuleFixture.offers([(99, 0), (99.9, 0.2)])
            $0.standing.offer = .init(discount: 0.2, propensity: 0.5, explored: false)
        }
        #expect(decision.isHeld && decision.discount == 0.2 && decision.rules == [])
    }
}
