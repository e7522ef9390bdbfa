import ArgumentParser

/// What every bench takes that learns as a daemon does.
struct DaemonBenchOptions: ParsableArguments {
    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Overrides a key of the daemon's configuration.", valueName: "key=value")
    )
    var overrides: [String] = []

    @Flag(help: "Print JSON in place of tables.")
    var json = false
}
