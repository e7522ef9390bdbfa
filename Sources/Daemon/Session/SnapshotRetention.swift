import Foundation
import Records
import SnapshotStore
import Telemetry

/// Keeps the keyed state of daily and tagged snapshots, and destroys the keys of shoppers of whom nothing
/// is left, beside learning.
///
/// `@unchecked Sendable`: all its state is read and written under `condition`.
/// Thread: one of its own does the work; everything may be called from any.
final class SnapshotRetention: @unchecked Sendable {
    private let store: SnapshotStore
    private let retention: Retention
    private let sync: Bool
    private let log: EventLogger
    private let condition = NSCondition()
    private var isWanted = false
    private var isWorking = false
    private var isFinished = false
    /// Asked for by hand, whatever retention says.
    private var asked: [String] = []

    init(store: SnapshotStore, retention: Retention, sync: Bool, log: EventLogger) {
        self.store = store
        self.retention = retention
        self.sync = sync
        self.log = log
    }

    /// Snapshots or tags have come: looks whether some are to be kept whole.
    ///
    /// - Parameter snapshot: one that is, in any case.
    func look(also snapshot: String? = nil) {
        condition.withLock {
            if let snapshot { asked.append(snapshot) }
            isWanted = true
            guard !isWorking, !isFinished else { return }
            isWorking = true
            let thread = Thread { self.work() }
            thread.name = "snapshot-retention"
            thread.start()
        }
    }

    /// Ends the work between two pieces; what is not done is found again by the next run.
    func finish() {
        condition.withLock {
            isFinished = true
            while isWorking { condition.wait() }
        }
    }

    private var isStopped: Bool { condition.withLock { isFinished } }

    private func work() {
        while let asked = nextTask() {
            var due = asked
            do {
                let found = try store.snapshotsToKeepWhole(retention, nowMs: wallTimeMs())
                due += found.filter { !asked.contains($0) }
            } catch { log.emit(.notKeptWhole(snapshot: nil, reason: sentence(of: error))) }
            for snapshot in due where !isStopped { keep(snapshot) }
            forgetOwners()
        }
    }

    private func forgetOwners() {
        let start = ContinuousClock.now
        do {
            let count = try store.forgetOwners(sync: sync, isStopped: { self.isStopped })
            guard count > 0 else { return }
            let seconds = start.duration(to: .now).inSeconds
            log.emit(.keysDestroyed(count: count, seconds: seconds))
        } catch { log.emit(.keysNotDestroyed(reason: sentence(of: error))) }
    }

    /// - Returns: what was asked for by hand; `nil` where nothing is to be looked for.
    private func nextTask() -> [String]? {
        condition.withLock {
            guard isWanted, !isFinished else {
                isWorking = false
                condition.broadcast()
                return nil
            }
            isWanted = false
            defer { asked = [] }
            return asked
        }
    }

    private func keep(_ snapshot: String) {
        let start = ContinuousClock.now
        do {
            guard
                let record = try store.keepWhole(
                    snapshot, sync: sync, isStopped: { self.isStopped })
            else { return }
            log.emit(
                .keptWhole(
                    snapshot: record.id, megabytes: Double(record.stateBytes) / 1e6,
                    seconds: start.duration(to: .now).inSeconds))
        } catch {
            // The snapshot stays as it was, and learning goes on.
            log.emit(.notKeptWhole(snapshot: snapshot, reason: sentence(of: error)))
        }
    }
}
