import Pricing
import Testing

/// The price of spending, by the stream's event time.
@Suite struct BudgetPaceTests {
    private static let hourMs: Int64 = 3_600_000

    /// Decisions that each are expected to give away so much, one a minute.
    private func account(
        _ budget: Budget, cents: [Double], from account: BudgetAccount = BudgetAccount(),
        atMs start: Int64 = 0, isBound: Bool = false
    ) -> BudgetAccount {
        var account = account
        for (minute, cents) in cents.enumerated() {
            var sight = BudgetSight(
                [(budget, account)], offers: BudgetOffers(), standing: nil,
                atMs: start + Int64(minute) * 60_000, knownMs: nil)
            // Of a purchase that is sure, so that what is expected is the discount.
            sight.note(
                BudgetedOffer(
                    listPrice: 1_000, price: 1_000 - cents / 100, conversion: 1, quantity: 1,
                    isHeld: false, isBound: isBound),
                as: UInt64(minute), item: 1, untilMs: start, lifetimeMs: Self.hourMs)
            account = sight.accounts[0].account
        }
        return account
    }

    /// A cent a minute of the day, and a use a minute.
    private let budget = Budget(
        name: "b", period: .calendar(.day, timeZone: "UTC"), spendMax: 1_440, usesMax: 1_440)

    @Test("what is spent faster than the time goes by gets a price, and loses it when it is not")
    func risesAndFalls() {
        let even = account(budget, cents: Array(repeating: 1, count: 120))
        let fast = account(budget, cents: Array(repeating: 5, count: 120))
        let slightly = account(budget, cents: Array(repeating: 1.2, count: 120))
        #expect(even.pace.spendMultiplier < 0.1)
        #expect(fast.pace.spendMultiplier > 0.3)
        #expect(slightly.pace.spendMultiplier < fast.pace.spendMultiplier)
        let idle = account(
            budget, cents: Array(repeating: 0, count: 1_200), from: fast, atMs: 2 * Self.hourMs)
        #expect(idle.pace.spendMultiplier == 0 && idle.pace.useMultiplier == 0)
    }

    @Test("each resource has a price of its own")
    func resources() {
        var uses = budget
        uses.usesMax = 100
        uses.spendMax = 1_000_000
        let account = account(uses, cents: Array(repeating: 5, count: 200))
        #expect(account.pace.useMultiplier > 0.1 && account.pace.spendMultiplier == 0)
    }

    @Test("what the limit has bound tells nothing, and without pacing nothing is learned")
    func silent() {
        let bound = account(budget, cents: Array(repeating: 50, count: 60), isBound: true)
        #expect(bound.pace.spendMultiplier == 0 && bound.pace.lastMs != nil)
        var unpaced = budget
        unpaced.isPaced = false
        let account = account(unpaced, cents: Array(repeating: 50, count: 60))
        #expect(account.pace.spendMultiplier == 0 && account.pace.lastMs == nil)
    }

    @Test("the price outlives the period, and is a finite number whatever comes")
    func lasts() {
        let fast = account(budget, cents: Array(repeating: 5, count: 1_400))
        let next = account(budget, cents: [5], from: fast, atMs: 24 * Self.hourMs)
        #expect(next.periods.count == 2 && next.pace.spendMultiplier > 0.1)
        let wild = account(budget, cents: Array(repeating: 99_000, count: 400))
        #expect(wild.pace.spendMultiplier.isFinite && wild.pace.spendMultiplier <= 100)
        #expect(account(budget, cents: [5], from: wild, atMs: -5).pace.spendMultiplier.isFinite)
    }
}
