import ArgumentParser
import Daemon
import Terminal

/// `tidemark capture`: Kafka topics to a log that replays exactly.
struct CaptureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Write the records of the topics to a log that replays exactly.",
        discussion: """
            Every record with its key, partition, offset, timestamp and headers, one a line; compressed \
            where the name ends in .gz or .zst. Reads each partition from its beginning to the end it \
            has at the start. The log is what 'replay --events' and 'replay --verify --events' take.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: ArgumentHelp("The log: .jsonl, .jsonl.gz or .jsonl.zst.", valueName: "file"))
    var out: String

    @Option(
        help: ArgumentHelp(
            "Begin where this snapshot of the configured store does.", valueName: "ref"))
    var from: String?

    @Flag(help: "Go on behind the end until a signal.")
    var follow = false

    @Flag(help: "Overwrite the log where there is one.")
    var replace = false

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func run() throws {
        let configuration = try options.load()
        try reportingFailures {
            try OutputFile.require(out)
            let report = try Capture(
                configuration, out: out, from: from, follows: follow, replaces: replace
            ).run()
            // The log itself may be what goes to standard output.
            let text = json ? try jsonText(report) : report.text
            if out == "-" { standardError.write(text + "\n") } else { print(text) }
        }
    }
}

extension CaptureReport {
    fileprivate var text: String {
        var table = TextTable([
            ("PARTITION", .left), ("FIRST", .right), ("LAST", .right), ("RECORDS", .right),
        ])
        for row in partitions {
            table.add(
                "\(row.topic):\(row.partition)", String(row.first), String(row.last),
                String(row.records))
        }
        return table.rendered() + "\n\n\(records) records of cluster \(cluster) in \(log)"
    }
}
