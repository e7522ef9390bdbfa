import ArgumentParser
import ContinualLearning
import Daemon
import Records
import Terminal

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "How well a snapshot predicts a log; learns nothing.",
        discussion: """
            Opens the store for reading, also beside a running daemon. With --against, both snapshots \
            predict the same examples, and their difference is given with intervals that take the \
            examples of one item, or of one user, together.
            """)

    @Option(help: ArgumentHelp("The store.", valueName: "folder"))
    var store: String

    @Option(
        help: ArgumentHelp(
            "Snapshot that predicts: an id, a tag, head, head~3, a time.", valueName: "ref"))
    var snapshot = "head"

    @Option(help: ArgumentHelp("Snapshot of the same store to compare with.", valueName: "ref"))
    var against: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Logs to predict, in order.", valueName: "log"))
    var events: [String]

    @Option(help: ArgumentHelp("Log of item events, read first.", valueName: "log"))
    var catalog: String?

    @OptionGroup var base: SnapshotBase

    @Option(help: ArgumentHelp("Write the report here.", valueName: "file"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Write event_id,head,probability,label of every example here.", valueName: "file"))
    var predictions: String?

    @Flag(help: "Print the report as JSON instead of tables.")
    var json = false

    func validate() throws {
        if events.isEmpty { throw ValidationError("--events needs at least one log.") }
    }

    func run() throws {
        try reportingFailures {
            try OutputFile.require(report, predictions)
            let evaluation = try Evaluation(
                store: store, snapshot: snapshot, against: against, base: base.folder,
                events: events,
                catalog: catalog, predictions: predictions)
            let finished = try evaluation.run()
            try finished.write(to: report)
            print(json ? try finished.json() : finished.summary())
        }
    }
}

extension EvaluationReport {
    /// The report in plain words and small tables.
    func summary() -> String {
        var parts = [
            "snapshot \(snapshot) on \(grouped(events.read)) events, \(grouped(examples)) examples; "
                + "\(fixed(wallSeconds, 1)) s, \(grouped(Int(saturating: eventsPerSecond))) events/s"
        ]
        if events.deadLettered > 0 {
            parts[0] += "\n\(grouped(events.deadLettered)) records could not be used"
        }
        if corrected > 0 {
            parts[0] += "\n\(grouped(corrected)) labels changed after they were scored"
        }
        guard !progressive.isEmpty else { return parts[0] + "\nno example, so nothing to score" }
        parts.append(scoreTable("predicted, not learned", progressive) + "\n" + scoreLegend)
        for head in progressive.keys.sorted() {
            let own = slices.compactMapValues { $0[head] }
            if !own.isEmpty { parts.append(scoreTable("\(head), by slice", own)) }
        }
        if let against { parts.append(comparison(against)) }
        return parts.joined(separator: "\n\n")
    }

    private func comparison(_ against: Against) -> String {
        var table = TextTable([
            ("NE against \(against.snapshot)", .left), ("difference", .right),
            ("95 %, items together", .right), ("95 %, users together", .right),
        ])
        for (head, report) in against.difference.sorted(by: { $0.key < $1.key }) {
            table.add(
                head, signed(report.normalizedEntropy, 5), interval(report.byItem),
                interval(report.byUser))
        }
        return table.rendered() + "\nBelow zero, \(snapshot) is the better one."
    }
}

/// An interval as `low … high`; a dash where there are too few clusters.
func interval(_ interval: PairedReport.Interval?) -> String {
    guard let low = interval?.low, let high = interval?.high else { return "–" }
    return "\(signed(low, 5)) … \(signed(high, 5))"
}

func signed(_ number: Double?, _ decimals: Int) -> String {
    (number.map { $0 > 0 ? "+" : "" } ?? "") + fixed(number, decimals)
}
