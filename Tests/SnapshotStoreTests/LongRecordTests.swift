import Foundation
import Records
import SnapshotStore
import Testing

/// Records that lie in pieces.
@Suite struct LongRecordTests {
    @Test("a text of any length is what it was, replaced by a longer, an equal and a shorter one")
    func lengths() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        let piece = RecordPiece.bytesMax
        var lengths = [0, 1, 2_000, 9_000]
        for count in 1...2 { lengths += [-1, 0, 1].map { count * piece + $0 } }
        lengths.append(100_000)
        lengths += lengths.reversed() + [piece, 2 * piece, piece, 100_000, 1]
        var random = SeededRandom(seed: 3)
        for (number, length) in lengths.enumerated() {
            // Messages, undo records and chunks of one commit, in records about as long.
            let value = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var commit = Commit()
            commit.changes.put(adapters, [1], value)
            commit.changes.put(users, [2], value)
            commit.outbox = [OutboxMessage(topic: "out", key: [3], value: value)]
            commit.snapshot = .at(minute: number, isWhole: number % 3 == 0)
            let sent = try store.outbox(limit: 1)
            commit.outboxDeliveredThrough = sent.last?.sequence
            try store.commit(commit)
            #expect(try store.outbox(limit: 9).map(\.value) == [value], "\(length)")
            try store.withHead { state in
                let rows = (try state.value(adapters, [1]), try state.value(users, [2]))
                #expect(rows.0 == value && rows.1 == value)
            }
            try store.verifyRecords()
            if number % 4 == 3 { try store.prune(Retention(latest: 2, hourly: 0, daily: 0)) }
            for listing in try store.snapshots() { _ = try store.verify(listing.record.id) }
        }
        try store.rollback(
            to: try #require(store.snapshots().last).record.id, reason: "", who: "ops",
            wallTimeMs: 0)
        try store.verifyRecords()
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }

    @Test("a count of pieces that is not the record's is found by every check, whichever it is")
    func damagedCount() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var commit = Commit()
        commit.outbox = [
            OutboxMessage(topic: "out", key: [3], value: [UInt8](repeating: 0xab, count: 60_000))
        ]
        commit.changes.put(adapters, [1], [UInt8](repeating: 0xcd, count: 60_000))
        commit.snapshot = .at(minute: 1)
        try store.commit(commit)
        try store.close()
        let whole = try [UInt8](Data(contentsOf: URL(filePath: folder.data)))
        // The beginnings of long records: a version, the digest, the count, and what is in them.
        let places = whole.indices.dropLast(4_000).filter { place in
            (4...5).contains(whole[place])
                && [0xab, 0xcd].contains(whole[place + 400])
                && whole[(place + 400)..<(place + 600)].allSatisfy { $0 == whole[place + 400] }
                && (2 * RecordPiece.bytesMax...60_000).contains(count(whole, at: place))
        }
        #expect(Set(places.map { whole[$0] }) == [4, 5], "\(places)")
        for place in places {
            let piece = RecordPiece.bytesMax
            for other in [0, 1, piece, count(whole, at: place) - piece, 1 << 31] {
                var damaged = whole
                for byte in 0..<4 {
                    damaged[place + 33 + byte] = UInt8(truncatingIfNeeded: other >> (8 * byte))
                }
                try Data(damaged).write(to: URL(filePath: folder.data))
                #expect(throws: StoreError.self, "\(place): \(other)") {
                    try StoreCheck.run(folder.path)
                }
                #expect(throws: StoreError.self, "\(place): \(other)") {
                    let opened = try folder.open(mode: .readOnly)
                    try opened.verifyRecords()
                }
            }
        }
    }

    private func count(_ bytes: [UInt8], at place: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[place + 33 + $1]) << (8 * $1) }
    }

    @Test("a store of format 2, whose long records are in one piece each, goes on with all it held")
    func longRecords() throws {
        let folder = try ScratchFolder(holding: "format-2.mdb")
        _ = try StoreCheck.run(folder.path)
        var stream = CommitStream(seed: 5)
        for _ in 0..<15 { _ = stream.next(rows: 8) }
        // Read as it is; opened for writing it becomes one of the present format.
        let reader = try folder.open(mode: .readOnly)
        #expect(reader.identity.format == 2)
        try stream.expectHead(of: reader)
        try reader.verifyRecords()
        _ = try reader.verify("head")
        #expect(try reader.status().liveBytes > 0)
        try reader.close()
        // A rewrite, as a backup makes one, leaves it in its format.
        let rewritten = try SnapshotStore.rewrite(path: folder.path)
        #expect(rewritten.records > 100)
        let again = try folder.open(mode: .readOnly)
        #expect(again.identity.format == 2)
        try stream.expectHead(of: again)
        try again.close()
        let store = try folder.open()
        #expect(store.identity.format == StoreIdentity.formatVersion)
        try stream.expectHead(of: store)
        try store.verifyRecords()
        let snapshots = try store.snapshots()
        #expect(snapshots.count == 3)
        for snapshot in snapshots { _ = try store.verify(snapshot.record.id) }
        // Old chunks and new ones beside each other; then the old ones go.
        for minute in 10..<14 {
            var commit = stream.next(rows: 8)
            commit.snapshot = .at(minute: minute, isWhole: true)
            try store.commit(commit)
        }
        for snapshot in try store.snapshots() { _ = try store.verify(snapshot.record.id) }
        try store.prune(Retention(latest: 1, hourly: 0, daily: 0))
        try stream.expectHead(of: store)
        try store.verifyRecords()
        try store.close()
        _ = try StoreCheck.run(folder.path)
    }
}
