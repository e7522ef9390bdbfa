import Foundation
import Pricing
import Records
import Testing

/// Recorded propensities against how often each price is delivered.
@Suite struct RulePropensityTests {
    /// `TIDEMARK_TEST_RULE_DRAWS=1000000` for more draws of each policy and rule set.
    private static let draws =
        ProcessInfo.processInfo.environment["TIDEMARK_TEST_RULE_DRAWS"].flatMap(Int.init) ?? 50_000

    private static let ruleSets: [(name: String, change: @Sendable (inout RuleFixture) -> Void)] = [
        ("none", { _ in }),
        (
            "maximum depth of a category",
            { $0.configuration.rules.categoryDepths = ["Kitchen": 0.22] }
        ),
        ("margin by amount", { $0.configuration.rules.marginAmount = 5.5 }),
        ("minimum price", { $0.circumstances.minimumPrice = 17 }),
        ("endings", { $0.configuration.rules.endings = [0] }),
        (
            "day change",
            {
                $0.configuration.rules.dayChanges[.shopperItem] = 0.1
                $0.circumstances.earlier.shopper = RuleFixture.offers([(99.5, 0.25)])
            }
        ),
        (
            "change interval",
            {
                $0.configuration.rules.changeIntervalsMs[.shopperItem] = RuleFixture.day(2)
                $0.circumstances.earlier.shopper = RuleFixture.offers([(99, 0.2)])
            }
        ),
        (
            "prior price",
            {
                $0.configuration.rules.prior.days = 30
                $0.circumstances.prior = .price(
                    22, running: RunningReduction(highest: 20, lowest: 19))
            }
        ),
        ("a budget with little left", { $0.standing(cents: 610) }),
        ("a budget with a price", { $0.standing(cents: 99_000, multiplier: 0.2) }),
        (
            "all of them",
            {
                $0.configuration.rules.endings = [49, 99]
                $0.configuration.rules.prior.days = 30
                $0.circumstances.prior = .price(23)
                $0.configuration.rules.dayChanges[.shopperItem] = 0.2
                $0.circumstances.earlier.shopper = RuleFixture.offers([(99.5, 0.2)])
                $0.configuration.rules.categoryDepths = ["Kitchen": 0.35]
            }
        ),
    ]

    @Test("they agree by chi-square in every rule set and policy, after Bonferroni")
    func frequencies() throws {
        let policies: [Exploration] = [.epsilonGreedy, .costBounded]
        let tests = Double(Self.ruleSets.count * policies.count)
        var random = SeededRandom(seed: 31)
        for (name, change) in Self.ruleSets {
            for exploration in policies {
                var fixture = RuleFixture {
                    $0.item = ItemOffer(price: 24.99, cost: 11)
                    $0.configuration.depths = PricingConfiguration.defaultDepths
                    $0.configuration.maximumDepth = 0.45
                    change(&$0)
                    $0.configuration.exploration = exploration
                    $0.configuration.epsilon = 0.3
                    $0.configuration.exploreCost = 0.05
                }
                var seen: [Double: Int] = [:]
                var actions: [PricingAction] = []
                let policy = try DiscountPolicy(fixture.configuration)
                let demand = fixture.configuration.depths.map {
                    DemandPoint(depth: $0, probability: 0.1 + $0 / 3)
                }
                for _ in 0..<Self.draws {
                    fixture.draws = PricingDraws(explore: random.unit(), depth: random.unit())
                    let decision = try policy.decide(
                        item: fixture.item, demand: demand, holdout: false, draws: fixture.draws,
                        circumstances: fixture.circumstances)
                    seen[decision.price, default: 0] += 1
                    actions = decision.actions
                }
                #expect(actions.count > 1, "\(name)")
                #expect(Set(seen.keys).isSubset(of: Set(actions.map(\.price))), "\(name)")
                let p = chiSquare(
                    actions.map { ($0.propensity, seen[$0.price, default: 0]) }, of: Self.draws)
                #expect(p * tests > 0.001, "\(name), \(exploration): p = \(p), \(seen), \(actions)")
            }
        }
    }

    /// The chance of so large a deviation; what is expected less than five times is one cell.
    private func chiSquare(_ cells: [(propensity: Double, count: Int)], of draws: Int) -> Double {
        var statistic = 0.0
        var degrees = -1
        var rest = (expected: 0.0, count: 0)
        func take(_ expected: Double, _ count: Int) {
            statistic += (Double(count) - expected) * (Double(count) - expected) / expected
            degrees += 1
        }
        for (propensity, count) in cells {
            let expected = propensity * Double(draws)
            if expected < 5 {
                rest = (rest.expected + expected, rest.count + count)
            } else {
                take(expected, count)
            }
        }
        if rest.expected > 0.5 { take(rest.expected, rest.count) }
        return degrees > 0 ? upperGamma(Double(degrees) / 2, statistic / 2) : 1
    }

    /// The regularised upper incomplete gamma function: by its series below, by its continued fraction above.
    ///
    /// Source: Abramowitz and Stegun, 6.5.29 and 6.5.31.
    private func upperGamma(_ a: Double, _ x: Double) -> Double {
        guard x > 0 else { return 1 }
        let scale = exp(a * log(x) - x - lgamma(a))
        if x < a + 1 {
            var (term, sum) = (1 / a, 1 / a)
            for n in 1...10_000 {
                term *= x / (a + Double(n))
                sum += term
                if term < sum * 1e-15 { break }
            }
            return 1 - scale * sum
        }
        var fraction = 0.0
        for n in stride(from: 2_000, through: 1, by: -1) {
            let k = Double(n)
            fraction = k * (k - a) / (x + 2 * k + 1 - a - fraction)
        }
        return scale / (x + 1 - a - fraction)
    }

    @Test("the chance that chi-square gives is that of the tables")
    func tables() {
        // Upper 5 % and 0.1 % points of 1, 4 and 10 degrees of freedom.
        for (degrees, x, p) in [
            (1.0, 3.841, 0.05), (4, 9.488, 0.05), (10, 18.307, 0.05), (1, 10.828, 0.001),
            (4, 18.467, 0.001), (10, 29.588, 0.001), (10, 3.940, 0.95),
        ] {
            #expect(abs(upperGamma(degrees / 2, x / 2) / p - 1) < 0.005, "\(degrees) \(x)")
        }
    }
}

extension RuleFixture {
    fileprivate mutating func standing(cents: Int64, multiplier: Double = 0) {
        configuration.budgets = [
            Budget(name: "b", period: .calendar(.day, timeZone: "UTC"), spendMax: cents)
        ]
        var standing = BudgetStanding(name: "b")
        standing.centsLeft = cents
        standing.spendMultiplier = multiplier
        circumstances.budgets = [standing]
    }
}
