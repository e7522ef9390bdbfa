import Records
import SnapshotStore
import Testing

@Suite struct RetentionTests {
    @Test("the newest stay, one an hour, one a day, and whatever is held")
    func rule() {
        // One every ten minutes for four days, newest first.
        let all = (0..<576).reversed().map {
            (sequence: UInt64($0), createdMs: Int64($0) * 600_000)
        }
        let retention = Retention(latest: 3, hourly: 5, daily: 2)
        let gone = Set(retention.pruned(all, keeping: [7]))
        let kept = (0..<576 as Range<UInt64>).filter { !gone.contains($0) }
        // Hours end at 575, 569, 563, 557 and 551; days at 575 and 431.
        #expect(kept == [7, 431, 551, 557, 563, 569, 573, 574, 575])
        #expect(Retention(latest: 0, hourly: 0, daily: 0).pruned(all, keeping: []).count == 576)
    }

    /// A store with snapshots of 40 commits whose weights differ in a few of 400 rows.
    private func grown(_ folder: ScratchFolder) throws -> (SnapshotStore, [SnapshotRecord]) {
        let store = try folder.open()
        var random = SeededRandom(seed: 8)
        var records: [SnapshotRecord] = []
        for step in 0..<40 {
            var commit = Commit()
            for row in 0..<400 where step == 0 || row % 97 == step {
                let value = (0..<1_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                commit.changes.put(posterior, Array("row \(row)".utf8), value)
            }
            commit.journal = [[1]]
            commit.snapshot = .at(minute: step, configuration: "step: \(step / 10)\n")
            records.append(try #require(try store.commit(commit, sync: false).snapshot))
        }
        return (store, records)
    }

    @Test("pruning removes what no snapshot needs and nothing else")
    func prune() throws {
        let folder = ScratchFolder()
        let (store, records) = try grown(folder)
        try store.tag(records[4].id, as: "keep", who: "ops", wallTimeMs: 0)
        try store.promote(records[9].id, who: "gate", reason: "", wallTimeMs: 0)
        let retention = Retention(latest: 5, hourly: 0, daily: 0)
        let plan = try store.prune(retention, dryRun: true)
        #expect(plan.snapshots.count == 33 && plan.snapshotsKept == 7)
        #expect(try store.snapshots().count == 40)
        let report = try store.prune(retention)
        #expect(report.snapshots == plan.snapshots)
        #expect(report.chunks > 0 && report.bytes > 0)
        let kept = try store.snapshots().map(\.record)
        #expect(
            kept.map(\.id)
                == [39, 38, 37, 36, 35, 9, 4].map { records[$0].id })
        for record in kept { _ = try store.verify(record.id) }
        #expect(throws: StoreError.self) { try store.resolve(records[10].id) }
        // The journal starts after the oldest snapshot kept.
        #expect(try store.journal(from: 0).map(\.sequence).first == records[4].sequence + 1)
        #expect(report.journalEntries == 5)
        #expect(try store.texts(of: kept[0]).configuration == "step: 3\n")
        // Nothing is left to do, and the whole store still adds up.
        let again = try store.prune(retention)
        #expect(again.chunks == 0 && again.snapshots.isEmpty)
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }

    @Test("chunks of pruned snapshots go, so that the file stops growing")
    func boundedFile() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var random = SeededRandom(seed: 4)
        var sizes: [Int] = []
        for step in 0..<120 {
            var commit = Commit()
            for row in 0..<50 as Range<UInt8> {
                let value = (0..<2_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                commit.changes.put(posterior, [row], value)
            }
            commit.snapshot = .at(minute: step)
            try store.commit(commit, sync: false)
            _ = try store.prune(Retention(latest: 3, hourly: 0, daily: 0))
            sizes.append(try store.status().fileBytes)
        }
        #expect(sizes[119] <= sizes[59] * 5 / 4, "\(sizes)")
        #expect(try store.snapshots().count == 3)
    }

    @Test("the last of each day that is over is to be kept whole, and so is what is tagged")
    func dailies() throws {
        let day: Int64 = 86_400_000
        let all = (0..<40).reversed().map {
            (sequence: UInt64($0), createdMs: Int64($0) * day / 10)
        }
        let retention = Retention(latest: 1, hourly: 0, daily: 3)
        #expect(retention.dailies(all, nowMs: 39 * day / 10) == [19, 29])
        #expect(retention.dailies(all, nowMs: 4 * day) == [19, 29, 39])
        #expect(Retention(daily: 0).dailies(all, nowMs: 9 * day).isEmpty)

        let folder = ScratchFolder()
        let (store, records) = try grown(folder)
        try store.tag(records[4].id, as: "keep", who: "ops", wallTimeMs: 0)
        let now = records[39].createdMs
        #expect(try store.snapshotsToKeepWhole(Retention(), nowMs: now) == [records[4].id])
        #expect(
            try store.snapshotsToKeepWhole(Retention(), nowMs: now + day)
                == [records[4].id, records[39].id])
        try store.keepWhole("keep")
        #expect(
            try store.snapshotsToKeepWhole(Retention(), nowMs: now + day) == [records[39].id])
    }
}
