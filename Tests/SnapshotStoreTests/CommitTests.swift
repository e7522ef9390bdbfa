import Records
import SnapshotStore
import Testing

@Suite struct CommitTests {
    @Test(
        "what random commits leave is there after reopening, and the whole store adds up",
        arguments: [11, 12, 13] as [UInt64])
    func randomCommits(seed: UInt64) throws {
        let folder = ScratchFolder()
        var stream = CommitStream(seed: seed)
        var last: CommitInfo?
        for round in 0..<6 {
            let store = try folder.open()
            for _ in 0..<15 { last = try store.commit(stream.next(), sync: round % 2 == 0) }
            try stream.expectHead(of: store)
            let status = try store.status()
            #expect(status.stateDigest == last?.stateDigest)
            #expect(status.counters["events"] == Int64(stream.step) * 10)
            #expect(status.eventTimeMs == Int64(stream.step) * 1_000)
            try store.close()
            // A walk over every record, which adds up the digests afresh.
            let report = try StoreCheck.run(folder.path)
            #expect(report.stateDigest == last?.stateDigest, "seed \(seed)")
            #expect(report.weightsDigest == last?.weightsDigest, "seed \(seed)")
            #expect(report.sequence == last?.sequence)
        }
    }

    @Test("the state's digest depends on what is there, not on the way it came there")
    func digestIsOfTheState() throws {
        let (one, other) = (ScratchFolder(), ScratchFolder())
        let rows = (0..<50).map { (Array("k\($0)".utf8), Array("v\($0)".utf8)) }
        func run(_ folder: ScratchFolder, _ body: (SnapshotStore) throws -> Void) throws
            -> StoreStatus
        {
            let store = try folder.open()
            try body(store)
            return try store.status()
        }
        let forward = try run(one) { store in
            var commit = Commit()
            for (key, value) in rows {
                commit.changes.put(users, key, value)
                commit.changes.put(adapters, key, value)
            }
            commit.cluster = "a"
            commit.offsets[TopicPartition(topic: "t", partition: 0)] = 7
            try store.commit(commit)
        }
        let backward = try run(other) { store in
            for (key, value) in rows.reversed() {
                var commit = Commit()
                commit.changes.put(adapters, key, value + [1])
                commit.changes.put(users, key + [0], value)
                commit.changes.put(spend, key, value)
                try store.commit(commit)
                commit = Commit()
                commit.changes.put(adapters, key, value)
                commit.changes.remove(users, key + [0])
                commit.changes.put(users, key, value)
                // On another cluster: its name is no part of the state.
                commit.cluster = "b"
                commit.offsets[TopicPartition(topic: "t", partition: 0)] = 7
                try store.commit(commit)
            }
        }
        #expect(forward.stateDigest == backward.stateDigest)
        #expect(forward.weightsDigest == backward.weightsDigest)
        #expect(forward.stateDigest != forward.weightsDigest)
        #expect(forward.stateDigest != .zero)
    }

    @Test("a row put as it was is not written")
    func unchangedRows() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var commit = Commit()
        for number in 0..<100 {
            commit.changes.put(posterior, [UInt8(number)], [UInt8](repeating: 5, count: 10_000))
        }
        let first = try store.commit(commit)
        let second = try store.commit(commit)
        #expect(first.bytesWritten > 1_000_000)
        #expect(second.recordsUnchanged == 100)
        #expect(second.bytesWritten < 1_000)
        #expect(second.stateDigest == first.stateDigest)
    }

    @Test("outbox messages keep their order and numbers until they are delivered")
    func outbox() throws {
        let folder = ScratchFolder()
        var store = try folder.open()
        func message(_ text: String) -> OutboxMessage {
            OutboxMessage(topic: "discounts", key: nil, value: Array(text.utf8))
        }
        var commit = Commit()
        commit.outbox = [message("a"), message("b"), message("c")]
        #expect(try store.commit(commit).outbox == 0..<3)
        #expect(try store.outbox(limit: 2).map(\.sequence) == [0, 1])
        #expect(
            try store.outbox(from: 1, limit: 9).map(\.value) == [Array("b".utf8), Array("c".utf8)])
        commit.outbox = [message("d")]
        commit.outboxDeliveredThrough = 1
        #expect(try store.commit(commit).outbox == 3..<4)
        try store.close()
        store = try folder.open()
        #expect(try store.outbox(limit: 9).map(\.sequence) == [2, 3])
        try store.removeOutbox(through: 3)
        #expect(try store.outboxCount() == 0)
        // Numbers are never used again.
        commit.outboxDeliveredThrough = nil
        #expect(try store.commit(commit).outbox == 4..<5)
    }

    @Test("the journal gives back every commit's entries, whole commits at a time")
    func journal() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        for number in 0..<10 as Range<UInt8> {
            var commit = Commit()
            commit.journal = [[number, 0], [number, 1], [number, 2]]
            try store.commit(commit)
        }
        let piece = try store.journal(from: 4, limit: 4)
        #expect(piece.map(\.sequence) == [4, 4, 4, 5, 5, 5])
        #expect(piece.map(\.body) == [[3, 0], [3, 1], [3, 2], [4, 0], [4, 1], [4, 2]])
        #expect(piece.map(\.index) == [0, 1, 2, 0, 1, 2])
        #expect(try store.journal(from: 11).isEmpty)
    }

    @Test("audit entries stay, newest first")
    func audit() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        for number in 0..<5 {
            try store.record(
                AuditEntry(
                    wallTimeMs: Int64(number), who: "ops", action: "pause", reason: "\(number)"))
        }
        #expect(try store.audit(limit: 2).map(\.reason) == ["4", "3"])
        #expect(try store.audit(limit: 2, sinceMs: .min).map(\.reason) == ["4", "3"])
        #expect(try store.audit(limit: .max).count == store.audit(limit: 100).count)
        #expect(try store.audit(limit: 0, sinceMs: .min).isEmpty)
        #expect(try store.audit().count == 5)
    }

    @Test("a reader sees the last commit while the writer goes on, and never half of one")
    func readersBesideTheWriter() async throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        let rounds: UInt8 = 60
        func commit(_ number: UInt8) -> Commit {
            var commit = Commit()
            for key in 0..<40 as Range<UInt8> { commit.changes.put(posterior, [key], [number]) }
            return commit
        }
        try store.commit(commit(0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 1...rounds { try store.commit(commit(number), sync: false) }
            }
            group.addTask {
                var seen: UInt8 = 0
                while seen < rounds {
                    var values: Set<[UInt8]> = []
                    try store.withHead { try $0.forEach(posterior) { values.insert($1) } }
                    #expect(values.count == 1)
                    let now = values.first?.first ?? 0
                    #expect(now >= seen)
                    seen = now
                }
            }
            try await group.waitForAll()
        }
    }
}
