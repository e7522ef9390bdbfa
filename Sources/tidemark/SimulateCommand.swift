import ArgumentParser
import Daemon
import EventLog
import Events
import Foundation
import Records
import Simulator
import Terminal

struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Shoppers with a known truth: what the offers earn, and what they miss.",
        discussion: """
            With --brokers it closes the loop: the catalogue and clicks go to the events topic, the \
            recommendation that comes back for a shopper and an item is the offer he is made, and he \
            buys or not by his true demand; purchases and refunds follow. With --out the events go to \
            a log instead, where discounts are drawn evenly from the grid, with their propensity, so \
            that the log is useful to learn from.

            At the end it prints what the offers earned in expectation, beside no discount, fixed \
            discounts and the best that one who knows the truth could do at the very same visits.

            Event time runs faster than the clock, and never ahead of it. A run goes on after the \
            newest event of its shoppers in the topic; the first one begins two years back.
            """)

    @Option(help: ArgumentHelp("Kafka brokers of the loop.", valueName: "host:port"))
    var brokers: String?

    @Option(help: ArgumentHelp("Topic the events go to.", valueName: "topic"))
    var topicEvents = "events"

    @Option(help: ArgumentHelp("Topic the recommendations come from.", valueName: "topic"))
    var topicRecommendations = "discount-recommendations"

    @Option(
        help: ArgumentHelp(
            "Write a log instead: .jsonl, .jsonl.gz, .jsonl.zst, or - for standard output.",
            valueName: "file"))
    var out: String?

    @Flag(help: "Replace the log if it is there already.")
    var replace = false

    @Option(help: "Number of visits; each is a click.")
    var visits = 20_000

    @Option(help: "The seed of the world and its shoppers.")
    var seed: UInt64 = 1

    @Option(help: "Visits a second; as many as there can be unless given.")
    var rate: Double?

    @Option(help: "How long shoppers wait for their recommendations, in milliseconds.")
    var waitMs = 2000

    @Option(help: "Event time that the visits are spread over, in days.")
    var days = 28.0

    @Option(
        help: ArgumentHelp(
            "Event time of the first visit; for a log 2026-01-01T00:00:00Z unless given.",
            valueName: "RFC 3339"))
    var start: EventTime?

    @Option(
        help: ArgumentHelp(
            "Draw the margin over time here (SVG), less that without discounts.",
            valueName: "file"))
    var picture: String?

    @Flag(help: "Print JSON instead of the tables.")
    var json = false

    func validate() throws {
        guard (brokers == nil) != (out == nil) else {
            throw ValidationError("give either --brokers or --out")
        }
        guard (1...1_000_000_000).contains(visits) else {
            throw ValidationError("--visits must be from 1 to 1000000000")
        }
        if let rate, !(rate > 0 && rate <= 1e6) {
            throw ValidationError("--rate must be above 0 and at most 1000000")
        }
        guard (0...3_600_000).contains(waitMs) else {
            throw ValidationError("--wait-ms must be from 0 to 3600000")
        }
        guard days > 0, days <= 3650 else {
            throw ValidationError("--days must be above 0 and at most 3650")
        }
    }

    func run() throws {
        try reportingFailures {
            try OutputFile.require(out, picture)
            StopSignal.install()
            let world = try World(seed: seed)
            let result: Result
            do {
                result = try brokers.map { try shop(at: $0, world) } ?? writeLog(world)
            } catch  where StopSignal.isInterrupt {
                throw ExitStatus.interrupted.failure("interrupted")
            }
            try show(result)
            if StopSignal.isInterrupt { throw ExitCode(ExitStatus.interrupted.rawValue) }
        }
    }

    /// A run that has ended, and what it was.
    private struct Result {
        let loop: ClosedLoop
        /// What the shoppers were offered, in the table's words.
        let offers: String
        let unreadable: Int
    }

    private var spanMs: Int64 { Int64(days * 86_400_000) }

    private func shop(at brokers: String, _ world: World) throws -> Result {
        let shop = try KafkaShop(
            brokers: brokers, eventsTopic: topicEvents, recommendationsTopic: topicRecommendations)
        defer { shop.close() }
        let newestMs =
            try start.map { $0.ms - 1 } ?? shop.newestEventMs(of: Set(world.shoppers.map(\.id)))
        let span = VisitPlan.nextSpan(
            afterMs: newestMs, nowMs: wallTimeMs(), spanMs: spanMs)
        if span.spanMs < min(spanMs, 86_400_000) {
            standardError.write(
                "event time has caught up with the clock: what takes hours of it will not come\n")
        }
        let plan = VisitPlan.spanning(fromMs: span.startMs, spanMs: span.spanMs, visits: visits)
        var loop = ClosedLoop(
            shoppers: Shoppers(world: world, plan: plan), waitMs: waitMs, rate: rate,
            pace: .wallClock)
        try run(&loop, sink: shop, offers: shop)
        return Result(loop: loop, offers: "Tidemark's offers", unreadable: shop.unreadable)
    }

    private func writeLog(_ world: World) throws -> Result {
        let log = try LogSink(path: out ?? "-", replaces: replace)
        let plan = VisitPlan.spanning(
            fromMs: start?.ms ?? EventTime.logStartMs, spanMs: spanMs, visits: visits,
            discounts: .random)
        var loop = ClosedLoop(
            shoppers: Shoppers(world: world, plan: plan), waitMs: 0, rate: rate, batch: 1000,
            pace: .wallClock)
        try run(&loop, sink: log, offers: nil)
        try log.close()
        return Result(loop: loop, offers: "the log's random", unreadable: 0)
    }

    private func run(
        _ loop: inout ClosedLoop, sink: any EventSink, offers: (any OfferSource)?
    ) throws {
        var bar = ProgressBar("shoppers")
        try loop.run(
            visits: visits, sink: sink, offers: offers,
            progress: { done in
                bar.update(
                    fraction: Double(done) / Double(visits), note: "\(grouped(done)) visits")
            }, stop: { StopSignal.isReceived })
        bar.finish(note: "\(grouped(loop.shoppers.visitCount)) visits")
    }
}

extension SimulateCommand {
    private func show(_ result: Result) throws {
        let report = ScoreReport(result.loop)
        let text = json ? try jsonText(report) : summary(result, report)
        // A log on standard output must stay one.
        if out == "-" { standardError.write(text + "\n") } else { print(text) }
        // Last, so that a disk that is full by now takes no figure away.
        try OutputFile.write(
            MarginPicture(report, offers: result.offers).chart.svg(), to: picture)
    }

    private func summary(_ result: Result, _ report: ScoreReport) -> String {
        let shoppers = result.loop.shoppers
        let plan = shoppers.plan
        let endMs = plan.startMs + Int64(Double(shoppers.visitCount) * plan.gapMs)
        var lines = [
            "\(grouped(report.total.visits)) visits by \(grouped(shoppers.world.shoppers.count)) "
                + "shoppers to \(shoppers.world.items.count) items, seed \(seed); event time "
                + "\(Timestamp.text(ms: plan.startMs)) to \(Timestamp.text(ms: endMs))"
        ]
        if out == nil {
            let share = Double(report.total.offersInTime) / Double(max(1, report.total.visits))
            lines.append(
                "\(grouped(report.total.offersInTime)) clicks had a recommendation in time "
                    + "(\(fixed(100 * share, 1)) %)")
            if report.total.offersInTime == 0 {
                lines.append("none came: is the daemon running, and do the topics' names agree?")
            }
        }
        if result.unreadable > 0 {
            lines.append("\(grouped(result.unreadable)) recommendations could not be read")
        }
        let happened = report.realised
        lines += [
            "\(grouped(happened.purchases)) purchases of \(grouped(happened.units)) units, "
                + "\(grouped(happened.refunds)) refunds; \(grouped(happened.pending)) of them lie "
                + "after the end",
            "",
            table(report, offers: result.offers),
            "Expected under the true demand, at exactly these visits, net of refunds. Regret: what a",
            "visit falls short of the best discount that the rules allow.",
        ]
        if let parts = MarginPicture(report, offers: result.offers).table {
            lines += ["", "Margin of 1,000 visits, less that without discounts:", parts]
        }
        return lines.joined(separator: "\n")
    }

    private func table(_ report: ScoreReport, offers: String) -> String {
        var table = TextTable([
            ("", .left), ("conversion", .right), ("margin/1,000", .right),
            ("regret/visit", .right), ("first fifth", .right), ("last fifth", .right),
        ])
        for (index, row) in report.total.strategies.enumerated() {
            table.add(
                index == 0 ? offers : row.strategy, fixed(100 * row.conversion, 2) + " %",
                fixed(row.marginPerThousandVisits, 1), fixed(row.regretPerVisit, 3),
                fixed(report.early.strategies[index].regretPerVisit, 3),
                fixed(report.late.strategies[index].regretPerVisit, 3))
        }
        return table.rendered()
    }
}

/// A moment of event time on the command line.
struct EventTime: ExpressibleByArgument {
    let ms: Int64

    /// 2026-01-01T00:00:00Z: a fixed start, so that a log depends on its options alone.
    static let logStartMs: Int64 = 1_767_225_600_000

    init?(argument: String) {
        guard let ms = Timestamp.milliseconds(argument), (0...EventLimits.tsMsMax).contains(ms)
        else { return nil }
        self.ms = ms
    }
}

extension Pace {
    static let wallClock = Pace(
        nowMs: {
            (ContinuousClock.now - processStart).wholeMilliseconds
        },
        sleepMs: { Thread.sleep(forTimeInterval: Double($0) / 1000) })
}

private let processStart = ContinuousClock.now

/// A log file as a place for events.
private final class LogSink: EventSink {
    private var writer: LogWriter?

    init(path: String, replaces: Bool) throws(LogError) {
        writer = try LogWriter(path: path, replaces: replaces, appearsWhole: true)
    }

    func send(_ events: [Event]) throws {
        for event in events { try writer?.write(event) }
    }

    func close() throws(LogError) {
        guard let ended = writer.take() else { return }
        try ended.close()
    }
}
