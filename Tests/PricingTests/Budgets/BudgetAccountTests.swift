import Pricing
import Records
import Testing

/// What is spent and reserved, over offers, purchases, ends and periods.
@Suite struct BudgetAccountTests {
    private static let dayMs: Int64 = 86_400_000

    /// A budget with its account, asked and told as the ledger does it.
    private struct Till {
        var budget: Budget
        var account = BudgetAccount()
        var offers = BudgetOffers()
        var policy: DiscountPolicy
        private var number: UInt64 = 0

        init(_ budget: Budget) throws {
            self.budget = budget
            var configuration = PricingConfiguration(
                depths: [0, 0.2], maximumDepth: 0.9, exploration: .none, holdoutFraction: 0)
            configuration.budgets = [budget]
            policy = try DiscountPolicy(configuration)
        }

        /// An item of 10.00, of which a discount gives 2.00.
        @discardableResult
        mutating func offer(
            at ms: Int64, for spanMs: Int64 = 3_200, known: Int64? = nil, quantity: Double = 1
        ) throws -> UInt64? {
            number += 1
            var sight = BudgetSight(
                [(budget, account)], offers: offers, standing: nil, atMs: ms, knownMs: known)
            var facts = OfferCircumstances()
            facts.itemID = "kettle"
            facts.atMs = ms
            facts.budgets = sight.standings
            let decision = try policy.decide(
                item: ItemOffer(price: 10, cost: 2),
                demand: [0, 0.2].map {
                    DemandPoint(depth: $0, probability: 0.1 + $0, expectedQuantity: quantity)
                }, holdout: false, draws: PricingDraws(explore: 0.5, depth: 0.5),
                circumstances: facts)
            sight.note(
                decision.budgeted(quantity: quantity), as: number, item: facts.itemHash,
                untilMs: ms + spanMs, lifetimeMs: spanMs)
            account = sight.accounts.first?.account ?? account
            offers = sight.offers
            return decision.price < 10 ? number : nil
        }

        mutating func buy(
            _ decision: UInt64?, cents: Int64 = 200, at ms: Int64, known: Int64? = nil
        ) {
            var facts = OfferCircumstances()
            facts.itemID = "kettle"
            let offer = offers.find(decision: decision, item: facts.itemHash, atMs: ms)
            account.book(
                BudgetAmount(cents: cents, uses: 1), of: budget, offer: offer, atMs: ms,
                knownMs: known)
            if let offer { offers.remove(offer) }
        }

        func sums(_ period: Int = 0) -> [Int64] {
            let period = account.periods[period]
            return [
                period.spent.cents, period.spent.uses, period.reserved.cents,
                period.reserved.uses,
            ]
        }
    }

    private func daily(cents: Int64? = 500, uses: Int64? = nil, units: Int64? = nil) -> Budget {
        Budget(
            name: "b", period: .calendar(.day, timeZone: "UTC"), spendMax: cents, usesMax: uses,
            units: units, isPaced: false)
    }

    @Test("an offer reserves, a purchase spends what was reserved for it, and the rest is left")
    func sale() throws {
        var till = try Till(daily())
        let first = try #require(try till.offer(at: 1_000))
        #expect(till.sums() == [0, 0, 200, 1])
        #expect(try till.offer(at: 1_001) != nil)
        // 1.00 is left, and a discount takes 2.00.
        #expect(try till.offer(at: 1_002) == nil)
        #expect(till.sums() == [0, 0, 400, 2])
        till.buy(first, at: 2_000)
        #expect(till.sums() == [200, 1, 200, 1])
        #expect(try till.offer(at: 2_001) == nil)
    }

    @Test("what was not bought is released when its offer has ended, and not before")
    func release() throws {
        var till = try Till(daily())
        try till.offer(at: 1_000)
        try till.offer(at: 1_050)
        #expect(try till.offer(at: 4_100, known: 4_199) == nil)
        #expect(till.sums()[2] == 400)
        #expect(try till.offer(at: 4_300, known: 4_200) != nil)
        #expect(till.sums() == [0, 0, 400, 2])
        // The second one ended at 4,250; ends are kept by hundredths of a second here.
        till.account.release(upTo: 4_300)
        #expect(till.sums() == [0, 0, 200, 1])
    }

    @Test("units that are expected are reserved, or those that the budget says")
    func units() throws {
        var till = try Till(daily(cents: 10_000))
        try till.offer(at: 1_000, quantity: 2.4)
        #expect(till.sums()[2] == 400)
        var fixed = try Till(daily(cents: 10_000, units: 3))
        try fixed.offer(at: 1_000, quantity: 2.4)
        #expect(fixed.sums()[2] == 600)
    }

    @Test("more units than were reserved are spent all the same, and stop what comes after")
    func beyond() throws {
        var till = try Till(daily())
        let first = try till.offer(at: 1_000)
        till.buy(first, cents: 800, at: 1_500)
        #expect(till.sums() == [800, 1, 0, 0])
        #expect(try till.offer(at: 1_600) == nil)
    }

    @Test(
        "a purchase without a reservation is spending too: of another source, late, or a second one"
    )
    func unreserved() throws {
        var till = try Till(daily(cents: 10_000))
        till.buy(nil, cents: 150, at: 500)
        #expect(till.sums() == [150, 1, 0, 0])
        let first = try till.offer(at: 1_000)
        till.buy(first, at: 1_100)
        till.buy(first, at: 1_200)
        #expect(till.sums() == [550, 3, 0, 0])
        let second = try till.offer(at: 2_000)
        till.buy(second, at: 5_100, known: 6_000)
        #expect(till.sums() == [750, 4, 0, 0])
    }

    @Test("each day has all of it anew, and what is bought later counts for the day of its offer")
    func days() throws {
        var till = try Till(daily(uses: 2))
        let late = try till.offer(at: Self.dayMs - 500)
        try till.offer(at: Self.dayMs - 400)
        #expect(try till.offer(at: Self.dayMs - 300) == nil)
        #expect(try till.offer(at: Self.dayMs) != nil)
        till.buy(late, at: Self.dayMs + 700)
        #expect(till.sums(0) == [200, 1, 200, 1] && till.sums(1) == [0, 0, 200, 1])
        // A late question is of the day before, where one more still fits.
        #expect(try till.offer(at: Self.dayMs - 200) == nil)
    }

    @Test("of a time that is not known any more nothing is given")
    func forgotten() throws {
        var till = try Till(daily())
        for day: Int64 in 1...9 { try till.offer(at: day * Self.dayMs) }
        #expect(till.account.periods.count == 8)
        #expect(try till.offer(at: Self.dayMs + 5) == nil)
        #expect(try till.offer(at: 2 * Self.dayMs + 5) != nil)
    }

    @Test("a campaign has one life, and says nothing outside of it")
    func campaign() throws {
        var budget = daily()
        budget.period = .campaign(fromMs: 1_000, untilMs: 2_000)
        var till = try Till(budget)
        #expect(try till.offer(at: 500) != nil)
        #expect(till.account.periods.isEmpty)
        for ms: Int64 in [1_000, 1_001] { #expect(try till.offer(at: ms) != nil) }
        #expect(try till.offer(at: 1_002) == nil)
        #expect(try till.offer(at: 2_000) != nil)
        // Its end is put off: what was spent stays spent.
        till.budget.period = .campaign(fromMs: 1_000, untilMs: 3_000)
        #expect(try till.offer(at: 2_500) == nil)
    }

    @Test("a row reads back as it was, and damaged ones are refused")
    func rows() throws {
        var till = try Till(daily(uses: 9))
        till.budget.isPaced = true
        for ms: Int64 in [1_000, 5_000, 9_000, Self.dayMs + 1] { try till.offer(at: ms) }
        let row = till.account.encoded()
        #expect(try BudgetAccount(encoded: row) == till.account)
        #expect(try BudgetOffers(encoded: till.offers.encoded()) == till.offers)
        #expect(till.offers.encoded().count > 100)
        for count in 0..<row.count {
            #expect(throws: ByteCodingError.self) {
                _ = try BudgetAccount(encoded: Array(row.prefix(count)))
            }
        }
    }

    @Test("many ends of offers are kept in few entries, none released early")
    func bounded() throws {
        var till = try Till(daily(cents: 100_000_000))
        for number: Int64 in 0..<3_000 {
            try till.offer(at: 1_000 + number, for: 40 + number * 7_919 % 20_000_000)
        }
        #expect(till.account.encoded().count < 16_000)
        #expect(till.sums()[3] == 3_000)
        till.account.release(upTo: 21_000_000)
        #expect(till.sums()[3] < 3_000)
        till.account.release(upTo: 40_000_000)
        #expect(till.sums() == [0, 0, 0, 0])
    }

    @Test("a share of several daemons is exact: together they have the whole")
    func shares() {
        let budget = daily(cents: 1_000, uses: 7)
        let shares = (0..<3).map { budget.share(of: $0, among: 3) }
        #expect(shares.map(\.spendMax) == [334, 333, 333] && shares.map(\.usesMax) == [3, 2, 2])
        #expect(budget.share(of: 0, among: 1) == budget)
    }
}
