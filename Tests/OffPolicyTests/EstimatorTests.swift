import OffPolicy
import Records
import Testing

/// The estimators against numbers that were worked out by hand.
@Suite struct EstimatorTests {
    /// Three decisions over two actions, by three shoppers.
    static let rows: [(delivered: Int, propensities: [Double], reward: Double)] = [
        (0, [0.5, 0.5], 1), (1, [0.8, 0.2], 2), (0, [0.75, 0.25], 0),
    ]
    static let predictions = [[0.5, 1.0], [0.4, 1.2], [0.2, 0.6]]
    static let policy = [0.25, 0.75]

    static func lenient() -> OffPolicyEvaluation.Settings {
        var settings = OffPolicyEvaluation.Settings()
        settings.effectiveMin = 0
        settings.shareMax = 1
        return settings
    }

    static func row(_ index: Int, shopper: String, weight: Double = 1) -> LoggedDecision {
        let row = rows[index]
        return LoggedDecision(
            shopper: shopper,
            actions: zip(row.propensities, predictions[index]).enumerated().map {
                .init(label: $0, propensity: $1.0, prediction: $1.1)
            }, delivered: row.delivered, reward: row.reward, weight: weight)
    }

    @Test("IPS, SNIPS, the direct method, DR and switch-DR are what their formulas say")
    func formulas() throws {
        var evaluation = OffPolicyEvaluation(policies: ["p"], settings: Self.lenient())
        for index in 0..<3 {
            try evaluation.observe(Self.row(index, shopper: "u\(index)"), [Self.policy])
        }
        let report = evaluation.report()
        let policy = try #require(report.policies.first)
        // Ratios 0.25 / 0.5, 0.75 / 0.2 and 0.25 / 0.75.
        let ratios = [0.5, 3.75, 1.0 / 3]
        let ips = (0.5 * 1 + 3.75 * 2 + 0) / 3
        let snips = (0.5 * 1 + 3.75 * 2) / ratios.reduce(0, +)
        let directs = [0.25 * 0.5 + 0.75 * 1, 0.25 * 0.4 + 0.75 * 1.2, 0.25 * 0.2 + 0.75 * 0.6]
        let direct = directs.reduce(0, +) / 3
        let robust = direct + (0.5 * 0.5 + 3.75 * 0.8 - 0.2 / 3) / 3
        #expect(abs(try #require(policy.estimators["ips"]?.mean) - ips) < 1e-12)
        #expect(abs(try #require(policy.estimators["snips"]?.mean) - snips) < 1e-12)
        #expect(abs(try #require(policy.estimators["direct"]?.mean) - direct) < 1e-12)
        #expect(abs(try #require(policy.value?.mean) - robust) < 1e-12)
        #expect(policy.estimators["direct"]?.interval == nil)
        let square = ratios.reduce(0) { $0 + $1 * $1 }
        let sum = ratios.reduce(0, +)
        #expect(abs(policy.effectiveSample - sum * sum / square) < 1e-12)
        #expect(abs(policy.largestWeight - 3.75 / sum) < 1e-12)
        #expect(abs(policy.meanWeight - sum / 3) < 1e-12)
        #expect(report.decisions == 3 && report.shoppers == 3)
    }

    @Test("a switch leaves large ratios to the prediction")
    func switched() throws {
        var evaluation = OffPolicyEvaluation(policies: ["p"], settings: Self.lenient())
        // Many rows of ratio 1 that the prediction knows, and one of ratio 50 that is noise.
        for number in 0..<200 {
            let actions = [0.5, 0.5].enumerated().map {
                LoggedDecision.Action(label: $0, propensity: $1, prediction: 1)
            }
            try evaluation.observe(
                LoggedDecision(
                    shopper: "u\(number)", actions: actions, delivered: number % 2, reward: 1),
                [[0.5, 0.5]])
        }
        let rare = LoggedDecision(
            shopper: "rare",
            actions: [
                .init(label: 0, propensity: 0.02, prediction: 1),
                .init(label: 1, propensity: 0.98, prediction: 1),
            ], delivered: 0, reward: 11)
        try evaluation.observe(rare, [[1, 0]])
        let policy = try #require(evaluation.report().policies.first)
        let found = try #require(policy.estimators["switch_dr"])
        #expect(found.limit == 25 || (found.limit ?? 99) < 25)
        #expect(abs(found.mean - 1) < 1e-12)
        #expect(abs(try #require(policy.value?.mean) - (1 + 500.0 / 201)) < 1e-9)
    }

    @Test("what the log's policy is worth is its mean reward, whatever is predicted")
    func logged() throws {
        var evaluation = OffPolicyEvaluation(
            policies: ["logged", "p"], reference: 0, settings: Self.lenient())
        for index in 0..<3 {
            try evaluation.observe(Self.row(index, shopper: "u\(index)"), [nil, Self.policy])
        }
        let report = evaluation.report()
        #expect(report.policies[0].value?.mean == 1)
        #expect(report.policies[0].effectiveSample == 3)
        let difference = try #require(report.comparisons.first?.difference)
        let value = try #require(report.policies[1].value)
        #expect(abs(difference.mean - (value.mean - 1)) < 1e-12)
        #expect(report.comparisons[0].policy == "p" && report.comparisons[0].against == "logged")
    }

    @Test("a row that stands for three counts as three, and shoppers' rows count together")
    func weights() throws {
        var weighted = OffPolicyEvaluation(policies: ["p"], settings: Self.lenient())
        var repeated = OffPolicyEvaluation(policies: ["p"], settings: Self.lenient())
        for index in 0..<3 {
            let weight = Double(index + 1)
            try weighted.observe(
                Self.row(index, shopper: "u\(index)", weight: weight), [Self.policy])
            for _ in 0...index {
                try repeated.observe(Self.row(index, shopper: "u\(index)"), [Self.policy])
            }
        }
        let (one, other) = (weighted.report(), repeated.report())
        let value = try #require(one.policies[0].value)
        #expect(abs(value.mean - (try #require(other.policies[0].value?.mean))) < 1e-12)
        #expect(value.interval == other.policies[0].value?.interval)
        #expect(one.evaluated == 6 && one.decisions == 3 && other.decisions == 6)
    }

    @Test("bad numbers are refused by name and leave nothing behind")
    func bad() throws {
        var evaluation = OffPolicyEvaluation(policies: ["p"], settings: Self.lenient())
        func expectRefusal(
            _ name: String, _ probabilities: [Double] = Self.policy,
            _ change: (inout LoggedDecision) -> Void = { _ in }
        ) {
            var row = Self.row(0, shopper: "u")
            change(&row)
            do {
                try evaluation.observe(row, [probabilities])
                Issue.record("\(name) was taken")
            } catch {
                #expect("\(error)".contains(name), "\(error)")
            }
        }
        expectRefusal("the reward") { $0.reward = .nan }
        expectRefusal("the weight") { $0.weight = 0 }
        expectRefusal("the weight") { $0.weight = .infinity }
        expectRefusal("a prediction") { $0.actions[1].prediction = .infinity }
        expectRefusal("a propensity") { $0.actions[1].propensity = 1.5 }
        expectRefusal("the propensity of the delivered") { $0.actions[0].propensity = 0 }
        expectRefusal("the delivered action") { $0.delivered = 2 }
        expectRefusal("the sum of probabilities", [0.5, 0.4])
        expectRefusal("a policy's probability", [1.5, -0.5])
        expectRefusal("the number of probabilities", [1])
        #expect(evaluation.report().decisions == 0)
        #expect(evaluation.report().policies[0].refusals.first?.reason == .empty)
    }
}
