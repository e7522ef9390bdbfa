import Daemon
import Foundation
import OffPolicy
import Records
import Testing

/// `ope`: what other policies would have earned on logged decisions.
@Suite(.serialized) struct PolicyEvaluationTests {
    private let logs: LogFolder
    private var folder: String { logs.path }

    init() throws { logs = try LogFolder() }

    private func log(_ name: String, _ lines: [String]) throws -> String {
        try logs.write(name, lines)
    }

    private func visits(_ count: Int, seed: UInt64 = 1, holdouts: Bool = false)
        -> [DecisionShop.Visit]
    {
        var shop = DecisionShop(seed: seed)
        return (0..<count).map { shop.visit($0, holdouts: holdouts) }
    }

    private func evaluate(
        _ events: [String], _ policies: [PolicySource], against: PolicySource? = nil,
        reward: Reward? = nil, catalog: String? = nil, store: String? = nil,
        change: (inout PolicyEvaluation.Question) -> Void = { _ in }
    ) throws -> PolicyEvaluationReport {
        var question = PolicyEvaluation.Question(events: events, policies: policies)
        question.against = against
        question.reward = reward
        question.catalog = catalog
        change(&question)
        var setting = PolicyEvaluation.Setting()
        setting.store = store
        if store != nil { setting.base = try DaemonFixture.model() }
        return try PolicyEvaluation(question, in: setting).run()
    }

    @Test("outcome rows tell what fixed discounts would have brought")
    func outcomes() throws {
        let visits = visits(6000)
        let path = try log("outcomes", visits.map { $0.outcome() })
        let report = try evaluate(
            [path], [.fixed(0), .fixed(0.2)], against: .logged, reward: .conversion)
        #expect(report.result.policies.map(\.policy) == ["fixed:0.0", "fixed:0.2", "logged"])
        let cheap = report.result.policies[1]
        // Self-normalised: the mean over the decisions that gave it, whatever was predicted.
        let given = visits.filter { $0.discount > 0 }
        let share = Double(given.filter(\.bought).count) / Double(given.count)
        #expect(abs(try #require(cheap.estimators["snips"]?.mean) - share) < 1e-9)
        #expect(try #require(cheap.value?.interval).contains(0.4))
        #expect(try #require(cheap.value?.anytimeExact).contains(0.4))
        let dear = report.result.policies[0]
        #expect(try #require(dear.value?.interval).contains(0.2))
        let all = Double(visits.filter(\.bought).count) / 6000
        #expect(abs(try #require(report.result.policies[2].value?.mean) - all) < 1e-9)
        let comparison = try #require(report.result.comparisons.last)
        #expect(comparison.policy == "fixed:0.2" && comparison.isDifferent)
        #expect(report.log.decisions == 6000 && report.log.lines == 6000)
        #expect(report.rewardNote == nil)
    }

    @Test("recommendations are joined with the purchases that followed, held-out shoppers apart")
    func recommendations() throws {
        let visits = visits(5000, holdouts: true)
        let events = visits.flatMap { [$0.click] + ($0.purchase.map { [$0] } ?? []) }
            .sorted { time($0) < time($1) }
        let report = try evaluate(
            [try log("events", events), try log("offers", visits.map(\.recommendation))],
            [.logged, .fixed(0.2)], catalog: try log("items", [DecisionShop.item]))
        #expect(report.reward == .margin && report.rewardNote == nil)
        // What is open at the end is left out, bought or not: the last day.
        #expect((1400...1441).contains(report.log.open), "\(report.log.open)")
        let closed = visits.prefix(5000 - report.log.open)
        #expect(report.log.decisions == closed.count)
        #expect(report.holdouts == closed.filter(\.isHoldout).count)
        let counted = closed.filter { !$0.isHoldout }
        // Two units each, at a cost of 8.
        let earned = counted.reduce(0.0) {
            $0 + ($1.bought ? 2 * (20 * (1 - $1.discount) - 8) : 0)
        }
        let logged = try #require(report.result.policies[0].value)
        #expect(abs(logged.mean - earned / Double(counted.count)) < 1e-9)
        // 0.4 · 2 · (16 - 8).
        #expect(try #require(report.result.policies[1].value?.interval).contains(6.4))
        #expect(report.log.unattributed == 0)
    }

    @Test("what offers cost is taken off margins, and off nothing else")
    func offerCosts() throws {
        let visits = visits(3000)
        var configuration = Configuration()
        configuration.pricing.costFraction = 0.4
        configuration.pricing.offerCost = 0.25
        configuration.pricing.redemptionCost = 0.5
        var setting = PolicyEvaluation.Setting()
        setting.configuration = configuration
        var question = PolicyEvaluation.Question(
            events: [try log("costs", visits.map { $0.outcome() })],
            policies: [.logged, .fixed(0.2)])
        question.reward = .margin
        let report = try PolicyEvaluation(question, in: setting).run()
        let earned = visits.reduce(0.0) {
            $0 + ($1.bought ? (20 * (1 - $1.discount) - 8) : 0)
                - ($1.discount > 0 ? 0.25 + ($1.bought ? 0.5 : 0) : 0)
        }
        #expect(abs(try #require(report.result.policies[0].value?.mean) - earned / 3000) < 1e-9)
        question.reward = .revenue
        let revenue = try PolicyEvaluation(question, in: setting).run()
        let paid = visits.reduce(0.0) {
            $0 + ($1.bought ? 20 * (1 - $1.discount) : 0)
        }
        #expect(abs(try #require(revenue.result.policies[0].value?.mean) - paid / 3000) < 1e-9)
    }

    private func time(_ line: String) -> Int {
        line.split(separator: "\"ts\":").dropFirst().first.flatMap {
            Int($0.prefix { $0.isNumber })
        } ?? 0
    }

    @Test("without costs revenue is told, and it is said")
    func withoutCosts() throws {
        let path = try log("outcomes", visits(2000).map { $0.outcome() })
        let report = try evaluate([path], [.logged])
        #expect(report.reward == .revenue)
        #expect(report.rewardNote?.contains("2000 decisions") == true)
        let asked = try evaluate([path], [.logged], reward: .margin)
        #expect(asked.withoutCost == 2000)
        #expect(asked.result.policies[0].refusals.map(\.reason) == [.empty])
    }

    @Test("a discount that was never given is refused, with what would be needed")
    func support() throws {
        let path = try log("outcomes", visits(3000).map { $0.outcome() })
        let report = try evaluate([path], [.fixed(0.4), .uniform], reward: .conversion)
        for policy in report.result.policies {
            #expect(policy.value == nil)
            #expect(policy.refusals.map(\.reason).contains(.support), "\(policy)")
        }
        #expect(report.result.policies[0].refusals[0].message.contains("discount 0.4"))
    }

    @Test("a logged action set says what was possible, and must agree with what was delivered")
    func actionSets() throws {
        let set =
            ",\"actions\":[{\"discount\":0,\"propensity\":0.75},{\"discount\":0.2,\"propensity\":0.25}]"
        let path = try log("outcomes", visits(3000).map { $0.outcome(set) })
        let report = try evaluate([path], [.uniform, .fixed(0.1)], reward: .conversion)
        // Of two discounts, half each: 0.5 · 0.2 + 0.5 · 0.4.
        #expect(try #require(report.result.policies[0].value?.interval).contains(0.3))
        #expect(report.result.policies[1].unsupported == 1)
        let wrong =
            ",\"actions\":[{\"discount\":0,\"propensity\":0.5},{\"discount\":0.2,\"propensity\":0.5}]"
        let bad = try log("wrong", visits(10).map { $0.outcome(wrong) })
        expectFailure("wrong.jsonl, line 1: 'propensity' is 0.") {
            try evaluate([bad], [.logged], reward: .conversion)
        }
    }

    private func expectFailure<T>(
        _ message: String, kind: FailureKind = .badData, _ body: () throws -> T
    ) {
        do {
            _ = try body()
            Issue.record("nothing was refused")
        } catch {
            #expect(sentence(of: error).contains(message), "\(sentence(of: error))")
            #expect(FailureKind(error) == kind)
        }
    }

    @Test("a bad line is an error with file and line")
    func badLines() throws {
        let good = visits(3).map { $0.outcome() }
        let cut = try log("cut", good + [String(good[0].dropLast(20))])
        expectFailure("cut.jsonl, line 4: ") { try evaluate([cut], [.logged]) }
        let offer = visits(1)[0].recommendation.replacing(
            "\"propensity\":0.", with: "\"propensity\":7.")
        let offers = try log("offers", [offer])
        expectFailure("offers.jsonl, line 1: 'propensity'") { try evaluate([offers], [.logged]) }
        let click = try log("catalog", [visits(1)[0].click])
        expectFailure("catalog.jsonl, line 1: a catalogue has items alone") {
            try evaluate([try log("good", good)], [.logged], catalog: click)
        }
    }

    @Test("a file gives probabilities by decision, by item, or for all others")
    func files() throws {
        let visits = visits(4000)
        let path = try log("outcomes", visits.map { $0.outcome() })
        func actions(_ cheap: Double) -> String {
            "\"actions\":[{\"discount\":0,\"probability\":\(1 - cheap)},{\"discount\":0.2,\"probability\":\(cheap)}]"
        }
        let all = try log("all", ["{\(actions(0.5))}"])
        let each = try log(
            "each",
            visits.prefix(2000).map { "{\"id\":\"o-\($0.number)\",\(actions(0.5))}" }
                + ["{\"item_id\":\"kettle\",\(actions(0.5))}"])
        let report = try evaluate(
            [path], [.file(all), .file(each)], against: .file(all), reward: .conversion)
        // Half of the time each: a purchase counts by one half over its propensity.
        let weighted = visits.reduce(0.0) { $0 + ($1.bought ? 0.5 / $1.propensity : 0) } / 4000
        let policy = report.result.policies[0]
        #expect(abs(try #require(policy.estimators["ips"]?.mean) - weighted) < 1e-9)
        #expect(abs(try #require(policy.value?.mean) - 0.3) < 0.03)
        #expect(report.result.comparisons[0].difference?.mean == 0)
        let lacking = try log("lacking", ["{\"id\":\"o-0\",\(actions(0.5))}"])
        expectFailure("it has no line for decision 'o-1'") {
            try evaluate([path], [.file(lacking)], reward: .conversion)
        }
        let unsure = try log(
            "unsure", ["{\(actions(0.5))}", "{\"actions\":[{\"discount\":0,\"probability\":0.9}]}"])
        expectFailure("unsure.jsonl, line 2: the probabilities sum to 0.9") {
            try evaluate([path], [.file(unsure)], reward: .conversion)
        }
    }

    @Test("nearness counts for a discount that was never given exactly, densities too")
    func kernels() throws {
        var random = SeededRandom(seed: 4)
        let lines = (0..<20_000).map { number in
            let depth = (0.5 * random.unit() * 1e6).rounded() / 1e6
            return DecisionShop.Visit(
                number: number, shopper: "u\(number)", discount: depth, propensity: 0.02,
                bought: random.unit() < 0.2 + depth
            ).outcome()
        }
        let path = try log("continuous", lines)
        let report = try evaluate([path], [.fixed(0.23), .logged], reward: .conversion) {
            $0.kernel = 0.05
            $0.isDensity = true
        }
        let policy = report.result.policies[0]
        #expect(abs(policy.meanWeight - 1) < 0.05)
        #expect(try #require(policy.value?.interval).contains(0.43))
        expectFailure("'uniform' has no density", kind: .usage) {
            try evaluate([path], [.uniform]) {
                $0.kernel = 0.05
                $0.isDensity = true
            }
        }
    }

    @Test("what a policy can be called is told where it is none, and a snapshot needs its store")
    func names() throws {
        for text in ["", "fixed", "fixed:1", "fixed:-0.1", "fixed:nan", "snapshot:", "best"] {
            expectFailure("policy '\(text)'", kind: .usage) { try PolicySource(text) }
        }
        #expect(try PolicySource("snapshot:head~1") == .snapshot("head~1"))
        let path = try log("outcomes", visits(1).map { $0.outcome() })
        expectFailure("needs --store", kind: .usage) {
            try evaluate([path], [.snapshot("head")])
        }
        expectFailure("given twice", kind: .usage) { try evaluate([path], [.logged, .logged]) }
    }

    @Test("two snapshots on the same traffic: what a rollback would have changed")
    func snapshots() throws {
        let visits = visits(3000)
        let store = folder + "/store"
        let learned = visits.prefix(1500).map { $0.outcome() }
        let configuration = try Configuration.load(
            file: nil, environment: [:],
            overrides: [
                "model.base=\(try DaemonFixture.model())", "store.sync=false",
                "store.snapshot_events=500", "store.commit_events=100", "batch.events=100",
                "pricing.depths=[0, 0.2]",
            ])
        _ = try Replay(
            configuration, events: [try log("learned", [DecisionShop.item] + learned)],
            catalog: nil, store: store
        ).run()
        let later = try log("later", visits.map { $0.outcome() })
        let report = try evaluate(
            [later], [.snapshot("head"), .snapshot("head~1"), .fixed(0.2)],
            against: .snapshot("head~1"), store: store)
        #expect(report.reward == .margin)
        // What a snapshot has learned from tells nothing of it.
        #expect(report.learnedBefore == 1500)
        #expect(report.result.decisions == 1500)
        let (head, before) = (report.result.policies[0], report.result.policies[1])
        for policy in [head, before] {
            #expect(policy.unsupported < 0.01 && abs(policy.meanWeight - 1) < 0.3)
            #expect(policy.value != nil || !policy.refusals.isEmpty)
        }
        #expect(report.result.comparisons.map(\.policy) == ["snapshot:head", "fixed:0.2"])
        // A snapshot against itself is no difference.
        let same = try evaluate(
            [later], [.snapshot("head")], against: .snapshot("head"), store: store)
        #expect(same.result.comparisons.isEmpty)
    }
}
