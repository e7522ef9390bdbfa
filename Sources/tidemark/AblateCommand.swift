import ArgumentParser
import Daemon
import Foundation
import Terminal

struct AblateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ablate",
        abstract: "What each part of learning, and each guard, is worth on a log.",
        discussion: """
            Learns a log of pre-joined rows again and again: as configured (default), with refreshes that \
            no guard holds (naive), on all phases so far at once (joint), with frozen texts, with \
            identities alone, with each guard alone, and with each left out.

            With --phase-field, a fifth of each phase (CRC-32 of event_id divisible by 5) is never \
            learned, and is predicted after every phase. Without, the log is one phase, scored as it is \
            learned: predicted, then learned.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: ArgumentHelp("Log of pre-joined rows.", valueName: "log"))
    var events: String

    @Option(help: ArgumentHelp("Log of item events, read first.", valueName: "log"))
    var catalog: String?

    @Option(help: ArgumentHelp("Text field that names a row's phase.", valueName: "field"))
    var phaseField: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Which to run besides default, naive and joint; all where it is left out.",
            valueName: "name"))
    var runs: [String] = []

    @Option(help: ArgumentHelp("Write the JSON here.", valueName: "file"))
    var report: String?

    @Option(help: ArgumentHelp("Draw a picture (SVG) here.", valueName: "file"))
    var picture: String?

    @Flag(help: "Print the JSON instead of tables.")
    var json = false

    func run() throws {
        let configuration = try options.load()
        let names = Ablation.names(configuration)
        for name in runs where !names.contains(name) {
            throw ExitStatus.usage.failure(
                "--runs \(name): there is no such run; there are \(names.joined(separator: ", "))")
        }
        try reportingFailures {
            try OutputFile.require(report, picture)
            let ablation = Ablation(
                configuration, events: events, catalog: catalog, phaseField: phaseField,
                runs: runs.isEmpty ? nil : runs)
            let finished = try ablation.run()
            try finished.write(to: report)
            if let picture { try finished.draw(to: picture) }
            print(json ? try finished.json() : finished.summary(order: names))
        }
    }
}

extension AblationReport {
    /// The report as tables, runs in `order`.
    func summary(order: [String]) -> String {
        let present = order.filter { runs[$0] != nil }
        var parts = ["\(learned.reduce(0, +)) rows learned, \(heldOut.reduce(0, +)) kept apart"]
        parts.append(phases.count > 1 ? forgettingTable(present) : progressiveTable(present))
        if phases.count > 1 {
            for name in ["default", "joint"] { parts.append(matrix(name)) }
        }
        return parts.joined(separator: "\n\n")
    }

    private func progressiveTable(_ names: [String]) -> String {
        var table = TextTable([
            ("predicted before learned", .left), ("NE", .right), ("AUC", .right), ("ECE", .right),
            ("NE less default's", .right), ("95 %, items together", .right),
            ("refreshes", .right),
        ])
        for name in names {
            guard let run = runs[name] else { continue }
            table.add(
                name, fixed(run.progressive.normalizedEntropy, 4), fixed(run.progressive.auc, 4),
                fixed(run.progressive.ece, 4), signed(run.againstDefault?.normalizedEntropy, 5),
                interval(run.againstDefault?.byItem), run.refreshes)
        }
        return table.rendered()
    }

    private func forgettingTable(_ names: [String]) -> String {
        var table = TextTable([
            ("after the last phase", .left), ("mean NE", .right), ("mean AUC", .right),
            ("newest NE", .right), ("BWT", .right), ("FWT", .right), ("worst rise", .right),
            ("unseen NE", .right), ("worst", .right), ("NE less default's", .right),
            ("95 %, items together", .right), ("refreshes", .right),
        ])
        for name in names {
            guard let run = runs[name] else { continue }
            table.add(
                name, fixed(run.finalMeanNE, 4), fixed(run.finalMeanAUC, 4),
                fixed(run.ne.last?.last ?? nil, 4), signed(run.bwtAUC, 4), signed(run.fwtAUC, 3),
                signed(run.worstDropNE, 4), fixed(run.unseenMeanNE, 3), fixed(run.unseenWorstNE, 3),
                signed(run.againstDefault?.normalizedEntropy, 5),
                interval(run.againstDefault?.byItem), run.refreshes)
        }
        return table.rendered()
            + "\nBWT, FWT: change of AUC on phases learned before, AUC above chance on phases to come."
            + "\nWorst rise: of a learned phase's NE at any later moment. Unseen: after the first phase."
    }

    private func matrix(_ name: String) -> String {
        guard let run = runs[name] else { return "" }
        var lines = ["NE of \(name), after each phase on each phase"]
        for (phase, row) in zip(phases, run.ne) {
            lines.append(row.map { fixed($0, 4) }.joined(separator: "  ") + "  \(phase)")
        }
        return lines.joined(separator: "\n")
    }
}

extension AblationReport.Run {
    /// Promoted and rejected refreshes.
    fileprivate var refreshes: String { "\(gatePassed) + \(gateRejected) rejected" }
}
