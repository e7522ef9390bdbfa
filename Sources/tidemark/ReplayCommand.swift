import ArgumentParser
import Daemon
import Terminal

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Runs event logs through the same engine, or a store's journal once more.",
        discussion: """
            Logs are .jsonl, .jsonl.gz, .jsonl.zst or - for standard input. Without --store the state is \
            kept in a temporary folder and thrown away. A store that has learned a part of a log goes on \
            behind it.

            --from REF goes on from a snapshot: what would have become of that state? The configured \
            store is copied and stays as it is; where --store names a store, that one is taken back to \
            the snapshot and learns on.

            --verify A..B replays the journal of --store from snapshot A on a copy, and says whether \
            the state at B is the same bit for bit. The events come from --events (captured logs, or \
            those that were replayed), or from the brokers. Exit 0: identical; 65: different, a changed \
            event, a gap; 69: not comparable, because it was computed on another numeric profile.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Logs to learn from, in order.", valueName: "log"))
    var events: [String] = []

    @Option(
        help: ArgumentHelp(
            "Replay the journal between two snapshots and compare.", valueName: "a..b"))
    var verify: SnapshotPair?

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

    func validate() throws {
        if let verify {
            let others =
                from != nil || catalog != nil || report != nil || predictions != nil
                || recommendations != nil || !skip.texts.isEmpty
            if others {
                throw ValidationError(
                    "--verify takes --store, --events, --config, --set and --json alone; a catalogue is one of the --events"
                )
            }
            if store == nil, options.config == nil {
                throw ValidationError("--verify \(verify.from)..\(verify.to) needs --store")
            }
        } else if events.isEmpty {
            throw ValidationError("--events LOG… is required")
        }
    }

    func run() throws {
        if let verify { return try run(verify) }
        let configuration = try options.load()
        try reportingFailures {
            try OutputFile.require(report, predictions, recommendations)
            let replay = try Replay(
                configuration, events: events, catalog: catalog, store: store, from: from,
                skips: skip.ranges,
                outputs: .init(predictions: predictions, recommendations: recommendations))
            let finished = try replay.run()
            try finished.write(to: report)
            print(json ? try finished.json() : finished.summary())
        }
    }
}

extension ReplayCommand {
    private func run(_ pair: SnapshotPair) throws {
        try reportingFailures {
            let path = try store ?? options.load().store.path
            let options = options
            let result = try Verification(
                store: path, from: pair.from, to: pair.to, logs: events,
                runtime: { try options.load(over: $0, place: $1) }
            ).run()
            print(json ? try jsonText(result) : result.text)
            if let failure = result.failure { throw ExitCode(failure.rawValue) }
        }
    }
}

/// Two snapshots on the command line: `head~1..head`.
struct SnapshotPair: ExpressibleByArgument {
    let from: String
    let to: String

    init?(argument: String) {
        guard let dots = argument.range(of: ".."), !argument[..<dots.lowerBound].isEmpty,
            !argument[dots.upperBound...].isEmpty
        else { return nil }
        from = String(argument[..<dots.lowerBound])
        to = String(argument[dots.upperBound...])
    }
}
