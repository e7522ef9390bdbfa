import Foundation
import Records
import SnapshotStore
import Synchronization
import Testing

private let shoppers = StateTable("shoppers", .keyed, keys: .owner)
/// Enough rows for many chunks.
private let places = StateTable("places", .keyed)

/// The next commit of a stream, with rows of five shoppers and of some places.
private func next(_ stream: inout CommitStream) -> Commit {
    var commit = stream.next(rows: 25)
    for number in 0..<5 {
        let owner = RowOwner(user: "user \(number)")
        commit.changes.put(shoppers, owner.bytes, [UInt8(stream.step)], owner: owner)
    }
    for number in 0..<400 where stream.step == 1 || number % 50 == stream.step {
        let key = [UInt8(number >> 8), UInt8(number & 255)]
        if number % 3 == 0, stream.step > 1 {
            commit.changes.remove(places, key)
        } else {
            commit.changes.put(places, key, stream.bytes(120))
        }
    }
    return commit
}

@Suite struct WholeTests {
    /// Thirty commits, the tenth with a snapshot, and the stream as it was then.
    private func grown(
        _ folder: ScratchFolder, whole: Bool = false, _ options: SnapshotStore.Options = .init()
    ) throws -> (store: SnapshotStore, record: SnapshotRecord, then: CommitStream) {
        let store = try folder.open(options)
        var stream = CommitStream(seed: 19)
        var taken: (SnapshotRecord, CommitStream)?
        for step in 1...30 {
            var commit = next(&stream)
            if step == 10 { commit.snapshot = .at(minute: 0, tags: ["ten"], isWhole: whole) }
            let info = try store.commit(commit, sync: false)
            if let record = info.snapshot { taken = (record, stream) }
        }
        let (record, then) = try #require(taken)
        return (store, record, then)
    }

    @Test("kept whole twenty commits later, a snapshot is as if it had been taken whole")
    func keptLater() throws {
        let (one, other) = (ScratchFolder(), ScratchFolder())
        var (later, record, then) = try grown(one)
        let (atOnce, whole, _) = try grown(other, whole: true)
        let kept = try #require(try later.keepWhole("ten"))
        #expect(kept.isWhole && kept.id == record.id && kept.id == whole.id)
        #expect(try later.resolve("ten") == kept)
        #expect(try later.snapshot("ten").record.isWhole)
        let tables = [try later.tables(of: kept), try atOnce.tables(of: whole)].map {
            $0.sorted { $0.table.name < $1.table.name }
        }
        #expect(tables[0].map(\.digest) == tables[1].map(\.digest))
        #expect(tables[0].map(\.rows) == tables[1].map(\.rows))
        #expect(tables[0].map(\.chunks) == tables[1].map(\.chunks))
        #expect(try later.verify("ten").rows == atOnce.verify("ten").rows)
        try later.withSnapshot("ten") { _, state in
            for table in [adapters, posterior, users, items] { try then.expect(table, in: state) }
        }
        #expect(try later.keepWhole("ten") == kept)
        // Beyond the undo horizon it can still be gone back to.
        try later.close()
        var options = SnapshotStore.Options()
        options.undoCommitsMax = 2
        later = try one.open(options)
        var stream = CommitStream(seed: 5)
        for _ in 0..<10 { try later.commit(stream.next()) }
        #expect(try later.snapshot("ten").isRewindable)
        try later.rewind(to: "ten", reason: "test", who: "test", wallTimeMs: 0)
        #expect(try later.status().stateDigest == record.stateDigest)
        try later.withHead { state in
            for table in [adapters, posterior, users, items] { try then.expect(table, in: state) }
        }
        try later.verifyRecords()
        try later.close()
        _ = try StoreCheck.run(one.path)
    }

    @Test("what can no longer be put together is refused, and stays as it was")
    func tooLate() throws {
        var options = SnapshotStore.Options()
        options.undoCommitsMax = 5
        let folder = ScratchFolder()
        let (store, record, _) = try grown(folder, options)
        #expect(try store.snapshot("ten").isRewindable == false)
        #expect(throws: StoreError.self) { try store.keepWhole("ten") }
        #expect(try store.resolve("ten") == record)
        #expect(try store.snapshotsToKeepWhole(Retention(), nowMs: 0).isEmpty)
    }

    @Test("who was erased meanwhile is not in it, and the others are")
    func erased() throws {
        let folder = ScratchFolder()
        defer { withExtendedLifetime(folder) {} }
        let (store, _, _) = try grown(folder)
        let gone = RowOwner(user: "user 3")
        var commit = Commit()
        commit.changes.erase(gone)
        commit.changes.remove(shoppers, gone.bytes)
        try store.commit(commit)
        let kept = try #require(try store.keepWhole("ten"))
        #expect(kept.isWhole)
        let verdict = try store.verify("ten")
        #expect(verdict.erasedRows == 1)
        try store.withSnapshot("ten") { _, state in
            let (a, b) = (
                try state.value(shoppers, gone.bytes),
                try state.value(shoppers, RowOwner(user: "user 2").bytes)
            )
            #expect(a == nil && b == [10])
        }
    }

    @Test(
        "stopped half-way it leaves the snapshot as it was, and what was written goes with pruning")
    func stopped() throws {
        var options = SnapshotStore.Options()
        options.chunkBytes = 256
        let folder = ScratchFolder()
        let (store, record, _) = try grown(folder, options)
        var asked = 0
        let kept = try store.keepWhole("ten") {
            asked += 1
            return asked > 1
        }
        #expect(kept == nil && asked == 2)
        #expect(try store.resolve("ten") == record)
        #expect(try store.prune(Retention(latest: 9)).chunks >= 32)
        #expect(try store.prune(Retention(latest: 9)).chunks == 0)
        #expect(try store.keepWhole("ten")?.isWhole == true)
        _ = try store.verify("ten")
    }

    @Test("commits, snapshots and pruning go on meanwhile")
    func besideCommits() throws {
        var options = SnapshotStore.Options()
        options.chunkBytes = 256
        let folder = ScratchFolder()
        let (store, record, then) = try grown(folder, options)
        let isDone = Atomic(false)
        let sequences = Mutex<[UInt64]>([])
        // Between any two pieces a commit, a snapshot and a pruning are made.
        var other = CommitStream(seed: 4)
        let kept = try store.keepWhole("ten") {
            var commit = other.next(rows: 25)
            commit.snapshot = .at(minute: other.step)
            let info = try? store.commit(commit)
            _ = try? store.prune(Retention(latest: 2, hourly: 0, daily: 0))
            if let info { sequences.withLock { $0.append(info.sequence) } }
            return isDone.load(ordering: .relaxed)
        }
        #expect(kept?.isWhole == true && kept?.id == record.id)
        #expect(sequences.withLock(\.count) > 3)
        #expect(try store.snapshots().count == 3)
        for listing in try store.snapshots() { _ = try store.verify(listing.record.id) }
        try store.withSnapshot("ten") { _, state in
            for table in [users, items] { try then.expect(table, in: state) }
        }
        try store.prune(Retention(latest: 2, hourly: 0, daily: 0))
        // More chunks than are read in one view.
        let verdict = try store.verify("ten")
        #expect(verdict.chunks > 128 && verdict.chunks == kept?.chunkCount)
        try store.verifyRecords()
    }

    @Test("at the quota the snapshot stays as it was, and learning has its room")
    func quota() throws {
        let folder = ScratchFolder()
        var (store, record, _) = try grown(folder)
        let used = try store.status().liveBytes
        try store.close()
        // Less than a piece of chunks may need, more than a commit does.
        var options = SnapshotStore.Options()
        options.bytesMax = used + (600 << 10)
        store = try folder.open(options)
        let found = #expect(throws: StoreError.self) { try store.keepWhole("ten") }
        guard case .quotaReached = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(try store.resolve("ten") == record)
        try store.commit(Commit())
    }
}
