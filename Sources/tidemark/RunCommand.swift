import ArgumentParser
import Daemon

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The daemon: learns from Kafka, publishes recommendations.")

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: ArgumentHelp(
            "End cleanly, all committed and published, once nothing came for this long after the end of every partition.",
            valueName: "time"))
    var exitWhenIdle: IdleTime?

    @OptionGroup var skip: SkipOptions

    @Flag(
        help:
            "Publish for this store from now on, though another copy of it has published since, or its marker is gone."
    )
    var takeOver = false

    @Option(help: ArgumentHelp("Write the report of this run at its end.", valueName: "file"))
    var report: String?

    @Flag(help: "Print the report as JSON instead of tables.")
    var json = false

    func run() throws {
        let configuration = try options.load()
        try reportingFailures {
            let daemon = try LearningDaemon(
                configuration, exitWhenIdleMs: exitWhenIdle?.milliseconds, skips: skip.ranges,
                takesOver: takeOver)
            let finished: Report
            do { finished = try daemon.run() } catch is Interrupted where !StopSignal.isInterrupt {
                // Stopped before it had begun: as clean an end as any other stop.
                return
            }
            try finished.write(to: report)
            print(json ? try finished.json() : finished.summary())
        }
    }
}

/// A time on the command line: `5s`, `250ms`.
struct IdleTime: ExpressibleByArgument {
    let milliseconds: Int

    init(milliseconds: Int) { self.milliseconds = milliseconds }

    var defaultValueDescription: String { "\(milliseconds / 1000)s" }

    init?(argument: String) {
        guard let milliseconds = parseDuration(argument) else { return nil }
        self.milliseconds = milliseconds
    }
}
