import Records
import SnapshotStore
import Testing

@Suite struct SnapshotTests {
    /// Ten snapshots, one every five commits, and the streams as they were then.
    private func grown(
        _ folder: ScratchFolder, whole: Bool = false
    ) throws -> (SnapshotStore, [(record: SnapshotRecord, stream: CommitStream)]) {
        let store = try folder.open()
        var stream = CommitStream(seed: 5)
        var taken: [(SnapshotRecord, CommitStream)] = []
        for round in 0..<10 {
            for _ in 0..<4 { try store.commit(stream.next(rows: 8), sync: false) }
            var commit = stream.next(rows: 8)
            commit.snapshot = .at(minute: round, isWhole: whole)
            taken.append((try #require(try store.commit(commit).snapshot), stream))
        }
        return (store, taken)
    }

    @Test("a snapshot shows what was learned then bit for bit, and the ledger of today")
    func snapshotsRestore() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder)
        let last = try #require(taken.last)
        for (record, stream) in taken {
            try store.withSnapshot(record.id) { found, state in
                #expect(found == record)
                for table in [adapters, posterior, users, items] {
                    try stream.expect(table, in: state)
                }
                try last.stream.expect(spend, in: state)
            }
            #expect(try store.verify(record.id).record == record)
        }
    }

    @Test("beyond the undo horizon a snapshot shows its weights, and keyed rows of today")
    func beyondTheHorizon() throws {
        let folder = ScratchFolder()
        try grown(folder).0.close()
        var options = SnapshotStore.Options()
        options.undoCommitsMax = 1
        let store = try folder.open(options)
        for _ in 0..<20 { try store.commit(Commit()) }
        let (_, taken) = try grown(ScratchFolder())
        #expect(try store.snapshot(taken[2].record.id).isRewindable == false)
        try store.withSnapshot(taken[2].record.id) { _, state in
            try taken[2].stream.expect(posterior, in: state)
            try taken[9].stream.expect(users, in: state)
        }
    }

    @Test("a whole snapshot shows the keyed state too")
    func wholeSnapshots() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder, whole: true)
        let (record, stream) = taken[3]
        try store.withSnapshot(record.id) { _, state in
            for table in [adapters, posterior, users, items] { try stream.expect(table, in: state) }
        }
    }

    @Test("the same commits give the same ids and digests in another store")
    func deterministicIDs() throws {
        let (one, other) = (ScratchFolder(), ScratchFolder())
        let first = try grown(one).1.map(\.record)
        let second = try grown(other).1.map(\.record)
        #expect(first.map(\.id) == second.map(\.id))
        #expect(first.map(\.stateDigest) == second.map(\.stateDigest))
        #expect(Set(first.map(\.id)).count == 10)
        for (record, parent) in zip(first.dropFirst(), first) {
            #expect(record.parent == parent.id)
        }
    }

    @Test("a snapshot that changed little adds little")
    func chunksAreShared() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var random = SeededRandom(seed: 3)
        var commit = Commit()
        for number in 0..<4_000 as Range<UInt16> {
            let value = (0..<500).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            commit.changes.put(posterior, [UInt8(number >> 8), UInt8(number & 255)], value)
        }
        commit.snapshot = .at(minute: 0)
        let first = try #require(try store.commit(commit).snapshot)
        #expect(first.newBytes >= 2_000_000)
        commit = Commit()
        commit.changes.put(posterior, [3, 3], [1])
        commit.changes.put(posterior, [9, 9, 9], [2])
        commit.changes.remove(posterior, [14, 1])
        commit.snapshot = .at(minute: 1)
        let second = try #require(try store.commit(commit).snapshot)
        #expect(second.newBytes < 1_000_000, "\(second.newBytes) of \(second.stateBytes) bytes")
        let difference = try store.diff(first.id, second.id)
        #expect(difference.tables.count == 1)
        #expect(difference.tables[0].rowsChanged == 1)
        #expect(difference.tables[0].rowsAdded == 1)
        #expect(difference.tables[0].rowsRemoved == 1)
    }

    @Test("a difference tells configuration lines, offsets and totals")
    func differences() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var stream = CommitStream(seed: 1)
        var commit = stream.next()
        commit.snapshot = .at(minute: 0, configuration: "a: 1\nb: 2\nc: 3\n")
        try store.commit(commit)
        commit = stream.next()
        commit.snapshot = .at(minute: 1, configuration: "a: 1\nb: 5\nc: 3\n")
        try store.commit(commit)
        let difference = try store.diff("head~1", "head")
        #expect(difference.configuration.map(\.text).sorted() == ["b: 2", "b: 5"])
        #expect(difference.configuration.first { $0.isAdded }?.text == "b: 5")
        #expect(difference.offsets.map(\.position.partition) == [2])
        #expect(difference.offsets[0].from == nil && difference.offsets[0].to == 2)
        #expect(difference.counters.map(\.to) == [20])
    }

    @Test("every form of reference finds its snapshot")
    func references() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder)
        let records = taken.map(\.record)
        try store.tag(records[2].id, as: "before/sale", who: "ops", wallTimeMs: 1)
        try store.promote(records[4].id, who: "gate", reason: "passed", wallTimeMs: 2)
        func expect(_ reference: String, _ index: Int) throws {
            let found = try store.resolve(reference)
            #expect(found.id == records[index].id, "\(reference)")
        }
        try expect(records[5].id, 5)
        try expect(String(records[5].id.prefix(6)), 5)
        try expect("head", 9)
        try expect("head~3", 6)
        try expect("champion", 4)
        try expect("champion~1", 3)
        try expect("before/sale", 2)
        // Snapshot n was taken at minute n after 2023-11-14T22:13:20Z.
        try expect("@2023-11-14T22:16:20Z", 3)
        try expect("@2023-11-14T22:16:50Z", 3)
        try expect("@2023-11-14T23:16:50.5+01:00", 3)
        try expect("@2033-01-01T00:00:00Z", 9)
        // Snapshot n has learned 5(n + 1) steps; step s moves partition s mod 3 to offset s.
        try expect("offset:clicks:0:15", 2)
        try expect("offset:clicks:1:22", 3)
    }

    @Test("an offset learned since the only snapshot is before which that snapshot was taken")
    func offsetSinceFirst() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var stream = CommitStream(seed: 1)
        var first = Commit()
        first.snapshot = .at(minute: 0)
        try store.commit(first)
        for _ in 0..<3 { try store.commit(stream.next()) }
        let id = try store.resolve("head").id
        #expect(try store.resolve("offset:clicks:1:0").id == id)
        #expect(throws: StoreError.self) { try store.resolve("offset:other:1:0") }
    }

    @Test("a reference that means nothing, or too much, is refused with what is near")
    func badReferences() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder)
        let id = taken[0].record.id
        try store.tag(id, as: "friday", who: "ops", wallTimeMs: 1)
        #expect(throws: StoreError.unknownReference("fryday", nearest: ["friday"])) {
            try store.resolve("fryday")
        }
        let wrong = String(id.prefix(9)) + (id.hasSuffix("0") ? "1" : "0")
        let found = #expect(throws: StoreError.self) { try store.resolve(wrong + "zz") }
        guard case .unknownReference(_, let nearest) = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(nearest.contains(id))
        for bad in [
            "head~x", "head~99", "champion", "@yesterday", "@2023-02-30T00:00:00Z",
            "offset:clicks:0", "offset:clicks:0:-1", "offset:other:0:5", "@1999-01-01T00:00:00Z",
            "offset:clicks:2:0", "", "~1", "zzzz",
        ] {
            #expect(throws: StoreError.self, "\(bad)") { try store.resolve(bad) }
        }
    }

    @Test("a short prefix that several ids share names them all")
    func ambiguous() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var ids: Set<String> = []
        // Among 700 ids, two share their first four digits nearly always; the seed makes it so.
        for number in 0..<700 {
            var commit = Commit()
            commit.changes.put(adapters, [1], [UInt8(number & 255), UInt8(number >> 8)])
            commit.snapshot = .at(minute: number)
            ids.insert(try #require(try store.commit(commit, sync: false).snapshot).id)
        }
        let groups = Dictionary(grouping: ids) { $0.prefix(4) }
        let shared = try #require(groups.first { $0.value.count > 1 })
        let found = #expect(throws: StoreError.self) { try store.resolve(String(shared.key)) }
        #expect(
            found
                == .ambiguousReference(String(shared.key), candidates: shared.value.sorted()))
    }

    @Test("a tag holds its snapshot, is on one snapshot only, and must be a plain name")
    func tags() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder)
        try store.tag("head", as: "v1", who: "ops", wallTimeMs: 1)
        try store.tag("head", as: "v1", who: "ops", wallTimeMs: 1)
        #expect(throws: StoreError.tagTaken("v1", by: taken[9].record.id)) {
            try store.tag("head~1", as: "v1", who: "ops", wallTimeMs: 1)
        }
        #expect(try store.snapshot("head").tags == ["v1"])
        for bad in ["", "head", "champion", "a b", "@x", "x~1", "offset:a:0:1", "a\u{0}"] {
            #expect(throws: StoreError.self, "\(bad)") {
                try store.tag("head", as: bad, who: "ops", wallTimeMs: 1)
            }
        }
        try store.untag("v1", who: "ops", wallTimeMs: 1)
        #expect(throws: StoreError.self) { try store.untag("v1", who: "ops", wallTimeMs: 1) }
        #expect(try store.audit().map(\.action) == ["untag", "tag", "tag"])
    }

    @Test("a listing tells when each snapshot was champion")
    func championTimes() throws {
        let folder = ScratchFolder()
        let (store, taken) = try grown(folder)
        try store.promote(taken[1].record.id, who: "gate", reason: "", wallTimeMs: 100)
        try store.promote(taken[7].record.id, who: "gate", reason: "", wallTimeMs: 200)
        try store.promote(taken[1].record.id, who: "ops", reason: "", wallTimeMs: 300)
        let listings = try store.snapshots()
        #expect(listings.map(\.record.id) == taken.map(\.record.id).reversed())
        #expect(listings.map(\.isHead) == [true] + [Bool](repeating: false, count: 9))
        #expect(listings[8].isChampion && !listings[2].isChampion)
        #expect(listings[8].championTimes.map(\.fromMs) == [100, 300])
        #expect(listings[8].championTimes.map(\.untilMs) == [200, nil])
        #expect(listings[2].championTimes.map(\.fromMs) == [200])
        #expect(listings[2].championTimes.map(\.untilMs) == [300])
        #expect(listings.allSatisfy { $0.isReplayable && $0.isRewindable })
    }
}
