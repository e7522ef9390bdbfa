import ArgumentParser
import Daemon
import Foundation
import Telemetry

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

    /// The configuration, and all that is wrong with it; from then on the program itself speaks in its
    /// log format.
    func read() -> (configuration: Configuration, problems: [ConfigurationError]) {
        let (configuration, problems) = Configuration.read(
            file: config, environment: ProcessInfo.processInfo.environment, overrides: overrides)
        LineSink.standardError.format = configuration.log.format == .json ? .json : .text
        return (configuration, problems)
    }

    func load() throws -> Configuration {
        let (configuration, problems) = read()
        do { try ConfigurationError.throwFirst(of: problems) } catch {
            throw ExitStatus.failure(error)
        }
        return configuration
    }
}
