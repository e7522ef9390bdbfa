import ArgumentParser
import Daemon

@main
struct Tidemark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tidemark",
        abstract: "Learns from clicks and purchases which discount is worth offering.",
        discussion: """
            Exit codes: 0 fine, 64 wrong usage, 65 bad data, 69 a service is unavailable, 70 a bug in \
            Tidemark, 78 bad configuration, 130 interrupted.
            """,
        version: TidemarkVersion.current,
        subcommands: [
            RunCommand.self, ReplayCommand.self, EvaluateCommand.self, AblateCommand.self,
            RecommendCommand.self, SnapshotsCommand.self, CaptureCommand.self,
            RollbackCommand.self, StatusCommand.self, CheckCommand.self, BrokerCommand.self,
            DeadLettersCommand.self, SimulateCommand.self, EncodeCommand.self, BenchCommand.self,
        ])
}
