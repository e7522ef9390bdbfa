import ArgumentParser

/// What benches take that run the daemon as a process of its own.
struct DaemonBenchOptions: ParsableArguments {
    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Overrides a key of the daemon's configuration.", valueName: "key=value")
    )
    var overrides: [String] = []

    @Flag(help: "Print the rows as JSON.")
    var json = false
}
