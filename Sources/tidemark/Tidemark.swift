import ArgumentParser
import Benchmarks
import Daemon
import Foundation
import SnapshotStore
import Terminal

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
            RunCommand.self, ReplayCommand.self, EvaluateCommand.self, OpeCommand.self,
            HoldoutCommand.self, AblateCommand.self,
            RecommendCommand.self, RankCommand.self, SnapshotsCommand.self, CaptureCommand.self,
            RollbackCommand.self, PauseCommand.self, ResumeCommand.self, StatusCommand.self,
            TopCommand.self, AuditCommand.self, StoreCommand.self, ShopperCommand.self,
            EraseCommand.self, ReloadCommand.self, LogLevelCommand.self, ApprovalsCommand.self,
            ApproveCommand.self,
            CheckCommand.self, ConfigCommand.self, TestCommand.self, BrokerCommand.self,
            DeadLettersCommand.self, MapCommand.self, SimulateCommand.self, EncodeCommand.self,
            BenchCommand.self,
        ])

    static func main() {
        DamageExit.install()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch { exit(withError: error) }
        StandardOutput.finish()
    }
}

/// Standard output's end: `print` says nothing of a disk that takes no more.
enum StandardOutput {
    /// Ends the command with 69 where not all of what was printed could be written.
    static func finish() {
        if fflush(nil) == 0 { return }
        let reason = unsafe String(cString: strerror(errno))
        standardError.write("tidemark: standard output cannot be written: \(reason)\n")
        exit(ExitStatus.unavailable.rawValue)
    }
}
