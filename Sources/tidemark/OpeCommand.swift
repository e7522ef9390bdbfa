import ArgumentParser
import Daemon
import OffPolicy
import Records
import Terminal

struct OpeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ope",
        abstract: "What other policies would have earned on logged decisions.",
        discussion: """
            Reads events and recommendations, joins each decision with what came of it, and estimates \
            what each policy would have earned there, in reward a decision. Learns nothing.

            Decisions are recommendations (as replay --recommendations or the topic has them), outcome \
            rows, and views and clicks that carry a propensity. Where the log cannot tell, no number is \
            given, and it is said what would be needed. deploy/docs/ope.md explains the figures.
            """)

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Logs of events and recommendations.", valueName: "log"))
    var events: [String]

    @Option(help: ArgumentHelp("Log of item events, read first.", valueName: "log"))
    var catalog: String?

    @Option(
        name: .customLong("policy"), parsing: .singleValue,
        help: ArgumentHelp(
            "Policy to evaluate: logged, uniform, fixed:0.1, snapshot:REF, file:FILE; may be repeated.",
            valueName: "policy"))
    var policies: [String]

    @Option(help: ArgumentHelp("Policy that the others are compared with.", valueName: "policy"))
    var against: String?

    @Option(help: ArgumentHelp("Store of the snapshots.", valueName: "folder"))
    var store: String?

    @OptionGroup var base: SnapshotBase

    @Option(
        help: ArgumentHelp(
            "margin, revenue or conversion; margin where costs are known, else revenue.",
            valueName: "reward"))
    var reward: Reward?

    @Option(
        help: ArgumentHelp(
            "The most that a decision can bring, and the least (0 unless given): for exact intervals.",
            valueName: "[low,]high"))
    var rewardRange: RewardRange?

    @Option(
        help: ArgumentHelp(
            "Let discounts this near to a fixed one count for it: 0.05 is five points.",
            valueName: "depth"))
    var kernel: Double?

    @Flag(help: "Propensities are densities: of a discount's hundredth.")
    var density = false

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print the report as JSON instead of tables.")
    var json = false

    func validate() throws {
        if events.isEmpty { throw ValidationError("--events needs at least one log.") }
        if policies.isEmpty { throw ValidationError("--policy is needed at least once.") }
    }

    func run() throws {
        try reportingFailures {
            var question = PolicyEvaluation.Question(
                events: events, policies: try policies.map { try PolicySource($0) })
            question.against = try against.map { try PolicySource($0) }
            question.catalog = catalog
            question.reward = reward
            question.rewards = rewardRange?.range
            question.kernel = kernel
            question.isDensity = density
            var setting = PolicyEvaluation.Setting()
            setting.store = store
            setting.base = base.folder
            if options.config != nil || !options.overrides.isEmpty {
                setting.configuration = try options.load()
            }
            let report = try PolicyEvaluation(question, in: setting).run()
            print(json ? try report.json() : report.summary())
        }
    }
}

extension Reward: ExpressibleByArgument {}

/// `100`, or `-20,100`, on the command line.
struct RewardRange: ExpressibleByArgument {
    let range: ClosedRange<Double>

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map {
            Double($0)
        }
        let ends = parts.count == 1 ? [0] + parts : parts
        guard ends.count == 2, let low = ends[0], let high = ends[1], low < high, low.isFinite,
            high.isFinite
        else { return nil }
        range = low...high
    }
}

extension PolicyEvaluationReport {
    /// The report in plain words and small tables.
    func summary() -> String {
        var lines = [
            "\(grouped(result.decisions)) decisions of \(grouped(result.shoppers)) shoppers, "
                + "\(grouped(log.lines)) lines; reward: \(rewardNote ?? reward.rawValue), a decision"
        ]
        let left: [(Int, String)] = [
            (holdouts, "of shoppers held out"), (learnedBefore, "that a snapshot has learned from"),
            (withoutCost, "of items whose cost is not known"),
            (log.open, "still open at the log's end"), (log.closedEarly, "closed for want of room"),
            (log.undecided, "that nobody decided: offers without a propensity"),
            (log.late, "views and clicks far out of order: give each topic's log by itself"),
        ]
        for (count, what) in left where count > 0 {
            lines.append("left out: \(grouped(count)) \(what)")
        }
        if let kernel {
            lines.append(
                "fixed discounts count by nearness, within \(fixed(100 * kernel, 1)) points")
        }
        var parts = [lines.joined(separator: "\n"), values, estimators]
        if !result.comparisons.isEmpty { parts.append(comparisons) }
        let refused = result.policies.filter { !$0.refusals.isEmpty }
        for policy in refused {
            parts.append(
                (["nothing is concluded of \(policy.policy):"]
                    + policy.refusals.map { "  \($0.message)" }).joined(separator: "\n"))
        }
        return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private func ends(_ interval: ConfidenceInterval?) -> String {
        interval.map { "\(signed($0.low, 4)) … \(signed($0.high, 4))" } ?? "–"
    }

    private var values: String {
        let exact = result.policies.contains { $0.value?.anytimeExact != nil }
        var table = TextTable(
            [
                ("policy", .left), ("value", .right), ("95 %", .right),
                ("95 %, at any look", .right),
            ] + (exact ? [("exact, at any look", .right)] : []) + [
                ("effective sample", .right), ("largest weight", .right),
                ("mean weight", .right), ("no support", .right),
            ])
        for policy in result.policies {
            let value = policy.value
            table.add(
                [
                    policy.policy, value.map { fixed($0.mean, 4) } ?? "refused",
                    ends(value?.interval), ends(value?.anytime),
                ] + (exact ? [ends(value?.anytimeExact)] : []) + [
                    grouped(Int(saturating: policy.effectiveSample)),
                    fixed(100 * policy.largestWeight, 2) + " %", fixed(policy.meanWeight, 3),
                    fixed(100 * policy.unsupported, 1) + " %",
                ])
        }
        return table.rendered()
    }

    private var estimators: String {
        let told = result.policies.filter { $0.value != nil }
        guard !told.isEmpty else { return "" }
        let names = ["dr", "switch_dr", "snips", "ips", "direct"]
        var table = TextTable(
            [("other estimates", .left)]
                + names.map { ($0.replacing("_", with: "-"), .right) })
        for policy in told {
            table.add([policy.policy] + names.map { fixed(policy.estimators[$0]?.mean, 4) })
        }
        return table.rendered()
    }

    private var comparisons: String {
        let against = result.comparisons[0].against
        let level = fixed(
            100 * (1 - (1 - result.confidence) / Double(result.comparisons.count)), 1)
        var table = TextTable([
            ("more than \(against)", .left), ("difference", .right), ("\(level) %", .right),
            ("\(level) %, at any look", .right), ("", .left),
        ])
        for row in result.comparisons {
            let found = row.difference
            table.add(
                row.policy, found.map { signed($0.mean, 4) } ?? "refused", ends(found?.interval),
                ends(found?.anytime), row.isDifferent ? "differs" : "")
        }
        return table.rendered()
    }
}
