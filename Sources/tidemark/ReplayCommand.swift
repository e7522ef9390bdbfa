import ArgumentParser
import Daemon

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Runs event logs through the same engine.",
        discussion: """
            Logs are .jsonl, .jsonl.gz, .jsonl.zst or - for standard input. Without --store the state is \
            kept in a temporary folder and thrown away. A store that has learned a part of a log goes on \
            behind it.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Logs to learn from, in order.", valueName: "log"))
    var events: [String]

    @Option(help: ArgumentHelp("Log of item events, read first.", valueName: "log"))
    var catalog: String?

    @Option(
        help: ArgumentHelp("Store to learn into; made where there is none.", valueName: "folder"))
    var store: String?

    @Option(
        help: ArgumentHelp(
            "Go on from this snapshot: in --store if that is a store, else in a copy of the configured one.",
            valueName: "ref"))
    var from: String?

    @OptionGroup var skip: SkipOptions

    @Option(help: ArgumentHelp("Write the report here.", valueName: "file"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Write event_id,head,probability,label of every example here, predicted before it was learned.",
            valueName: "file"))
    var predictions: String?

    @Option(
        help: ArgumentHelp(
            "Write the recommendations that would be published here.", valueName: "file"))
    var recommendations: String?

    @Flag(help: "Print the report as JSON instead of tables.")
    var json = false

    func run() throws {
        let configuration = try options.load()
        try reportingFailures {
            let replay = try Replay(
                configuration, events: events, catalog: catalog, store: store, from: from,
                skips: skip.ranges, predictions: predictions, recommendations: recommendations)
            let finished = try replay.run()
            try finished.write(to: report)
            print(json ? try finished.json() : finished.summary())
        }
    }
}
