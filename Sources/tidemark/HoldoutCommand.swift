import ArgumentParser
import Daemon
import OffPolicy
import Terminal

struct HoldoutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdout",
        abstract: "What discounts add, against the shoppers who never get one.",
        discussion: """
            Compares what shoppers bring, from their first recommendation on, with what shoppers bring \
            who are held out (`holdout` in recommendations). The intervals may be looked at every day: \
            over all looks together they are wrong in 5 % of cases at most.
            """)

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Logs of events and recommendations.", valueName: "log"))
    var events: [String]

    @Option(help: ArgumentHelp("Log of item events, read first.", valueName: "log"))
    var catalog: String?

    @Option(
        help: ArgumentHelp(
            "margin or revenue; margin where costs are known, else revenue.",
            valueName: "reward"))
    var reward: Reward?

    @Option(
        help: ArgumentHelp(
            "Tell shoppers apart by an entry of their first offer's context.", valueName: "key"))
    var segment: String?

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print the report as JSON instead of tables.")
    var json = false

    func validate() throws {
        if events.isEmpty { throw ValidationError("--events needs at least one log.") }
    }

    func run() throws {
        try reportingFailures {
            var question = HoldoutComparison.Question(events: events)
            question.catalog = catalog
            question.reward = reward
            question.segment = segment
            let report = try HoldoutComparison(
                question, configuration: try options.load()
            ).run()
            print(json ? try report.json() : report.summary())
        }
    }
}

extension HoldoutReport {
    /// The report in plain words and small tables.
    func summary() -> String {
        let groups = rows.first?.estimate
        var lines = [
            "\(grouped(groups?.treated ?? 0)) shoppers with discounts, "
                + "\(grouped(groups?.heldOut ?? 0)) held out; \(grouped(purchases)) purchases in "
                + "\(grouped(days)) days; reward: \(reward.rawValue), a shopper"
        ]
        if reward == .margin, withoutCost > 0 {
            lines.append(
                "left out: \(grouped(withoutCost)) purchases of items whose cost is not known")
        }
        var parts = [lines.joined(separator: "\n"), table("", rows)]
        if let segment, !segments.isEmpty { parts.append(table(segment, segments)) }
        if rows.contains(where: { $0.estimate.interval == nil }) {
            parts.append(
                "no interval yet: 50 shoppers of each group must have bought something first")
        }
        return parts.joined(separator: "\n\n")
    }

    private func table(_ title: String, _ rows: [Row]) -> String {
        var table = TextTable([
            (title, .left), ("with", .right), ("held out", .right), ("difference", .right),
            ("95 % in all, at any look", .right), ("smallest visible", .right),
            ("seen on day", .right),
        ])
        for row in rows {
            let found = row.estimate
            let ends = found.interval.map { "\(signed($0.low, 3)) … \(signed($0.high, 3))" }
            table.add(
                row.name, fixed(found.treatedMean, 3), fixed(found.heldOutMean, 3),
                signed(found.difference, 3), ends ?? "–", fixed(found.smallestVisible, 3),
                row.firstSeenDay.map { grouped($0) } ?? "–")
        }
        return table.rendered()
    }
}
