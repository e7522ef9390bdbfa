import Foundation
import Engine
import Pricing
import Records
import Testing

@Suite struct RuleFuzzTests {
    /// `TIDEMARK_TEST_RULE_DECISIONS=10000000` for more than the usual 200,000.
    private static let decisions =
        ProcessInfo.processInfo.environment["TIDEMARK_TEST_RULE_DECISIONS"].flatMap(Int.init)
        ?? 200_000

    @Test("under random rules, prices, stocks, clocks and categories no decision breaks one")
    func noRuleIsBroken() throws {
        var seed: UInt64 = 20_270_101
        var decisions = 0
        var failures = 0
        var met: [String: Int] = [:]
        while decisions < Self.decisions {
            seed += 1
            var world = try RuleWorld(seed: seed)
            var checker = RuleChecker(world.configuration)
            var budgets = BudgetChecker(world.configuration)
            var people = PeopleChecker(world.configuration)
            for happening in try world.open() { _ = checker.judge(happening) }
            for step in 0..<(world.isBusy ? 250 : 40) {
                let happening = try world.next()
                var broken = checker.judge(happening)
                broken += budgets.judge(happening)
                broken += people.judge(happening)
                if case .purchase = happening, !broken.isEmpty {
                    Issue.record("seed \(seed), step \(step): \(broken) at \(happening)")
                    return
                }
                if case .decision(let asked, let decision) = happening {
                    decisions += 1
                    guard !broken.isEmpty else { continue }
                    failures += 1
                    Issue.record("seed \(seed), step \(step): \(broken) in \(decision) of \(asked)")
                    if failures > 3 { return }
                }
            }
            try world.end()
            let left = try budgets.judge(
                world.state, knownMs: world.knownMs, isHonest: world.isHonest)
            #expect(left == [], "seed \(seed)")
            if !left.isEmpty { return }
            met.merge(checker.met, uniquingKeysWith: +)
            met.merge(budgets.met, uniquingKeysWith: +)
            met.merge(people.met, uniquingKeysWith: +)
        }
        #expect(failures == 0)
        // The worlds must reach what they are meant to test.
        let share = Self.decisions / 1_000
        #expect(met["discounted", default: 0] > 100 * share && met["held", default: 0] > 10 * share)
        // In thousandths of the decisions: offers that reserved, were bought, or just fitted.
        for (what, least) in [
            ("reserved", 20), ("bought", 20), ("nearly full", 1), ("approved", 1),
        ] {
            #expect(met[what, default: 0] > least * share, "\(what): \(met[what, default: 0])")
        }
        for rule in PricingRule.allCases where rule != .confidence {
            #expect(
                met[rule.rawValue, default: 0] > (rule == .pacing ? share / 4 : share),
                "\(rule) bound \(met[rule.rawValue, default: 0]) times, too seldom to be tested")
        }
    }

    @Test("a judge that is shown a broken rule says so")
    func judges() throws {
        var configuration = PricingConfiguration(maximumDepth: 0.5, exploration: .none)
        configuration.rules.caps[.shopper] = .init(offers: 1, periodMs: 86_400_000)
        func decide(_ change: (inout PricingConfiguration) -> Void, _ number: UInt64)
            throws -> RuleWorld.Happening
        {
            var other = configuration
            change(&other)
            let demand = other.depths.map { DemandPoint(depth: $0, probability: 0.05 + $0) }
            let asked = RuleWorld.Asked(
                shopper: 1, item: 1, offer: ItemOffer(price: 10, cost: 2, stock: 3),
                category: "Wine", brand: "Boil", minimumPrice: 4,
                atMs: 1_795_000_000_000 + Int64(number), number: number, holdout: false,
                isAgain: false, demand: demand)
            let decision = try DiscountPolicy(other).decide(
                item: asked.offer, demand: demand, holdout: false,
                draws: PricingDraws(explore: 0.5, depth: 0.5))
            return .decision(asked, decision)
        }
        func found(_ change: (inout RuleSettings) -> Void, _ word: String) throws {
            var strict = configuration
            change(&strict.rules)
            var checker = RuleChecker(strict)
            let broken = checker.judge(try decide({ _ in }, 1))
            #expect(broken.contains { $0.contains(word) }, "\(word): \(broken)")
        }
        var checker = RuleChecker(configuration)
        #expect(checker.judge(try decide({ _ in }, 1)) == [])
        #expect(checker.judge(try decide({ _ in }, 2)).contains { $0.contains("2 offers") })
        try found({ $0.categoryDepths = ["Wine": 0.3] }, "category_depth")
        try found({ $0.brandDepths = ["Boil": 0.3] }, "brand_depth")
        try found({ $0.itemDepths = ["item 1": 0.3] }, "item_depth")
        try found({ $0.marginAmount = 4 }, "margin_floor_amount")
        try found({ $0.brandMinimums = ["Boil": 0.7] }, "minimum_price")
        try found({ $0.endings = [99] }, "ending")
        try found({ $0.excludedBrands = ["Boil"] }, "excluded")
        try found({ $0.lowStock = 3 }, "low_stock")
        try found({ $0.blackouts = [Blackout(fromMs: 0, toMs: 1_800_000_000_000)] }, "blackout")
        try found({ $0.prior.days = 30 }, "without a prior price")
    }
}
