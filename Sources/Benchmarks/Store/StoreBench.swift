import ArgumentParser
import Daemon
import Foundation
import Records
import SnapshotStore
import Terminal

/// `tidemark bench store`: what commits, snapshots and rollbacks cost, beside LMDB alone.
struct StoreBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Commits, snapshots, rollback and listing, beside LMDB's own write rate.")

    @Option(help: "Users in the store before anything is measured.")
    var users = 100_000

    @Option(help: "Commits measured of each kind.")
    var commits = 60

    @Option(help: "Weights in the store, all of which each commit changes. Unit: MB.")
    var weights = 1.0

    @Option(help: "Snapshots that the listing is measured over.")
    var listed = 10_000

    @Option(help: "Where to make the stores; on the disk that is to be measured.")
    var folder = FileManager.default.temporaryDirectory.path

    @Flag(help: "Keep the users' rows in plain: what sealing them costs is the difference.")
    var plain = false

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard users >= 0, commits >= 3, weights > 0, weights <= 1_000, listed >= 1 else {
            throw ValidationError("--commits is at least 3, the other figures are positive")
        }
    }

    func run() throws {
        let path = folder + "/tidemark-bench-store-\(ProcessInfo.processInfo.processIdentifier)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            var run = StoreBenchRun(bench: self, path: path)
            try run.all()
            print(json ? try jsonText(run.figures) : run.table())
        } catch let error as StoreError {
            throw FailureKind(error).failure(error.description)
        }
    }
}

/// One run: the workload, the clock and the figures.
struct StoreBenchRun {
    struct Figure: Encodable {
        let name: String
        let value: Double
        let unit: String
    }

    let bench: StoreBench
    let path: String
    var figures: [Figure] = []
    private var random = SeededRandom(seed: 1)
    private let posterior = StateTable("posterior", .weights)
    private let userRows: StateTable

    init(bench: StoreBench, path: String) {
        self.bench = bench
        self.path = path
        userRows = StateTable("users", .keyed, keys: bench.plain ? .plain : .owner)
    }

    mutating func all() throws {
        let store = try open("store")
        try fill(store)
        note("users in the store", Double(bench.users), "")
        note("data file", megabytes(try store.status().fileBytes), "MB")
        for sync in [true, false] {
            try measureCommits(store, sync: sync)
            try measureRaw(sync: sync)
        }
        try store.sync()
        try measureSnapshots(store)
        try measureRollback(store)
        try measureWhole(store)
        try measureReader(store)
        try store.close()
        try measureCheck()
        try measureRewrite()
        try measureListing()
    }

    private func open(_ name: String) throws -> SnapshotStore {
        try SnapshotStore.open(
            path: path + "/" + name, mode: .readWrite,
            identity: StoreIdentity(
                id: UUID().uuidString, base: SHA256.hash("bench"),
                createdMs: wallTimeMs()))
    }

    mutating func note(_ name: String, _ value: Double, _ unit: String) {
        figures.append(Figure(name: name, value: value, unit: unit))
    }

    func megabytes(_ bytes: Int) -> Double { Double(bytes) / 1e6 }

    // MARK: Workload

    private mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            let word = random.next()
            for shift in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * shift)))
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private func owner(_ user: Int) -> RowOwner { RowOwner(user: String(user)) }
    private func userKey(_ user: Int) -> [UInt8] { owner(user).bytes }

    private func key(_ number: Int) -> [UInt8] { Array(String(number).utf8) }

    private mutating func fill(_ store: SnapshotStore) throws {
        for start in stride(from: 0, to: bench.users, by: 10_000) {
            var commit = Commit()
            for user in start..<min(start + 10_000, bench.users) {
                commit.changes.put(userRows, userKey(user), bytes(400))
            }
            try store.commit(commit, sync: false)
        }
        try store.sync()
    }

    /// All weights in rows of 8 kB, 100 users, 64 messages and what the journal needs.
    mutating func commit() -> Commit {
        var commit = Commit()
        for row in 0..<weightRows { commit.changes.put(posterior, key(row), bytes(8_000)) }
        for _ in 0..<100 where bench.users > 0 {
            let user = Int(random.next() % UInt64(bench.users))
            commit.changes.put(userRows, userKey(user), bytes(400))
        }
        commit.outbox = (0..<64).map { _ in
            OutboxMessage(
                topic: "discount-recommendations", key: bytes(16), value: bytes(700),
                owner: bench.plain || bench.users == 0
                    ? nil : owner(Int(random.next() % UInt64(bench.users))))
        }
        commit.journal = [bytes(1_000)]
        commit.offsets[TopicPartition(topic: "clicks", partition: 0)] = Int64(random.next() >> 2)
        return commit
    }

    private var weightRows: Int { max(1, Int(bench.weights * 1e6 / 8_000)) }

    // MARK: Measuring

    func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
    }

    /// Bytes that this process has handed to the system for writing.
    private func bytesWritten() -> Double {
        let text = (try? String(contentsOfFile: "/proc/self/io", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("wchar: ") }
        return line.flatMap { Double($0.dropFirst(7)) } ?? .nan
    }

    private mutating func note(_ name: String, times: [Double], bytes: Double) {
        let sorted = times.sorted()
        note(name + ", median", sorted[sorted.count / 2], "ms")
        note(
            name + ", 99th percentile", sorted[min(sorted.count - 1, sorted.count * 99 / 100)], "ms"
        )
        note(name + ", written", bytes / Double(times.count) / 1e6, "MB")
    }

    private mutating func measureCommits(_ store: SnapshotStore, sync: Bool) throws {
        var times: [Double] = []
        var bytes = 0.0
        for _ in 0..<bench.commits {
            var commit = commit()
            commit.outboxDeliveredThrough = .max
            let before = bytesWritten()
            times.append(try milliseconds { try store.commit(commit, sync: sync) })
            bytes += bytesWritten() - before
        }
        note(sync ? "commit, synced" : "commit, not synced", times: times, bytes: bytes)
    }

    private mutating func measureRaw(sync: Bool) throws {
        var marks: [UInt64] = []
        var start = 0.0
        var copy = self
        try RawWrites.run(
            path: path + "/raw-\(sync)", commits: bench.commits, sync: sync,
            initial: (0..<bench.users).map { (userKey($0), copy.bytes(400)) },
            rows: { number in
                if number == 0 { start = bytesWritten() }
                let commit = copy.commit()
                return commit.changes.rows.map { row in
                    // Weights and users in one table: told apart by what is before the key.
                    (row.table == posterior ? [0] + row.key : row.key, row.value ?? [])
                } + commit.outbox.enumerated().map { ([1] + copy.key($0), $1.value ?? []) }
            }, clock: { marks.append(DispatchTime.now().uptimeNanoseconds) })
        let times = stride(from: 0, to: marks.count - 1, by: 2).map {
            Double(marks[$0 + 1] - marks[$0]) / 1e6
        }
        note(
            sync ? "LMDB alone, synced" : "LMDB alone, not synced", times: times,
            bytes: bytesWritten() - start)
    }

    private mutating func measureSnapshots(_ store: SnapshotStore) throws {
        var times: [Double] = []
        var newBytes = 0
        let before = try store.status().liveBytes
        for number in 0..<20 {
            var commit = Commit()
            for row in 0..<weightRows { commit.changes.put(posterior, key(row), bytes(8_000)) }
            commit.snapshot = SnapshotRequest(wallTimeMs: Int64(number) * 60_000)
            times.append(
                try milliseconds { newBytes += try store.commit(commit).snapshot?.newBytes ?? 0 })
        }
        note("commit of all weights with a snapshot, median", times.sorted()[10], "ms")
        note("chunks of such a snapshot, mean", megabytes(newBytes) / 20, "MB")
        let grown = megabytes(try store.status().liveBytes - before)
        note("disk for 1,000 such snapshots", grown / 20 * 1_000, "MB")
    }

    private mutating func measureRollback(_ store: SnapshotStore) throws {
        let targets = [try store.resolve("head~5").id, try store.resolve("head~15").id]
        var times: [Double] = []
        for number in 0..<5 {
            times.append(
                try milliseconds {
                    try store.rollback(
                        to: targets[number % 2], reason: "bench", who: "bench",
                        wallTimeMs: wallTimeMs())
                    try store.withHead { state in try state.forEach(posterior) { _, _ in } }
                })
        }
        note("rollback until the old weights are read, median", times.sorted()[2], "ms")
    }

    private mutating func measureCheck() throws {
        var report: StoreCheck.Report?
        let time = try milliseconds { report = try StoreCheck.run(path + "/store") }
        note("check of the whole store after an unclean stop", time, "ms")
        note("checked", megabytes(report?.fileBytes ?? 0), "MB")
        for (mode, name) in [
            (SnapshotStore.Mode.readOnly, "for reading"), (.readWrite, "for writing"),
        ] {
            let time = try milliseconds {
                try SnapshotStore.open(path: path + "/store", mode: mode).close()
            }
            note("opened \(name) after a clean close", time, "ms")
        }
    }

    private mutating func measureRewrite() throws {
        var report: RewriteReport?
        let time = try milliseconds { report = try SnapshotStore.rewrite(path: path + "/store") }
        note("rewriting the file without what was deleted", time, "ms")
        note("the file then", megabytes(report?.bytesAfter ?? 0), "MB")
    }

    private mutating func measureListing() throws {
        let store = try open("listed")
        for number in 0..<bench.listed {
            var commit = Commit()
            commit.changes.put(posterior, key(number % 50), bytes(100))
            commit.offsets[TopicPartition(topic: "clicks", partition: Int32(number % 4))] =
                Int64(number)
            commit.snapshot = SnapshotRequest(
                wallTimeMs: Int64(number) * 60_000,
                metrics: #"{"progressive":{"purchase":{"normalized_entropy":0.87}}}"#)
            try store.commit(commit, sync: false)
        }
        try store.sync()
        var count = 0
        let times = try (0..<5).map { _ in
            try milliseconds { count = try store.snapshots().count }
        }
        note("list of \(count) snapshots, median", times.sorted()[2], "ms")
        note("disk of \(count) snapshots of 5 kB", megabytes(try store.status().fileBytes), "MB")
        try store.close()
    }

    func table() -> String {
        var table = TextTable([("FIGURE", .left), ("VALUE", .right), ("UNIT", .left)])
        for figure in figures {
            table.add(figure.name, String(format: "%.2f", figure.value), figure.unit)
        }
        return table.rendered()
    }
}
