import ArgumentParser
import Daemon
import Foundation
import KafkaStream
import Terminal

/// `tidemark bench pipeline`: from an event produced to its recommendation on the topic.
struct PipelineBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline",
        abstract: "Freshness and throughput of the whole daemon, learning, over brokers.",
        discussion: """
            Starts a development broker and the daemon as processes of their own and is itself \
            the shop. Freshness is the time from producing a click to its recommendation being \
            read from the topic. A rate is held when, over its whole time, the lag does not grow; \
            an offset out of range, or a daemon that ends, fails the run. A shopper who comes \
            back to an item while the offer stands asks for nothing new; a recommendation that \
            never comes counts as infinitely late. Processor time is reported apart for daemon, \
            broker and producer.
            """)

    @Option(help: "Events a second for freshness.")
    var rate = 2000

    @Option(help: ArgumentHelp("How long freshness is measured.", valueName: "time"))
    var duration = IdleTime(milliseconds: 30_000)

    @Option(help: ArgumentHelp("How long before that is not counted.", valueName: "time"))
    var warmup = IdleTime(milliseconds: 10_000)

    @Option(
        help: ArgumentHelp(
            "How long the greatest rate has to be held; 0 leaves it out.", valueName: "time"))
    var hold = IdleTime(milliseconds: 120_000)

    @Option(help: "Partitions of the events topic.")
    var partitions = 4

    @Option(help: "Items in the catalogue.")
    var items = 500

    @Option(
        help: ArgumentHelp("Brokers to use instead of a development broker.", valueName: "list"))
    var brokers: String?

    @Option(
        help: ArgumentHelp(
            "The process of those brokers, for their processor time.", valueName: "pid"))
    var brokerPid: Int32?

    @Option(
        help: ArgumentHelp(
            "Write when each click was produced and how long its recommendation took, as CSV.",
            valueName: "file"))
    var timeline: String?

    @OptionGroup var options: DaemonBenchOptions

    func validate() throws {
        guard (1...1_000_000).contains(rate), (1...1000).contains(partitions),
            (1...100_000).contains(items), duration.milliseconds >= 1000
        else {
            throw ValidationError(
                "--rate is 1 to 1000000, --partitions 1 to 1000, --items 1 to 100000, --duration at least 1s"
            )
        }
    }

    func run() throws {
        try reportingFailures {
            try OutputFile.require(timeline)
            StopSignal.install()
            let pipeline = try PipelineRun(
                brokers: brokers, brokerProcess: brokerPid, partitions: partitions, items: items,
                overrides: options.overrides)
            defer { pipeline.close() }
            var rows = try freshness(pipeline)
            rows.append(try rollback(pipeline))
            if hold.milliseconds > 0 { rows += try greatestRate(pipeline) }
            print(options.json ? try jsonText(rows) : BenchRow.table(rows))
        }
    }

    private func freshness(_ pipeline: PipelineRun) throws -> [BenchRow] {
        _ = try pipeline.drive(rate: rate, forMs: warmup.milliseconds)
        let before = pipeline.processorTimes()
        let outcome = try pipeline.drive(rate: rate, forMs: duration.milliseconds)
        let used = pipeline.processorTimes() - before
        if let timeline { try write(outcome.answers, to: timeline) }
        guard !outcome.answers.isEmpty else {
            throw ExitStatus.unavailable.failure("no recommendation came back")
        }
        let missing = [Double](repeating: .infinity, count: outcome.missing)
        let sorted = outcome.answers.map(\.freshnessMs).sorted() + missing
        func quantile(_ share: Double) -> Double {
            sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
        }
        let load =
            "at \(rate) events/s, \(sorted.count) clicks; \(outcome.standing) more met an offer that stands"
        let seconds = outcome.seconds
        return [
            BenchRow(name: "freshness p50", value: quantile(0.5), unit: "ms", note: load),
            BenchRow(name: "freshness p90", value: quantile(0.9), unit: "ms"),
            BenchRow(name: "freshness p99", value: quantile(0.99), unit: "ms"),
            BenchRow(name: "freshness greatest", value: sorted.last ?? .nan, unit: "ms"),
            BenchRow(
                name: "never came", value: Double(outcome.missing), unit: "recommendations"),
            BenchRow(
                name: "produced", value: Double(outcome.events) / seconds, unit: "events/s"),
            BenchRow(
                name: "lag at the end", value: Double(outcome.lag), unit: "events",
                note: "greatest \(outcome.lagMax)"),
            BenchRow(
                name: "daemon", value: used.daemon / seconds, unit: "cores",
                note: "processor time, learning and publishing"),
            BenchRow(
                name: "broker", value: used.broker / seconds, unit: "cores",
                note: brokers == nil ? "development broker" : ""),
            BenchRow(
                name: "shop", value: used.shop / seconds, unit: "cores",
                note: "this process: producer and reader"),
        ]
    }

    /// What a request to go back to the last snapshot but one takes, the daemon caught up.
    private func rollback(_ pipeline: PipelineRun) throws -> BenchRow {
        try pipeline.catchUp()
        let start = ContinuousClock.now
        let outcome = try pipeline.rollback()
        let rows = outcome.tables.reduce(0) { $0 + $1.rowsChanged + $1.rowsAdded + $1.rowsRemoved }
        return BenchRow(
            name: "rollback", value: start.duration(to: .now).inSeconds * 1000, unit: "ms",
            note: "until the weights of \(outcome.commitsSince) commits ago serve, \(rows) rows")
    }

    private func write(_ answers: [Answer], to path: String) throws {
        let lines = answers.map { "\($0.atMs),\(Int($0.freshnessMs))" }
        try OutputFile.write(
            (["produced_ms,freshness_ms"] + lines).joined(separator: "\n"), to: path)
    }

    /// Looks for the greatest rate in short runs, then holds it for the whole time; lower ones
    /// where it is not held.
    private func greatestRate(_ pipeline: PipelineRun) throws -> [BenchRow] {
        let probeMs = min(10_000, hold.milliseconds)
        var low = rate
        var high: Int?
        while high == nil || Double(high! - low) > 0.1 * Double(low) {
            let next = high.map { (low + $0) / 2 } ?? 2 * low
            let outcome = try pipeline.drive(rate: next, forMs: probeMs)
            if outcome.isHeld(rate: next) { low = next } else { high = next }
            try pipeline.catchUp()
        }
        var candidate = low
        while true {
            let before = pipeline.processorTimes()
            let outcome = try pipeline.drive(rate: candidate, forMs: hold.milliseconds)
            let used = pipeline.processorTimes() - before
            guard outcome.isHeld(rate: candidate) else {
                try pipeline.catchUp()
                candidate = candidate * 9 / 10
                guard candidate > 10 else {
                    throw ExitStatus.unavailable.failure("no rate is held")
                }
                continue
            }
            return [
                BenchRow(
                    name: "greatest rate", value: Double(outcome.events) / outcome.seconds,
                    unit: "events/s",
                    note:
                        "held for \(Int(outcome.seconds)) s, lag \(outcome.lag) at its end, at most \(outcome.lagMax)"
                ),
                BenchRow(name: "  daemon", value: used.daemon / outcome.seconds, unit: "cores"),
                BenchRow(name: "  broker", value: used.broker / outcome.seconds, unit: "cores"),
                BenchRow(name: "  shop", value: used.shop / outcome.seconds, unit: "cores"),
            ]
        }
    }
}
