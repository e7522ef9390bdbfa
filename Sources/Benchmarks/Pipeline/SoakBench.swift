import ArgumentParser
import Daemon
import Foundation
import Terminal

/// `tidemark bench soak`: whether memory and file stay as they are whatever a stream brings.
struct SoakBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract: "Memory and file size over a stream of ever-new everything.",
        discussion: """
            Learns a stream whose shoppers, items, categories, brands, context keys and ids are \
            new for ever, in this process: decoded, joined, decided, put into the outbox and \
            committed as the daemon does it. Looks at the process's memory and at the store's \
            file, and tells whether they grow between the first tenth and the end. Memory has to \
            be flat; the file grows until store.keep_items, store.keep_shoppers, store.items_max and \
            store.shoppers_max are reached, so set these within the first tenth to see it flat. \
            Each new text is read by the encoder; --vectors made-up leaves that out, and \
            refreshes with it.
            """)

    @Option(help: "Events.")
    var events = 2_000_000

    @Option(help: "Events a second; 0: as fast as they are learned.")
    var rate = 0

    @Option(help: "Days of event time that they are spread over.")
    var days = 300.0

    @Option(help: "Share of new items whose text, category and brand are new as well.")
    var newTexts = 0.02

    @Option(help: "Share of visits that come back to one of the last 100.")
    var returning = 0.1

    enum Vectors: String, ExpressibleByArgument, CaseIterable {
        case encoder
        case madeUp = "made-up"
    }

    @Option(help: "Where vectors of texts come from.")
    var vectors = Vectors.encoder

    @Option(help: "Looks at memory and file.")
    var samples = 100

    @Option(help: "Growth after the first tenth that still counts as flat, a share.")
    var tolerance = 0.05

    @Option(help: ArgumentHelp("Write the looks as CSV.", valueName: "file"))
    var csv: String?

    @Option(help: ArgumentHelp("Draw memory and file size, as SVG.", valueName: "file"))
    var picture: String?

    @OptionGroup var options: DaemonBenchOptions

    func validate() throws {
        guard (1_000...10_000_000_000).contains(events), (10...100_000).contains(samples),
            (0...1_000_000).contains(rate), days > 0, days <= 100_000
        else {
            throw ValidationError(
                "--events is at least 1000, --samples 10 to 100000, --rate up to 1000000, --days above 0 and up to 100000"
            )
        }
        guard [newTexts, returning].allSatisfy((0...1).contains), tolerance >= 0 else {
            throw ValidationError(
                "--new-texts and --returning are shares, --tolerance is not below 0")
        }
    }

    func run() throws {
        try reportingFailures {
            var plan = SoakPlan()
            plan.events = events
            plan.rate = rate
            plan.days = days
            plan.newTexts = newTexts
            plan.returning = returning
            plan.madeUpVectors = vectors == .madeUp
            plan.samples = samples
            plan.tolerance = tolerance
            let configuration = try Configuration.load(
                file: nil, environment: ProcessInfo.processInfo.environment,
                overrides: ["log.level=warning"] + options.overrides)
            let shown = max(1, samples / 20)
            var number = 0
            let report = try Soak(configuration, plan: plan).run { sample in
                number += 1
                if number % shown == 0, isatty(2) != 0 || !options.json {
                    FileHandle.standardError.write(Data((Self.line(sample) + "\n").utf8))
                }
            }
            if let csv { try write(Self.csv(report.samples), to: csv) }
            if let picture { try write(report.chart.svg(), to: picture) }
            print(options.json ? try jsonText(report) : Self.table(report))
        }
    }

    private func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw ExitStatus.unavailable.failure(
                "cannot write \(path): \(error.localizedDescription)")
        }
    }

    private static func mebibytes(_ bytes: Double) -> String {
        String(format: "%.1f MiB", bytes / 1_048_576)
    }

    private static func line(_ sample: SoakSample) -> String {
        "\(sample.events) events, \(Int(sample.seconds)) s: memory "
            + "\(mebibytes(Double(sample.residentBytes))), file "
            + "\(mebibytes(Double(sample.fileBytes))), items \(sample.items), shoppers "
            + "\(sample.shoppers), vectors \(sample.vectors), open offers \(sample.openOffers)"
    }

    private static func csv(_ samples: [SoakSample]) -> String {
        let tables = Set(samples.flatMap(\.rows.keys)).sorted()
        var lines = [
            "events,seconds,resident_bytes,mapped_bytes,file_bytes,live_bytes,items,shoppers,vectors,remembered,open_offers"
                + tables.map { ",rows_" + $0 }.joined()
        ]
        for s in samples {
            lines.append(
                "\(s.events),\(s.seconds),\(s.residentBytes),\(s.mappedBytes),\(s.fileBytes),\(s.liveBytes),\(s.items),\(s.shoppers),\(s.vectors),\(s.remembered),\(s.openOffers)"
                    + tables.map { ",\(s.rows[$0] ?? 0)" }.joined()
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func table(_ report: SoakReport) -> String {
        var trends = TextTable([
            ("", .left), ("at a tenth", .right), ("at the end", .right), ("growth", .right),
            ("", .left),
        ])
        for (name, trend) in [
            ("memory", report.resident), ("file", report.file), ("of it in use", report.live),
        ] {
            trends.add(
                name, mebibytes(trend.first), mebibytes(trend.last),
                String(format: "%.1f %%", 100 * trend.growth), trend.isFlat ? "flat" : "grows")
        }
        var tables = TextTable([
            ("table", .left), ("rows", .right), ("bytes", .right), ("full at event", .right),
        ])
        for table in report.tables {
            tables.add(table.name, "\(table.rows)", "\(table.bytes)", "\(table.fullAt)")
        }
        return trends.rendered() + "\n"
            + String(
                format: "%.0f events a second, longest step %.2f s\n\n", report.eventsPerSecond,
                report.longestStepSeconds)
            + tables.rendered()
    }
}
