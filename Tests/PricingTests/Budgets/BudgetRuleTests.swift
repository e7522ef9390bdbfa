import Pricing
import Testing

/// What budgets do to one decision.
@Suite struct BudgetRuleTests {
    /// A list price of 10.00 and depths of 0, 10, 20 and 30 %: each gives 1.00 more.
    private func decide(
        _ standings: [BudgetStanding], _ change: (inout RuleFixture) -> Void = { _ in }
    ) throws -> Decision {
        try RuleFixture {
            $0.configuration.budgets = [
                Budget(name: "b", period: .calendar(.day, timeZone: "UTC"), spendMax: 1)
            ]
            $0.circumstances.budgets = standings
            change(&$0)
        }.decide()
    }

    private func standing(
        cents: Int64? = nil, uses: Int64? = nil, _ change: (inout BudgetStanding) -> Void = { _ in }
    ) -> BudgetStanding {
        var standing = BudgetStanding(name: "b")
        standing.centsLeft = cents
        standing.usesLeft = uses
        change(&standing)
        return standing
    }

    @Test(
        "the deepest depth that fits what is left is taken, to the cent",
        arguments: [
            (Int64(301), 7.0, false), (300, 7, false), (299, 8, true), (200, 8, true),
            (199, 9, true), (100, 9, true), (99, 10, true), (0, 10, true), (-5, 10, true),
        ])
    func fits(left: Int64, price: Double, isNamed: Bool) throws {
        let decision = try decide([standing(cents: left)])
        #expect(decision.price == price)
        #expect(decision.rules == (isNamed ? [.budget] : []))
        #expect(abs(decision.actions.reduce(0) { $0 + $1.propensity } - 1) < 1e-12)
    }

    @Test("what is left is for all units that are reserved")
    func units() throws {
        #expect(try decide([standing(cents: 500) { $0.units = 2 }]).price == 8)
        #expect(try decide([standing(cents: 600) { $0.units = 2 }]).price == 7)
        #expect(try decide([standing(cents: 599) { $0.units = 3 }]).price == 9)
    }

    @Test("the tightest of several budgets holds, of money or of purchases")
    func several() throws {
        #expect(try decide([standing(cents: 900), standing(cents: 250)]).price == 8)
        #expect(try decide([standing(cents: 900, uses: 1)]).price == 7)
        let none = try decide([standing(cents: 900), standing(uses: 0)])
        #expect(none.price == 10 && none.rules == [.budget] && none.propensity == 1)
    }

    @Test("a large price is held to the cent as well")
    func large() throws {
        func price(_ left: Int64) throws -> Double {
            try decide([standing(cents: left)]) {
                $0.item = ItemOffer(price: 50_000_000, cost: 2)
                $0.configuration.depths = [0, 0.1]
            }.price
        }
        #expect(try price(500_000_000) == 45_000_000)
        #expect(try price(499_999_999) == 50_000_000)
    }

    @Test("an offer that stands keeps what it has reserved, and no more")
    func standingOffer() throws {
        func price(_ own: BudgetAmount, left: Int64, uses: Int64?) throws -> (Double, Bool) {
            let decision = try decide([standing(cents: left, uses: uses) { $0.own = own }]) {
                $0.standing.offer = StandingPrice.Offer(
                    discount: 0.2, propensity: 0.5, explored: true)
            }
            return (decision.price, decision.isHeld)
        }
        #expect(try price(BudgetAmount(cents: 200, uses: 1), left: 0, uses: 0) == (8, true))
        // Others took more than was reserved for them: the offer was made all the same.
        #expect(try price(BudgetAmount(cents: 200, uses: 1), left: -70, uses: -1) == (8, true))
        // Nothing is reserved, as after a rewind: it must fit anew.
        #expect(try price(BudgetAmount(), left: 200, uses: 1) == (8, true))
        #expect(try price(BudgetAmount(), left: 199, uses: 1) == (9, false))
        #expect(try price(BudgetAmount(), left: 500, uses: 0) == (10, false))
    }

    @Test("exploring draws among what fits, with exact propensities")
    func exploring() throws {
        let decision = try decide([standing(cents: 100)]) {
            $0.configuration.exploration = .epsilonGreedy
            $0.configuration.epsilon = 0.4
        }
        #expect(decision.price == 9 && decision.rules == [.budget])
        // Of four draws one is of no discount, and three come to the depth that fits; it is the best too.
        #expect(decision.actions.map(\.price) == [10, 9])
        #expect(abs(decision.actions[0].propensity - 0.1) < 1e-12)
        #expect(abs(decision.propensity - 0.9) < 1e-12)
    }

    @Test("a multiplier makes shallower discounts the best, and is named where it does")
    func paced() throws {
        func decision(_ spend: Double, _ use: Double) throws -> Decision {
            try decide([
                standing(cents: 9_000, uses: 90) {
                    $0.spendMultiplier = spend
                    $0.useMultiplier = use
                }
            ])
        }
        // 0.05 of 8.00, 0.15 of 7.00, 0.25 of 6.00, 0.35 of 5.00.
        #expect(try decision(0, 0).price == 7)
        // 30 % brings 1.35 and takes 1.05; 20 % brings 1.10 and takes 0.50.
        let paced = try decision(0.5, 0)
        #expect(paced.price == 8 && paced.rules == [.pacing])
        #expect(abs(paced.incrementalMargin - 1.1) < 1e-9)
        #expect(try decision(10, 0).price == 10)
        // A purchase costs 4.00: 10 % then brings 0.05, 20 % 0.10.
        #expect(try decision(0, 4).price == 8)
        #expect(try decision(0.1, 0).rules == [])
    }

    @Test("what a price gives away is exact in cents")
    func given() {
        #expect(Cents.given(list: 24.99, price: 19.99) == 500)
        #expect(Cents.given(list: 0.3, price: 0.1) == 20)
        #expect(Cents.given(list: 10.005, price: 10) == 1)
        #expect(Cents.given(list: 11.922, price: 11.922) == 0)
        #expect(Cents.given(list: 10, price: 12) == 0)
        #expect(Cents.given(list: 1e12, price: 0.01) == 99_999_999_999_999)
        #expect(Cents.times(99_999_999_999_999, 1_000_000_000) == Cents.most)
    }
}
