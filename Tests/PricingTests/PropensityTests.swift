import Pricing
import Records
import Testing

@Suite struct PropensityTests {
    @Test("the propensity is the measure of the draws that deliver the price, in 20,000 cases")
    func exactMeasure() throws {
        var random = SeededRandom(seed: 77)
        var worst = 0.0
        for _ in 0..<20_000 {
            let problem = RandomCase(&random)
            let policy = try DiscountPolicy(problem.configuration)
            let depths = problem.demand.count
            let epsilon =
                problem.configuration.exploration == .none ? 0 : problem.configuration.epsilon
            var measure: [Double: Double] = [:]
            var actions: [PricingAction] = []
            func add(_ draws: PricingDraws, weight: Double) throws {
                let decision = try policy.decide(
                    item: problem.item, demand: problem.demand, holdout: problem.holdout,
                    draws: draws)
                measure[decision.price, default: 0] += weight
                actions = decision.actions
            }
            try add(PricingDraws(explore: 0.999_999_999, depth: 0), weight: 1 - epsilon)
            for cell in 0..<depths {
                let middle = (Double(cell) + 0.5) / Double(depths)
                try add(
                    PricingDraws(explore: 0, depth: middle), weight: epsilon / Double(depths))
            }
            for action in actions {
                worst = max(worst, abs(action.propensity - measure[action.price, default: 0]))
            }
            #expect(Set(measure.keys).isSubset(of: Set(actions.map(\.price))))
        }
        #expect(worst < 1e-12, "largest difference \(worst)")
    }

    @Test("empirical frequencies of 200,000 draws match the propensities")
    func empirical() throws {
        var random = SeededRandom(seed: 3)
        let policy = try DiscountPolicy(
            PricingConfiguration(
                maximumDepth: 0.35, marginFloor: 0.1, exploration: .epsilonGreedy, epsilon: 0.3))
        let demand = PricingConfiguration.defaultDepths.map {
            DemandPoint(depth: $0, probability: logistic(-2.5 + 6 * $0))
        }
        let count = 200_000
        for price in [19.99, 0.19, 250] {
            let item = ItemOffer(price: price, cost: price * 0.45)
            var seen: [Double: Int] = [:]
            var actions: [PricingAction] = []
            for _ in 0..<count {
                let decision = try policy.decide(
                    item: item, demand: demand, holdout: false,
                    draws: PricingDraws(explore: random.unit(), depth: random.unit()))
                seen[decision.price, default: 0] += 1
                actions = decision.actions
            }
            #expect(actions.count > 1)
            for action in actions {
                let p = action.propensity
                let error = 4.5 * (p * (1 - p) / Double(count)).squareRoot()
                let frequency = Double(seen[action.price, default: 0]) / Double(count)
                #expect(abs(frequency - p) <= error, "\(action) seen \(frequency)")
            }
        }
    }
}
