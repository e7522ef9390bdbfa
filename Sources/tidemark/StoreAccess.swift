import ArgumentParser
import Daemon
import Foundation
import SnapshotStore
import Terminal

/// Which base a command on a snapshot computes with.
struct SnapshotBase: ParsableArguments {
    @Option(
        name: .customLong("base"),
        help: ArgumentHelp(
            "Base model; the one of the store's configuration, where it is left out.",
            valueName: "folder"))
    var folder: String?
}

/// What every command on a store takes.
struct StoreArguments: ParsableArguments {
    @Option(name: .customLong("store"), help: "The store's folder.")
    var path: String

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    /// Has the daemon that has the store open do what is asked.
    ///
    /// - Returns: whether there is one.
    func asksDaemon(_ request: ControlRequest) throws -> Bool {
        var isDone = false
        try reportingFailures {
            guard let daemon = try DaemonConnection(store: path) else { return }
            _ = try daemon.ask(request)
            isDone = true
        }
        return isDone
    }

    /// Opens the store and runs `body`; failures become a message and an exit code.
    func run(_ mode: SnapshotStore.Mode, _ body: (SnapshotStore) throws -> Void) throws {
        do {
            DamageExit.install()
            let store = try SnapshotStore.open(path: path, mode: mode)
            // Closed after a failure too: the next opening then need not check the store.
            do { try body(store) } catch {
                try store.close()
                throw error
            }
            try store.close()
        } catch let exit as ExitCode {
            throw exit
        } catch {
            throw ExitStatus.failure(error)
        }
    }
}

/// Who changes the store, for its audit.
struct AuditArguments: ParsableArguments {
    @Option(help: "Who does this, for the audit; the user's name by default.")
    var who = NSUserName()
}
