import Foundation
import Records
import SnapshotStore
import Testing

@Suite struct ReaderTests {
    /// Commits that rewrite the same rows, so that a file whose pages are used again does not grow.
    private func commit(_ store: SnapshotStore, _ number: Int) throws {
        var commit = Commit()
        for row in 0..<50 as Range<UInt8> {
            commit.changes.put(
                posterior, [row], [UInt8](repeating: UInt8(number & 255), count: 2_000))
        }
        try store.commit(commit, sync: number % 20 == 0)
    }

    @Test("a reader that was killed does not keep the file growing")
    func staleReader() async throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        for number in 0..<50 { try commit(store, number) }
        let before = try store.status().fileBytes
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let reader = try SnapshotStore.open(path: path, mode: .readOnly)
            try reader.withHead { _ in _ = kill(getpid(), SIGKILL) }
        }
        for number in 0..<400 { try commit(store, number) }
        // The writer looks for dead readers when the file has grown by 16 MiB; 60 MB otherwise.
        let grown = try store.status().fileBytes - before
        #expect(grown > 8 << 20 && grown < 24 << 20, "\(grown) bytes")
    }

    @Test("another process reads snapshots beside the writer, and neither is in the other's way")
    func readersBesideAWriter() async throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var stream = CommitStream(seed: 17)
        func grow(_ minute: Int) throws {
            var commit = stream.next()
            commit.snapshot = .at(minute: minute)
            try store.commit(commit, sync: minute % 20 == 0)
            if minute % 10 == 0 { try store.prune(Retention(latest: 20, hourly: 0, daily: 0)) }
        }
        for minute in 0..<100 { try grow(minute) }
        let path = folder.path
        async let reading = #expect(processExitsWith: .success) { [path = path as String] in
            let reader = try SnapshotStore.open(path: path, mode: .readOnly)
            var seen = 0
            var last: UInt64 = 0
            // Until the writer has made 300 snapshots more, or the test's time is over.
            let end = ContinuousClock.now + .seconds(60)
            while last < 400, ContinuousClock.now < end {
                for listing in try reader.snapshots(limit: 5) {
                    do {
                        _ = try reader.verify(listing.record.id)
                        seen += 1
                    } catch StoreError.unknownReference {}
                }
                try reader.verifyRecords()
                last = try reader.status().sequence
            }
            #expect(last >= 400 && seen > 0)
        }
        let settled = try store.status().fileBytes
        for minute in 100..<400 { try grow(minute) }
        _ = await reading
        #expect(try store.snapshots().count <= 30)
        let grown = try store.status().fileBytes - settled
        #expect(grown < 8 << 20, "\(grown) bytes")
    }
}
