import Daemon
import Events
import Foundation
import Synchronization

/// What a child process's daemon does to itself, and when.
struct SelfHarm: Codable, Sendable {
    enum Moment: String, Codable, Sendable, CaseIterable {
        case afterCommit, beforeTransactionCommit, afterTransactionCommit, beforeLearning
    }

    var moment: Moment
    /// Spares this many such moments.
    var spared = 0
    /// For `beforeLearning`: only where a record's value has this text.
    var poison: String?

    /// Ends the process as `kill -9` would when its moment comes.
    var interference: Interference {
        let seen = Counter()
        return Interference { moment in
            switch (moment, self.moment) {
            case (.afterCommit, .afterCommit),
                (.beforeTransactionCommit, .beforeTransactionCommit),
                (.afterTransactionCommit, .afterTransactionCommit):
                break
            case (.beforeLearning(let records), .beforeLearning):
                if let poison, !records.contains(where: { text($0).contains(poison) }) { return }
            default: return
            }
            if seen.next() >= spared { kill(getpid(), SIGKILL) }
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
        configuration, exitWhenIdleMs: idleMs, interference: harm.interference
    ).run()
}
