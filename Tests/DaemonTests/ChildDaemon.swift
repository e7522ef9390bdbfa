import Daemon
import Events
import Foundation
import Glibc
import Synchronization

/// What a child process's daemon does to itself, and when.
struct SelfHarm: Codable, Sendable {
    enum Moment: String, Codable, Sendable, CaseIterable {
        case afterCommit, beforeTransactionCommit, afterTransactionCommit, beforeLearning
    }

    var moment: Moment
    /// Spares this many such moments.
    var spared = 0
    var end = End.kill
    enum End: String, Codable, Sendable {
        /// As the kernel or a person ends it.
        case kill
        /// As it ends itself.
        case abort, trap, segmentation

        /// The signal that its parent sees.
        var signal: Int32 {
            switch self {
            case .kill: SIGKILL
            case .abort: SIGABRT
            case .segmentation: SIGSEGV
            case .trap:
                #if arch(arm64)
                    SIGTRAP
                #else
                    SIGILL
                #endif
            }
        }

        func come() {
            switch self {
            case .kill: Glibc.kill(getpid(), SIGKILL)
            case .abort: Glibc.abort()
            case .segmentation: unsafe UnsafeMutablePointer<UInt8>(bitPattern: 8)?.pointee = 1
            case .trap: preconditionFailure("a trap, as a test wants it")
            }
        }
    }

    /// For `beforeLearning`: only where a record's value has this text.
    var poison: String?

    /// Ends the process when its moment comes.
    var faultInjection: FaultInjection {
        let seen = Counter()
        return FaultInjection { moment in
            switch (moment, self.moment) {
            case (.afterCommit, .afterCommit),
                (.beforeTransactionCommit, .beforeTransactionCommit),
                (.afterTransactionCommit, .afterTransactionCommit):
                break
            case (.beforeLearning(let records), .beforeLearning):
                if let poison, !records.contains(where: { text($0).contains(poison) }) { return }
            default: return
            }
            if seen.next() >= spared { end.come() }
        }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        func next() -> Int {
            count.withLock { count in
                defer { count += 1 }
                return count
            }
        }
    }
}

/// Runs a daemon in a process that is the test's to lose.
func runChild(_ overrides: [String], _ harm: SelfHarm, idleMs: Int = 700) throws {
    let configuration = try Configuration.load(
        file: nil, environment: [:], overrides: overrides)
    _ = try LearningDaemon(
        configuration, exitWhenIdleMs: idleMs, faultInjection: harm.faultInjection
    ).run()
}
