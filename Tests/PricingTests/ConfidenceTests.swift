import Foundation
import Records
import Testing

import Pricing

@Suite struct ConfidenceTests {
    /// Means and covariance of (baseline, discounted) logits, and the two margins of a sale.
    struct Case: Sendable {
        let baseline: (mean: Double, variance: Double)
        let discounted: (mean: Double, variance: Double)
        let covariance: Double
        let gains: (discounted: Double, baseline: Double)
        var fixedCost = 0.0

        var probability: GainProbability {
            GainProbability(
                gain: gains.discounted, baselineGain: gains.baseline,
                fixedCost: fixedCost,
                logit: LogitUncertainty(
                    mean: discounted.mean, variance: discounted.variance,
                    covarianceWithBaseline: covariance),
                baseline: LogitUncertainty(
                    mean: baseline.mean, variance: baseline.variance,
                    covarianceWithBaseline: baseline.variance))
        }
    }

    static let cases: [Case] = [
        Case(baseline: (-3, 0.2), discounted: (-2.5, 0.3), covariance: 0.2, gains: (4, 6)),
        Case(baseline: (-3, 1), discounted: (-2.6, 1.02), covariance: 1, gains: (4, 6)),
        Case(baseline: (0, 4), discounted: (1, 4.5), covariance: 4.1, gains: (3, 5)),
        Case(baseline: (-1, 0.5), discounted: (-0.5, 0.5), covariance: -0.3, gains: (5, 6)),
        // The discounted logit follows the baseline exactly: a step.
        Case(baseline: (0, 1), discounted: (0.6, 1), covariance: 1, gains: (4, 5)),
        Case(baseline: (2, 0.3), discounted: (3, 0.0001), covariance: 0, gains: (9, 10)),
        Case(baseline: (-2, 0), discounted: (-1, 0.5), covariance: 0, gains: (4, 8)),
        Case(baseline: (-2, 0.4), discounted: (-1, 0.5), covariance: 0.4, gains: (-4, -3)),
        Case(
            baseline: (-2, 0.4), discounted: (-1, 0.5), covariance: 0.3, gains: (5, 6),
            fixedCost: 0.3),
        Case(
            baseline: (-1, 0.4), discounted: (0, 0.5), covariance: 0.3, gains: (2, -1),
            fixedCost: 1),
        Case(
            baseline: (-1, 0.4), discounted: (0, 0.5), covariance: 0.3, gains: (0, -4),
            fixedCost: 1),
        Case(
            baseline: (0, 0.4), discounted: (-1, 0.5), covariance: 0.3, gains: (-1, -2),
            fixedCost: 0.6),
    ]

    @Test("the probability of a gain is the one that 400,000 draws show", arguments: cases.indices)
    func monteCarlo(index: Int) {
        let problem = Self.cases[index]
        var random = SeededRandom(seed: UInt64(index) + 1)
        let (b, d) = (problem.baseline, problem.discounted)
        let slope = b.variance > 0 ? problem.covariance / b.variance : 0
        let rest = max(0, d.variance - slope * problem.covariance).squareRoot()
        let count = 400_000
        var positive = 0
        for _ in 0..<count {
            let offset = b.variance.squareRoot() * random.normal()
            let logit = d.mean + slope * offset + rest * random.normal()
            let gain =
                problem.gains.discounted * logistic(logit)
                - problem.gains.baseline * logistic(b.mean + offset) - problem.fixedCost
            positive += gain > 0 ? 1 : 0
        }
        let seen = Double(positive) / Double(count)
        let error = 4.5 * (max(seen * (1 - seen), 1e-4) / Double(count)).squareRoot() + 5e-4
        let computed = problem.probability.value()
        #expect(abs(computed - seen) < error, "computed \(computed), drawn \(seen)")
    }

    @Test("certain gains and losses need no integral")
    func certain() {
        let logit = LogitUncertainty(mean: 0, variance: 1, covarianceWithBaseline: 0.5)
        func value(_ gain: Double, _ baseline: Double) -> Double {
            GainProbability(gain: gain, baselineGain: baseline, logit: logit, baseline: logit)
                .value()
        }
        #expect(value(-1, 1) == 0 && value(0, 1) == 0)
        #expect(value(1, -1) == 1 && value(1, 0) == 1)
        #expect(value(0, 0) == 0)
    }

    private func decide(variance: Double, confidence: Double?) throws -> Decision {
        let depths = [0, 0.1, 0.2]
        let means = [-3.0, -2.7, -2.3]
        let demand = depths.indices.map {
            DemandPoint(
                depth: depths[$0], probability: logistic(means[$0]),
                uncertainty: LogitUncertainty(
                    mean: means[$0], variance: 0.5 + (variance * depths[$0] * depths[$0]),
                    covarianceWithBaseline: 0.5))
        }
        return try DiscountPolicy(
            PricingConfiguration(
                depths: depths, marginFloor: 0, exploration: .none, confidence: confidence)
        ).decide(
            item: ItemOffer(price: 10, cost: 4), demand: demand, holdout: false,
            draws: PricingDraws(explore: 0, depth: 0))
    }

    @Test("a discount that pays on average is withheld while it is not sure to, and says so")
    func withheld() throws {
        let sure = try decide(variance: 0.1, confidence: 0.8)
        #expect(sure.discount == 0.2 && sure.rules == [])
        let unsure = try decide(variance: 60, confidence: 0.8)
        #expect(unsure.discount == 0 && unsure.rules == [.confidence])
        #expect(try decide(variance: 60, confidence: nil).discount == 0.2)
    }

    @Test("confidence without the demand's uncertainty is an error, not a guess")
    func missing() throws {
        let policy = try DiscountPolicy(
            PricingConfiguration(
                depths: [0, 0.1], marginFloor: 0, exploration: .none, confidence: 0.8))
        #expect(throws: PricingError.missingUncertainty(depth: 0.1)) {
            try policy.decide(
                item: ItemOffer(price: 10, cost: 1),
                demand: [
                    DemandPoint(depth: 0, probability: 0.1),
                    DemandPoint(depth: 0.1, probability: 0.9),
                ], holdout: false, draws: PricingDraws(explore: 0, depth: 0))
        }
    }
}
