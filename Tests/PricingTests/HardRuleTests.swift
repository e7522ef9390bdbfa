import Pricing
import Records
import Testing

@Suite struct HardRuleTests {
    @Test("over 1,000,000 random cases no rule is broken and propensities sum to 1")
    func noViolations() throws {
        var random = SeededRandom(seed: 20_261_123)
        var violations = 0
        var discounted = 0
        var explored = 0
        var worstSum = 0.0
        var bound: [PricingRule: Int] = [:]
        for index in 0..<1_000_000 {
            let start = random.state
            let problem = RandomCase(&random)
            let policy = try DiscountPolicy(problem.configuration)
            let decision = try policy.decide(
                item: problem.item, demand: problem.demand, holdout: problem.holdout,
                draws: PricingDraws(explore: random.unit(), depth: random.unit()))
            let broken = problem.violations(decision)
            if !broken.isEmpty {
                violations += 1
                Issue.record("case \(index) (stream state \(start)): \(broken) in \(decision)")
                if violations > 5 { return }
            }
            worstSum = max(worstSum, abs(decision.actions.reduce(0) { $0 + $1.propensity } - 1))
            discounted += decision.discount > 0 ? 1 : 0
            explored += decision.explored ? 1 : 0
            for rule in decision.rules { bound[rule, default: 0] += 1 }
        }
        #expect(violations == 0)
        #expect(worstSum < 1e-12)
        // The cases must reach what they are meant to test.
        #expect(discounted > 100_000 && explored > 100_000)
        let reached: [PricingRule] = [
            .killSwitch, .deletedItem, .outOfStock, .unknownCost, .maximumDepth, .marginFloor,
        ]
        for rule in reached {
            #expect(bound[rule, default: 0] > 1000, "\(rule) bound too seldom to be tested")
        }
    }

    static let plain = [0, 0.1, 0.2, 0.3].map {
        DemandPoint(depth: $0, probability: 0.05 + $0)
    }

    private func decide(
        _ item: ItemOffer, holdout: Bool = false,
        _ change: (inout PricingConfiguration) -> Void = { _ in }
    ) throws -> Decision {
        var configuration = PricingConfiguration(
            depths: [0, 0.1, 0.2, 0.3], marginFloor: 0, exploration: .none)
        change(&configuration)
        return try DiscountPolicy(configuration).decide(
            item: item, demand: Self.plain, holdout: holdout,
            draws: PricingDraws(explore: 0, depth: 0.99))
    }

    @Test("each rule that keeps the list price is named")
    func namedRules() throws {
        let item = ItemOffer(price: 10, cost: 2)
        #expect(try decide(item).discount == 0.3)
        #expect(try decide(item).rules == [])
        #expect(try decide(item) { $0.killSwitch = true }.rules == [.killSwitch])
        #expect(try decide(ItemOffer(price: 10, cost: 2, stock: 0)).rules == [.outOfStock])
        #expect(try decide(ItemOffer(price: 10, cost: 2, stock: -3)).rules == [.outOfStock])
        #expect(try decide(ItemOffer(price: 10, cost: 2, deleted: true)).rules == [.deletedItem])
        let unknown = try decide(ItemOffer(price: 10))
        #expect(unknown.rules == [.unknownCost])
        #expect(unknown.expectedMargin == nil && unknown.incrementalMargin == 0)
        for decision in [unknown, try decide(item, holdout: true)] {
            #expect(decision.discount == 0 && decision.price == 10 && decision.propensity == 1)
            #expect(decision.actions.count == 1)
        }
    }

    @Test("a rule of depth is named where it forbids what would have been offered")
    func depthRules() throws {
        let item = ItemOffer(price: 10, cost: 2)
        let shallow = try decide(item) { $0.maximumDepth = 0.25 }
        #expect(shallow.discount == 0.2 && shallow.rules == [.maximumDepth])
        let margin = try decide(item) { $0.marginFloor = 0.65 }
        #expect(margin.discount == 0.1 && margin.rules == [.marginFloor])
        let slack = try decide(item) { $0.maximumDepth = 0.3 }
        #expect(slack.rules == [])
    }

    @Test("an assumed cost counts as the item's, and is said to be assumed")
    func assumedCost() throws {
        let decision = try decide(ItemOffer(price: 10)) { $0.costFraction = 0.2 }
        #expect(decision.discount == 0.3 && decision.costAssumed && decision.rules == [])
        #expect(try !decide(ItemOffer(price: 10, cost: 2)) { $0.costFraction = 0.9 }.costAssumed)
    }

    @Test("a depth drawn beyond the rules becomes the deepest allowed")
    func clippedDraw() throws {
        let decision = try decide(ItemOffer(price: 10, cost: 2)) {
            $0.exploration = .epsilonGreedy
            $0.epsilon = 0.5
            $0.maximumDepth = 0.1
        }
        #expect(decision.explored && decision.discount == 0.1)
        #expect(decision.rules == [.maximumDepth])
        // 0.1 is the best allowed (1 - 0.5), and three of the four draws come to it.
        #expect(abs(decision.propensity - (0.5 + 0.5 * 0.75)) < 1e-15)
        #expect(decision.actions.map(\.discount) == [0, 0.1])
    }

    @Test("the hold-out is the stated share of hashes, and growing it keeps its members")
    func holdoutShare() {
        var random = SeededRandom(seed: 5)
        var small = PricingConfiguration()
        small.holdoutFraction = 0.05
        var large = small
        large.holdoutFraction = 0.1
        var counts = (small: 0, large: 0, lost: 0)
        for _ in 0..<100_000 {
            let hash = random.next()
            let inSmall = small.isHoldout(userHash: hash)
            let inLarge = large.isHoldout(userHash: hash)
            counts.small += inSmall ? 1 : 0
            counts.large += inLarge ? 1 : 0
            counts.lost += inSmall && !inLarge ? 1 : 0
        }
        #expect(abs(counts.small - 5000) < 350 && abs(counts.large - 10_000) < 500)
        #expect(counts.lost == 0)
    }
}
