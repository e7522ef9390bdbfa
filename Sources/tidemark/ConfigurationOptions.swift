import ArgumentParser
import Daemon
import Foundation

/// What every subcommand takes that reads a configuration.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: "Configuration file (YAML); every key: deploy/tidemark.example.yaml.")
    var config: String?

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Overrides a key of the configuration.", valueName: "section.key=value"))
    var overrides: [String] = []

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
