import ArgumentParser
import Daemon
import Foundation

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

/// What every subcommand takes that reads a configuration.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: "Configuration file (YAML); every key: deploy/tidemark.example.yaml.")
    var config: String?

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Overrides a key of the configuration.", valueName: "section.key=value"))
    var overrides: [String] = []

    /// The configuration over another one, where no file is given.
    func load(over stored: String, place: String) throws(ConfigurationError) -> Configuration {
        let environment = ProcessInfo.processInfo.environment
        if let config {
            return try Configuration.load(
                file: config, environment: environment, overrides: overrides)
        }
        var configuration = try Configuration(stored: stored, place: place)
        try configuration.apply(environment: environment, overrides: overrides)
        return configuration
    }

    func load() throws -> Configuration {
        do {
            return try Configuration.load(
                file: config, environment: ProcessInfo.processInfo.environment, overrides: overrides
            )
        } catch {
            throw ExitStatus.badConfiguration.failure("\(error)")
        }
    }
}
