import Foundation
import Records
import SnapshotStore
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

    func open(_ options: SnapshotStore.Options = .init()) throws -> SnapshotStore {
        try SnapshotStore.open(
            path: path, mode: .readWrite, identity: testIdentity, options: options)
    }
}

let weights = StateTable("adapters", .weights)
let head = StateTable("head", .weights)
let users = StateTable("users", .keyed)
let items = StateTable("items", .keyed)
let spend = StateTable("spend", .ledger)

/// Commits that a seed determines, over few enough keys that rows are overwritten and removed.
struct CommitStream {
    var random: SeededRandom
    var step = 0

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    mutating func next(rows: Int = 30) -> Commit {
        var commit = Commit()
        for _ in 0..<rows {
            let table = [weights, head, users, items, spend][Int(random.next() % 5)]
            let number = random.next() % 60
            var key = Array("key \(number)".utf8)
            // Some keys beyond what LMDB takes, and one that is empty.
            if number % 7 == 0 { key += [UInt8](repeating: 7, count: 460 + Int(number)) }
            if number == 13 { key = [] }
            if random.next() % 8 == 0 {
                commit.changes.remove(table, key)
            } else {
                let count = random.next() % 20 == 0 ? 9_000 : Int(random.next() % 300)
                commit.changes.put(table, key, bytes(count))
            }
        }
        step += 1
        commit.cluster = "cluster"
        commit.eventTimeMs = Int64(step) * 1_000
        commit.offsets[TopicPartition(topic: "clicks", partition: Int32(step % 3))] = Int64(step)
        commit.outbox = [
            OutboxMessage(
                topic: "out", key: bytes(3), value: bytes(20),
                headers: [.init(name: "n", value: bytes(2))])
        ]
        commit.journal = [bytes(40)]
        commit.counters = ["events": 10]
        return commit
    }
}
