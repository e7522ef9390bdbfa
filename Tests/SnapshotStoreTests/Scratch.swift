import Foundation
import Records
import SnapshotStore
import TestSupport
import Testing

let testBase = SHA256.hash("the base of the tests")
let testIdentity = StoreIdentity(
    id: "0f9a0ee6-3a4a-4b2c-9a56-7c5f1f0d8d11", base: testBase, createdMs: 1_700_000_000_000)

/// A folder of its own for each test, removed with it.
final class ScratchFolder: Sendable {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "tidemark-store-\(UUID().uuidString)"
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// With a store of an earlier version in it, from the fixtures.
    init(holding fixture: String) throws {
        path = NSTemporaryDirectory() + "tidemark-store-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let packed = try #require(
            Bundle.module.url(
                forResource: fixture, withExtension: "gz", subdirectory: "Fixtures"))
        try PackedFile(packed.path).unpack(to: data)
    }

    var data: String { path + "/data.mdb" }

    func open(
        _ options: SnapshotStore.Options = .init(), mode: SnapshotStore.Mode = .readWrite
    ) throws -> SnapshotStore {
        try SnapshotStore.open(path: path, mode: mode, identity: testIdentity, options: options)
    }
}

/// How much more than usual the seeded tests do: `TIDEMARK_TEST_ROUNDS=10` for ten times as much.
let roundsFactor = max(
    1, Int(ProcessInfo.processInfo.environment["TIDEMARK_TEST_ROUNDS"] ?? "") ?? 1)

let adapters = StateTable("adapters", .weights)
let posterior = StateTable("posterior", .weights)
let users = StateTable("users", .keyed)
let items = StateTable("items", .keyed)
let spend = StateTable("spend", .ledger)
let allTables = [adapters, posterior, users, items, spend]

/// Commits that a seed determines, over few enough keys that rows are overwritten and removed, and
/// the rows that they leave.
struct CommitStream {
    private var random: SeededRandom
    private(set) var step = 0
    private(set) var rows: [StateTable: [[UInt8]: [UInt8]]] = [:]
    private(set) var offsets: [TopicPartition: Int64] = [:]

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    mutating func next(rows count: Int = 30) -> Commit {
        var commit = Commit()
        for _ in 0..<count {
            let table = allTables[Int(random.next() % 5)]
            let number = random.next() % 60
            var key = Array("key \(number)".utf8)
            // Some keys beyond what LMDB takes, and one that is empty.
            if number % 7 == 0 { key += [UInt8](repeating: 7, count: 460 + Int(number)) }
            if number % 14 == 0 { key = [UInt8](repeating: 9, count: 500) + key.prefix(6) }
            if number == 13 { key = [] }
            if random.next() % 8 == 0 {
                commit.changes.remove(table, key)
                rows[table, default: [:]][key] = nil
            } else {
                let value = bytes(random.next() % 20 == 0 ? 9_000 : Int(random.next() % 300))
                commit.changes.put(table, key, value)
                rows[table, default: [:]][key] = value
            }
        }
        step += 1
        let position = TopicPartition(topic: "clicks", partition: Int32(step % 3))
        offsets[position] = Int64(step)
        commit.cluster = "cluster"
        commit.eventTimeMs = Int64(step) * 1_000
        commit.offsets[position] = Int64(step)
        commit.outbox = [
            OutboxMessage(
                topic: "out", key: bytes(3), value: bytes(20),
                headers: [.init(name: "n", value: bytes(2))])
        ]
        commit.journal = [bytes(40)]
        commit.counters = ["events": 10]
        return commit
    }

    /// Expects the head to hold exactly these rows, in order.
    func expectHead(
        of store: SnapshotStore, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try store.withHead { state in
            for table in allTables {
                try expect(table, in: state, sourceLocation: sourceLocation)
            }
        }
        let found = try store.offsets(cluster: "cluster")
        #expect(found == offsets, sourceLocation: sourceLocation)
    }

    func expect(
        _ table: StateTable, in state: some StateReader,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var found: [(key: [UInt8], value: [UInt8])] = []
        try state.forEach(table) { found.append(($0, $1)) }
        let wanted = rows[table, default: [:]].sorted {
            $0.key.lexicographicallyPrecedes($1.key)
        }
        #expect(
            found.count == wanted.count && zip(found, wanted).allSatisfy { $0 == $1 },
            "table \(table.name)", sourceLocation: sourceLocation)
        for (key, value) in wanted {
            let one = try state.value(table, key)
            #expect(one == value, sourceLocation: sourceLocation)
        }
        let absent = try state.value(table, Array("no such key".utf8))
        #expect(absent == nil, sourceLocation: sourceLocation)
    }
}

extension SnapshotRequest {
    /// A request at a minute of wall time.
    static func at(
        minute: Int, tags: [String] = [], isChampion: Bool = false, isWhole: Bool = false,
        configuration: String = "lora.rank: 8\n"
    ) -> SnapshotRequest {
        SnapshotRequest(
            wallTimeMs: 1_700_000_000_000 + Int64(minute) * 60_000, configuration: configuration,
            platform: "x86-64, OpenBLAS", metrics: #"{"ne": 0.87}"#, tags: tags,
            isChampion: isChampion, isWhole: isWhole)
    }
}
