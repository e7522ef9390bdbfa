import Daemon
import Foundation
import SnapshotStore

/// What the writer notices of those who are at the store beside it.
extension StoreBenchRun {
    /// What the writer notices of a snapshot's keyed state being kept on another thread.
    mutating func measureWhole(_ store: SnapshotStore) throws {
        var first = commit()
        first.snapshot = SnapshotRequest(wallTimeMs: wallTimeMs())
        try store.commit(first)
        let before = try store.status().fileBytes
        let keeping = Keeping(store)
        keeping.start()
        var times: [Double] = []
        repeat {
            times.append(try timedCommit(store))
        } while keeping.isUnderWay
        let (milliseconds, record) = try keeping.result()
        note("keeping a snapshot whole, beside commits", milliseconds, "ms")
        note("the whole snapshot", megabytes(record.stateBytes), "MB")
        note("commits meanwhile", Double(times.count), "")
        note(times, "commit meanwhile")
        note(
            "file grown meanwhile", megabytes(try store.status().fileBytes - before), "MB")
    }

    /// One more commit, of which nothing waits to be published. Unit: milliseconds.
    private mutating func timedCommit(_ store: SnapshotStore) throws -> Double {
        var commit = commit()
        commit.outboxDeliveredThrough = .max
        return try milliseconds { try store.commit(commit) }
    }

    private mutating func note(_ times: [Double], _ what: String) {
        let sorted = times.sorted()
        note("\(what), median", sorted[sorted.count / 2], "ms")
        note("\(what), longest", sorted[sorted.count - 1], "ms")
    }

    /// Every commit while another process reads a whole snapshot, again and again.
    mutating func measureReader(_ store: SnapshotStore) throws {
        let before = try store.status().fileBytes
        var times: [Double] = []
        var reads = 0
        while times.count < bench.commits {
            let reader = Process()
            reader.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            reader.arguments = ["snapshots", "verify", "head", "--store", store.path]
            reader.standardOutput = FileHandle.nullDevice
            try reader.run()
            repeat {
                times.append(try timedCommit(store))
            } while reader.isRunning
            reader.waitUntilExit()
            guard reader.terminationStatus == 0 else {
                throw StoreError.damaged(path: store.path, what: "a reader failed beside commits")
            }
            reads += 1
        }
        note("readings of a whole snapshot by another process", Double(reads), "")
        note("commits meanwhile, by reading", Double(times.count / reads), "")
        note(times, "commit beside a reader")
        note(
            "file grown beside readers", megabytes(try store.status().fileBytes - before), "MB")
    }
}

/// `keepWhole` on a thread of its own, as a daemon has it done.
///
/// `@unchecked Sendable`: its state is read and written under `condition`.
private final class Keeping: @unchecked Sendable {
    private let store: SnapshotStore
    private let condition = NSCondition()
    private var outcome: Result<(milliseconds: Double, record: SnapshotRecord), any Error>?

    init(_ store: SnapshotStore) { self.store = store }

    func start() {
        Thread { [self] in
            let start = DispatchTime.now().uptimeNanoseconds
            let result = Result {
                guard let record = try store.keepWhole("head") else {
                    preconditionFailure("nobody stops it")
                }
                return (
                    milliseconds: Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6,
                    record: record
                )
            }
            condition.withLock {
                outcome = result
                condition.broadcast()
            }
        }.start()
    }

    var isUnderWay: Bool { condition.withLock { outcome == nil } }

    func result() throws -> (milliseconds: Double, record: SnapshotRecord) {
        try condition.withLock {
            while true {
                if let outcome { return try outcome.get() }
                condition.wait()
            }
        }
    }
}
