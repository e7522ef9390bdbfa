import Records
import SnapshotStore
import Testing

@Suite struct RollbackTests {
    /// Eight snapshots, the fourth of them whole, each with the stream as it was then.
    private func grown(
        _ folder: ScratchFolder, _ options: SnapshotStore.Options = .init()
    ) throws -> (SnapshotStore, [(record: SnapshotRecord, stream: CommitStream)]) {
        let store = try folder.open(options)
        var stream = CommitStream(seed: 21)
        var taken: [(SnapshotRecord, CommitStream)] = []
        for round in 0..<8 {
            for _ in 0..<3 { try store.commit(stream.next(rows: 12), sync: false) }
            var commit = stream.next(rows: 12)
            commit.snapshot = .at(minute: round, isWhole: round == 3)
            taken.append((try #require(try store.commit(commit).snapshot), stream))
        }
        try store.commit(stream.next(rows: 12))
        taken.append((taken[7].0, stream))
        return (store, taken)
    }

    @Test("a rollback brings the weights back and leaves everything else")
    func rollback() throws {
        let folder = ScratchFolder()
        var (store, taken) = try grown(folder)
        let (target, old) = taken[2]
        let now = taken[8].stream
        let outbox = try store.outbox(limit: 999)
        let before = try store.status()
        let plan = try store.planRollback(to: target.id)
        #expect(plan.commitsSince == before.sequence - target.sequence)
        #expect(plan.tables.map(\.table.name) == ["adapters", "posterior"])
        #expect(plan.tables.allSatisfy { $0.rowsChanged + $0.rowsAdded + $0.rowsRemoved > 0 })
        #expect(try store.status().sequence == before.sequence)

        let info = try store.rollback(
            to: target.id, reason: "bad feed", who: "ops", wallTimeMs: 1_700_009_000_000)
        #expect(info.snapshot.parent == target.id)
        #expect(info.snapshot.weightsDigest == target.weightsDigest)
        #expect(info.snapshot.cause == .rollback)
        #expect(info.lineage == 0)
        #expect(try store.resolve("head").id == info.snapshot.id)
        #expect(try store.resolve("head~1").id == target.id)
        #expect(try store.resolve("champion").id == target.id)
        #expect(try store.snapshot("champion").championTimes.map(\.fromMs) == [1_700_009_000_000])
        #expect(try store.status().weightsDigest == target.weightsDigest)
        #expect(try store.outbox(limit: 999) == outbox)
        #expect(try store.offsets(cluster: "cluster") == now.offsets)
        try store.withHead { state in
            for table in [adapters, posterior] { try old.expect(table, in: state) }
            for table in [users, items, spend] { try now.expect(table, in: state) }
        }
        let audit = try #require(try store.audit(limit: 1).first)
        #expect(audit.who == "ops" && audit.reason == "to \(target.id): bad feed")
        let entry = try #require(try store.journal(from: info.sequence).first)
        #expect(entry.kind == .rollback && entry.body == Array(target.id.utf8))
        try store.close()
        #expect(try StoreCheck.run(folder.path).weightsDigest == target.weightsDigest)
        store = try folder.open()
        #expect(try store.status().weightsDigest == target.weightsDigest)
    }

    @Test("a rewind brings the learned state back bit for bit, and the ledger stays")
    func rewind() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder)
        let now = taken[8].stream
        for index in [5, 3, 6, 1] {
            let (target, old) = taken[index]
            let plan = try store.planRollback(to: target.id, rewind: true)
            let info = try store.rewind(
                to: target.id, reason: "poison", who: "ops", wallTimeMs: 1_700_009_000_000)
            #expect(info.snapshot.stateDigest == target.stateDigest)
            #expect(try store.resolve("champion").id == target.id)
            #expect(try store.status().stateDigest == target.stateDigest)
            #expect(try store.offsets(cluster: "cluster") == old.offsets)
            #expect(plan.isRewind && !plan.tables.isEmpty)
            try store.withHead { state in
                for table in [adapters, posterior, users, items] {
                    try old.expect(table, in: state)
                }
                try now.expect(spend, in: state)
            }
            #expect(try store.status().eventTimeMs == target.eventTimeMs)
        }
        #expect(try store.status().lineage == 4)
        #expect(try store.outboxCount() == 33)
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }

    @Test("beyond the undo horizon a rewind is refused, except to a whole snapshot")
    func horizon() throws {
        let folder = ScratchFolder()
        var options = SnapshotStore.Options()
        options.undoCommitsMax = 6
        let (store, taken) = try grown(folder, options)
        let listings = try store.snapshots()
        #expect(
            listings.map(\.isRewindable) == [true, true, false, false, true, false, false, false])
        let found = #expect(throws: StoreError.self) {
            try store.rewind(to: taken[2].record.id, reason: "", who: "ops", wallTimeMs: 0)
        }
        guard case .notReplayable = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        let (target, old) = taken[3]
        try store.rewind(to: target.id, reason: "", who: "ops", wallTimeMs: 0)
        #expect(try store.status().stateDigest == target.stateDigest)
        try store.withHead { state in try old.expect(users, in: state) }
    }

    @Test("learning goes on after a rollback, and the snapshots before and after are all good")
    func goesOn() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder)
        var stream = taken[8].stream
        try store.rollback(to: taken[0].record.id, reason: "", who: "ops", wallTimeMs: 0)
        var commit = stream.next()
        commit.snapshot = .at(minute: 99)
        let record = try #require(try store.commit(commit).snapshot)
        #expect(try store.resolve("head~2").id == taken[0].record.id)
        #expect(record.parent == (try store.resolve("head~1").id))
        for listing in try store.snapshots() { _ = try store.verify(listing.record.id) }
    }

    @Test("a rollback to what is not there changes nothing")
    func unknownTarget() throws {
        let folder = ScratchFolder()
        let (store, _) = try grown(folder)
        let before = try store.status()
        #expect(throws: StoreError.self) {
            try store.rollback(to: "no-such", reason: "", who: "ops", wallTimeMs: 0)
        }
        #expect(try store.status().sequence == before.sequence)
        #expect(try store.status().stateDigest == before.stateDigest)
    }
}
