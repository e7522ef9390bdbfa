import ArgumentParser
import Daemon
import Foundation
import Terminal

/// `bench conflict`: what guards are worth where what was learned becomes wrong, and right again.
struct ConflictBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflict",
        abstract: "Regret and recovery where words change their meaning and get it back.",
        discussion: """
            Generated logs with known truth, in phases A, B, A', C, A: in B half of the words are \
            worth the contrary of what they were in A, A' is nearly A, in C that half is drawn anew, \
            and at last A holds again. Every item is new, its title made of the same words. Regret is \
            the log-loss beyond that of the truth, in thousandths of a nat an example; recovery the \
            examples after a change until regret is below half of what knowing the mean rate alone \
            costs. Means over seeds with 95 % intervals; a guard's name stands for that guard alone.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "Rows of each phase.")
    var rows = 2_000

    @Option(help: "New items of each phase.")
    var items = 40

    @Option(help: "Logs.")
    var seeds = 5

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Ways to learn beside default, naive and frozen; each guard alone where it is left out.",
            valueName: "name"))
    var runs: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1_000...1_000_000).contains(rows) else {
            throw ValidationError("--rows must be from 1,000 to 1,000,000.")
        }
        guard (20...100_000).contains(items), items <= rows else {
            throw ValidationError("--items must be from 20 to 100,000, and no more than --rows.")
        }
        guard (2...100).contains(seeds) else {
            throw ValidationError("--seeds must be from 2 to 100.")
        }
    }

    func run() throws {
        var scaled = options
        // Two refreshes a phase, and of "recent" examples half a phase, unless told otherwise.
        scaled.overrides =
            [
                "lora.refresh_events=\(rows / 2)", "lora.refresh_texts=0",
                "lora.judge_events=\(rows / 8)",
                "lora.batch_texts=16", "guards.replay_recent=\(rows / 2)", "batch.events=100",
            ] + options.overrides
        let configuration = try scaled.load()
        let names = Conflict.names(configuration)
        for name in runs where !names.contains(name) {
            throw ExitStatus.usage.failure(
                "--runs \(name): there is no such run; there are \(names.joined(separator: ", "))")
        }
        let wanted =
            ["frozen", "naive"] + (runs.isEmpty ? names.filter { $0.hasPrefix("only-") } : runs)
            + ["default"]
        try reportingFailures {
            let results = try Conflict(configuration, rows: rows, items: items).run(
                wanted, seeds: (1...seeds).map { UInt64($0) })
            let frozen = results["frozen"] ?? []
            let rows = names.filter { results[$0] != nil }.sorted {
                (wanted.firstIndex(of: $0) ?? 0) < (wanted.firstIndex(of: $1) ?? 0)
            }.map { ConflictRow($0, results[$0] ?? [], frozen: frozen) }
            print(json ? try jsonText(rows) : ConflictRow.table(rows))
        }
    }
}

private struct ConflictRow: Encodable {
    let learned: String
    /// Thousandths of a nat an example: over everything, by phase, and less that of frozen texts.
    let regret: SeedMean
    let regretByPhase: [SeedMean]
    let regretAgainstFrozen: SeedMean
    /// Examples after each of the four changes, and their mean.
    let recovery: SeedMean
    let recoveryByChange: [SeedMean]
    let promoted: Double
    let rejected: Double

    enum CodingKeys: String, CodingKey {
        case learned, regret, recovery, promoted, rejected
        case regretByPhase = "regret_by_phase"
        case regretAgainstFrozen = "regret_against_frozen"
        case recoveryByChange = "recovery_by_change"
    }

    init(_ name: String, _ results: [Conflict.Result], frozen: [Conflict.Result]) {
        learned = name
        regret = SeedMean(results.map { 1000 * $0.meanRegret })
        regretByPhase = Conflict.phases.indices.map { phase in
            SeedMean(results.map { 1000 * $0.regret[phase] })
        }
        regretAgainstFrozen = SeedMean(
            zip(results, frozen).map { 1000 * ($0.meanRegret - $1.meanRegret) })
        recovery = SeedMean(
            results.map { Double($0.recovery.reduce(0, +)) / Double($0.recovery.count) })
        recoveryByChange = Conflict.phases.indices.dropLast().map { change in
            SeedMean(results.map { Double($0.recovery[change]) })
        }
        promoted = results.reduce(0) { $0 + Double($1.promoted) } / Double(results.count)
        rejected = results.reduce(0) { $0 + Double($1.rejected) } / Double(results.count)
    }

    static func table(_ rows: [ConflictRow]) -> String {
        var table = TextTable(
            [("learned", .left), ("regret", .right), ("less frozen's", .right)]
                + Conflict.phases.map { ("in \($0)", .right) }
                + [("recovery", .right)]
                + Conflict.phases.dropFirst().map { ("to \($0)", .right) }
                + [("refreshes", .right)])
        for row in rows {
            let cells =
                [row.learned, row.regret.text(2), row.regretAgainstFrozen.text(2)]
                + row.regretByPhase.map { String(format: "%.1f", $0.mean) }
                + [String(format: "%.0f ± %.0f", row.recovery.mean, row.recovery.halfWidth)]
                + row.recoveryByChange.map { String(format: "%.0f", $0.mean) }
                + [String(format: "%.1f + %.1f rejected", row.promoted, row.rejected)]
            table.add(cells)
        }
        return table.rendered()
    }
}
