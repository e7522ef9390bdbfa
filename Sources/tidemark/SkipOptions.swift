import ArgumentParser
import Daemon

/// Records that are not learned.
struct SkipOptions: ParsableArguments {
    @Option(
        name: .customLong("skip"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Records that are never learned: offsets FROM to TO of a partition, both included (repeatable).",
            valueName: "topic:partition:from-to"))
    var texts: [String] = []

    func validate() throws {
        for text in texts where OffsetRanges(text) == nil {
            throw ValidationError("--skip \(text): expected topic:partition:from-to")
        }
    }

    var ranges: OffsetRanges {
        texts.compactMap { OffsetRanges($0) }.reduce(into: OffsetRanges()) { $0.formUnion($1) }
    }
}
