import ArgumentParser
import Daemon
import Foundation
import Telemetry

/// What every subcommand takes that reads a configuration.
package struct ConfigurationOptions: ParsableArguments {
    @Option(help: "Configuration file (YAML); every key: deploy/tidemark.example.yaml.")
    /// The file; `nil` leaves every key at its default.
    package var config: String?

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Overrides a key of the configuration.", valueName: "section.key=value"))
    /// `section.key=value`, in the order given; the last one of a key holds.
    package var overrides: [String] = []

    /// Nothing was given yet.
    package init() {}

    /// The configuration over another one, where no file is given.
    package func load(
        over stored: String, place: String
    ) throws(ConfigurationError) -> Configuration {
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
    package func read() -> (configuration: Configuration, problems: [ConfigurationError]) {
        let (configuration, problems) = Configuration.read(
            file: config, environment: ProcessInfo.processInfo.environment, overrides: overrides)
        LineSink.standardError.format = configuration.log.format
        return (configuration, problems)
    }

    /// The configuration. Throws the exit status of the first problem, and says how many there are.
    package func load() throws -> Configuration {
        let (configuration, problems) = read()
        do { try ConfigurationError.throwFirst(of: problems) } catch {
            throw ExitStatus.failure(error)
        }
        return configuration
    }
}
