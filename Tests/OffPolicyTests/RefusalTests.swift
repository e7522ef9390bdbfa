import OffPolicy
import Testing

/// When a log cannot tell what a policy is worth, and what is said then.
@Suite struct RefusalTests {
    typealias Action = LoggedDecision.Action

    /// A decision over two actions, the second one delivered.
    private func row(
        _ number: Int, _ propensities: [Double?], delivered: Int = 1, labels: [Int] = [0, 10]
    ) -> LoggedDecision {
        LoggedDecision(
            shopper: "u\(number)",
            actions: zip(labels, propensities).map {
                Action(label: $0, propensity: $1, prediction: 0)
            }, delivered: delivered, reward: number % 2 == 0 ? 1 : 0)
    }

    private func evaluate(
        _ rows: [LoggedDecision], _ probabilities: [Double]
    ) throws -> OffPolicyReport.Policy {
        var evaluation = OffPolicyEvaluation(policies: ["p"])
        for row in rows { try evaluation.observe(row, [probabilities]) }
        return evaluation.report().policies[0]
    }

    @Test("below an effective sample of 200 nothing is concluded, and the traffic needed is said")
    func effectiveSample() throws {
        let few = try evaluate((0..<199).map { row($0, [0.5, 0.5]) }, [0.5, 0.5])
        #expect(few.refusals.map(\.reason) == [.effectiveSample])
        #expect(few.refusals[0].message.contains("199, below 200"))
        #expect(few.refusals[0].message.contains("about 200 decisions"))
        #expect(few.value == nil && few.estimators.isEmpty)
        let enough = try evaluate((0..<200).map { row($0, [0.5, 0.5]) }, [0.5, 0.5])
        #expect(enough.refusals.isEmpty && enough.value != nil)
        #expect(abs(enough.effectiveSample - 200) < 1e-9)
    }

    @Test("many decisions of a few shoppers are a small sample")
    func shoppers() throws {
        let rows = (0..<4000).map { number in
            var own = row(number, [0.5, 0.5], delivered: number % 2)
            own.shopper = "u\(number % 100)"
            return own
        }
        let policy = try evaluate(rows, [0.5, 0.5])
        #expect(abs(policy.effectiveSample - 100) < 1e-9)
        #expect(policy.refusals.map(\.reason) == [.effectiveSample])
    }

    @Test("one weight above 5 % of all is too much, whatever the effective sample")
    func largestWeight() throws {
        var rows = (0..<4000).map { row($0, [0.5, 0.5], delivered: $0 % 2) }
        rows.append(row(9999, [0.999, 0.001]))
        let policy = try evaluate(rows, [0.5, 0.5])
        #expect(policy.largestWeight > 0.1)
        #expect(policy.refusals.map(\.reason).contains(.largestWeight))
        let message = try #require(policy.refusals.first { $0.reason == .largestWeight }?.message)
        #expect(message.contains("the smallest is 0.001"))
    }

    @Test("a propensity of 1 says nothing of another action, and all of the same one")
    func certain() throws {
        let rows = (0..<1000).map { row($0, [nil, 1]) }
        let other = try evaluate(rows, [0.5, 0.5])
        #expect(abs(other.unsupported - 0.5) < 1e-12)
        #expect(other.refusals.map(\.reason) == [.support])
        #expect(other.refusals[0].message.contains("50.0 % of what this policy does"))
        #expect(other.value == nil)
        let same = try evaluate(rows, [0, 1])
        #expect(same.refusals.isEmpty && same.value?.mean == 0.5)
    }

    @Test("an action that the action set lacks was not possible")
    func actionSet() throws {
        let rows = (0..<1000).map { number in
            var own = row(number, [0.5, 0.5], delivered: number % 2)
            own.actions.append(Action(label: 40, propensity: 0, prediction: 0))
            return own
        }
        let policy = try evaluate(rows, [0.49, 0.49, 0.02])
        #expect(abs(policy.unsupported - 0.02) < 1e-12)
        #expect(policy.refusals.map(\.reason) == [.support])
    }

    @Test("a depth that the whole log never gave was not possible either")
    func neverGiven() throws {
        let rows = (0..<2000).map { number in
            LoggedDecision(
                shopper: "u\(number)",
                actions: [
                    Action(label: number % 2 * 10, propensity: 0.5, prediction: 0),
                    Action(label: 40, propensity: nil, prediction: 0),
                ], delivered: 0, reward: 0)
        }
        let policy = try evaluate(rows, [0.5, 0.5])
        #expect(policy.unsupported >= 0.5)
        #expect(policy.refusals.contains { $0.message.contains("has the discount 0.4") })
    }

    @Test("a mean weight far below 1 shows what was not possible where no action set is logged")
    func meanWeight() throws {
        // Half of the decisions never have the second action, with a propensity that says nothing of it.
        let rows = (0..<4000).map { number in
            LoggedDecision(
                shopper: "u\(number)",
                actions: [
                    Action(label: 0, propensity: 0.5, prediction: 0),
                    Action(label: 10, propensity: nil, prediction: 0),
                ], delivered: 0, reward: 0)
        }
        var evaluation = OffPolicyEvaluation(policies: ["p"])
        for (number, own) in rows.enumerated() {
            var own = own
            if number % 4 == 0 { own.actions.swapAt(0, 1); own.delivered = 0 }
            if number % 4 == 0 { own.actions[0].propensity = 0.5; own.actions[1].propensity = nil }
            try evaluation.observe(own, [number % 4 == 0 ? [1, 0] : [0, 1]])
        }
        // A quarter of the rows has weight 2, the others none: the mean weight is 0.5.
        let policy = evaluation.report().policies[0]
        #expect(abs(policy.meanWeight - 0.5) < 1e-12)
        #expect(policy.refusals.map(\.reason).contains(.support))
    }

    @Test("decisions without a propensity are counted, and many of them are a reason to refuse")
    func missing() throws {
        var rows = (0..<1000).map { row($0, [0.5, 0.5], delivered: $0 % 2) }
        rows += (0..<5).map { row($0, [nil, nil]) }
        #expect(try evaluate(rows, [0.5, 0.5]).refusals.isEmpty)
        rows += (0..<500).map { row($0, [nil, nil]) }
        let policy = try evaluate(rows, [0.5, 0.5])
        #expect(policy.refusals.map(\.reason) == [.propensity])
        #expect(policy.refusals[0].message.contains("33.6 %"))
        let none = try evaluate([row(1, [nil, nil])], [0.5, 0.5])
        #expect(none.refusals.map(\.reason) == [.propensity])
    }

    @Test("what is refused is not compared")
    func comparison() throws {
        var evaluation = OffPolicyEvaluation(policies: ["logged", "p"], reference: 0)
        for number in 0..<1000 { try evaluation.observe(row(number, [nil, 1]), [nil, [1, 0]]) }
        let report = evaluation.report()
        #expect(report.policies[0].value?.mean == 0.5)
        #expect(report.comparisons[0].difference == nil && !report.comparisons[0].isDifferent)
    }
}
