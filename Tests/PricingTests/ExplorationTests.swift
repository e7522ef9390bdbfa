import Pricing
import Records
import Testing

/// Prices tried for what they tell, within what trying may cost.
@Suite struct ExplorationTests {
    static let item = ItemOffer(price: 100, cost: 55)

    static func demand(_ slope: Double) -> [DemandPoint] {
        PricingConfiguration.defaultDepths.map {
            DemandPoint(
                depth: $0, probability: logistic(-2.7 - slope * naturalLogarithm(1 - $0)))
        }
    }

    static func decide(
        slope: Double, unknown: UnknownAnswer, _ random: inout SeededRandom,
        change: (inout PricingConfiguration) -> Void = { _ in }
    ) throws -> Decision {
        var configuration = PricingConfiguration()
        change(&configuration)
        return try DiscountPolicy(configuration).decide(
            item: item, demand: demand(slope), holdout: false,
            draws: PricingDraws(explore: random.unit(), depth: random.unit()), unknown: unknown)
    }

    /// What exploring is expected to cost, as a share of the best price's margin.
    static func cost(_ decision: Decision) -> Double {
        let best = decision.actions.max { $0.propensity < $1.propensity }!.incrementalMargin
        let none = 45 * decision.baselineConversion
        return decision.actions.reduce(0) { $0 + $1.propensity * (best - $1.incrementalMargin) }
            / (none + best)
    }

    @Test("what exploring costs is the budget, which falls with what is left to learn")
    func budget() throws {
        var random = SeededRandom(seed: 1)
        for share in [1, 0.5, 0.1, 0] {
            let decision = try Self.decide(
                slope: 0.2, unknown: UnknownAnswer(share: share, slopeVariance: 2 * share),
                &random
            ) { $0.exploreCost = 0.001 }
            let budget = 0.001 * (1 + 100 * share * share * share * share)
            #expect(Self.cost(decision) <= budget + 1e-12)
            // Nothing is to be told where nothing is unknown.
            if share > 0 { #expect(Self.cost(decision) > 0.9 * budget) }
            let sum = decision.actions.reduce(0) { $0 + $1.propensity }
            #expect(abs(sum - 1) < 1e-12)
            #expect(decision.actions.allSatisfy { $0.propensity >= 0 })
        }
    }

    @Test("no discount is tried about as often as it may be better")
    func none() throws {
        var random = SeededRandom(seed: 2)
        func propensityOfNone(_ deviation: Double) throws -> Double {
            let decision = try Self.decide(
                slope: 3.2,
                unknown: UnknownAnswer(
                    share: 0.05, stepVariance: deviation * deviation, slopeVariance: 0.01),
                &random)
            let best = decision.actions.max { $0.propensity < $1.propensity }!
            #expect(best.discount > 0)
            return decision.actions[0].propensity
        }
        let (sure, unsure) = (try propensityOfNone(0.02), try propensityOfNone(0.5))
        #expect(sure < 0.05, "\(sure)")
        #expect(unsure > 0.3 && unsure <= 0.5, "\(unsure)")
    }

    @Test("no budget explores nothing; what is unknown must be numbers")
    func bounds() throws {
        var random = SeededRandom(seed: 3)
        let decision = try Self.decide(slope: 3, unknown: UnknownAnswer(), &random) {
            $0.exploreCost = 0
            $0.exploreMax = 0
        }
        #expect(decision.propensity == 1 && !decision.explored)
        for unknown in [UnknownAnswer(share: 1.5), UnknownAnswer(slopeVariance: .nan)] {
            #expect(throws: PricingError.self) {
                try Self.decide(slope: 3, unknown: unknown, &random)
            }
        }
        #expect(throws: PricingError.self) {
            try Self.decide(slope: 3, unknown: UnknownAnswer(), &random) { $0.exploreMax = 1 }
        }
    }

    @Test("the propensities of a budget are the frequencies of 200,000 draws")
    func frequencies() throws {
        var random = SeededRandom(seed: 4)
        for slope in [0.5, 3.5] {
            let unknown = UnknownAnswer(share: 0.6, stepVariance: 0.01, slopeVariance: 1)
            var seen: [Double: Int] = [:]
            var actions: [PricingAction] = []
            let count = 200_000
            for _ in 0..<count {
                let decision = try Self.decide(slope: slope, unknown: unknown, &random)
                seen[decision.price, default: 0] += 1
                #expect(decision.explored == (decision.price != Self.best(decision)))
                actions = decision.actions
            }
            #expect(actions.count(where: { $0.propensity > 0 }) > 3)
            for action in actions {
                let p = action.propensity
                let error = 4.5 * (p * (1 - p) / Double(count)).squareRoot() + 1e-9
                let frequency = Double(seen[action.price, default: 0]) / Double(count)
                #expect(abs(frequency - p) <= error, "\(action) seen \(frequency)")
            }
        }
    }

    private static func best(_ decision: Decision) -> Double {
        decision.actions.max { $0.incrementalMargin < $1.incrementalMargin }!.price
    }
}
