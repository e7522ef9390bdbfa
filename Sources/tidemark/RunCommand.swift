import ArgumentParser
import Daemon
import Foundation
import Terminal

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "The daemon: learns from Kafka, publishes recommendations.")

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: ArgumentHelp(
            "End cleanly, all committed and published, once nothing came for this long after the end of every partition; time without brokers does not count. Exit 69 when something could not be published, or when learning is paused for as long.",
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

    @OptionGroup var input: InputWatch

    func run() throws {
        input.start()
        let configuration = try options.load()
        var daemon: LearningDaemon?
        do {
            try reportingFailures {
                try OutputFile.require(report)
                let made = try LearningDaemon(
                    configuration, exitWhenIdleMs: exitWhenIdle?.milliseconds,
                    skips: skip.ranges, takesOver: takeOver,
                    reread: { [file = options.config, overrides = options.overrides] in
                        Configuration.read(
                            file: file, environment: ProcessInfo.processInfo.environment,
                            overrides: overrides)
                    })
                daemon = made
                try learn(made)
            }
        } catch let exit as ExitCode {
            if daemon?.ending.leftThread == true { Self.endNow(exit) }
            throw exit
        }
        if daemon?.ending.leftThread == true { Self.endNow(.success) }
    }

    private func learn(_ daemon: LearningDaemon) throws {
        let finished: Report
        do { finished = try daemon.run() } catch is Interrupted where !StopSignal.isInterrupt {
            // Stopped before it had begun: as clean an end as any other stop.
            return
        }
        try finished.write(to: report)
        print(json ? try finished.json() : finished.summary())
        // The report is of use all the same: what was learned is learned.
        if let paused = daemon.ending.pausedLearning { throw paused }
        if let unpublished = daemon.ending.unpublished { throw unpublished }
    }

    /// Without what libraries do at a usual end: a thread that waits for brokers uses them still.
    private static func endNow(_ exit: ExitCode) -> Never {
        fflush(nil)
        _exit(exit.rawValue)
    }
}
