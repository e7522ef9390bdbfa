import Daemon
import Foundation
import Records
import SnapshotStore
import Synchronization
import Testing

@Suite(.serialized) struct ReaderLoopTests {
    /// How long readers are at it; `TIDEMARK_READER_SECONDS=600` for ten minutes.
    private static let seconds =
        ProcessInfo.processInfo.environment["TIDEMARK_READER_SECONDS"].flatMap(Int.init) ?? 5
    private static let slice = 400

    private static let settings =
        ShopStream.overrides.filter { !$0.hasPrefix("store.") } + [
            "store.commit_events=100", "store.snapshot_events=400", "store.keep_latest=10",
            "store.keep_hourly=0", "store.keep_daily=0", "store.commit_interval=50ms",
            "store.snapshot_interval=1h", "lora.refresh_events=1000000", "lora.refresh_texts=0",
            // What is learned with stays the same, so that what grows is the store's doing.
            "guards.replay_examples=1000", "guards.replay_recent=500",
        ]

    /// What one round of reading came to.
    private struct Reading {
        var rounds = 0
        var verified = 0
        var longestMs = 0.0
    }

    @Test(
        "snapshots are read in a loop beside a learning daemon: it never waits for them, and the file stays within its retention"
    )
    func readsBeside() throws {
        let fixture = try DaemonFixture(partitions: 1)
        try FileManager.default.createDirectory(
            atPath: fixture.folder, withIntermediateDirectories: true)
        let daemon = DaemonProcess(
            overrides: try fixture.overrides(Self.settings), log: fixture.folder + "/log")
        // The same shoppers all the time: the state does not grow with the events.
        var shop = ShopStream(seed: 71, mixed: false)
        try fixture.send(shop.next(12_000), partition: 0)
        try daemon.keepRunning()
        defer { daemon.end(SIGKILL) }
        try status(fixture.store, "the first events") { $0.events == shop.count }
        // This process is the reader; the daemon is the writer.
        let store = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        let before = try store.status()
        var reading = Reading()
        try expectProgressDuringRead(store, fixture, &shop)
        let end = ContinuousClock.now + .seconds(Self.seconds)
        var (largest, unused) = (before.fileBytes, 0)
        var longestCommitMs = 0.0
        var (sequence, since) = (try store.status().sequence, ContinuousClock.now)
        while ContinuousClock.now < end {
            try fixture.send(shop.next(Self.slice), partition: 0)
            var learned = false
            while !learned {
                try read(store, &reading)
                let now = try store.status()
                largest = max(largest, now.fileBytes)
                unused = max(unused, now.fileBytes - now.liveBytes)
                if now.sequence != sequence {
                    // From sending to the first commit, and from one commit to the next.
                    longestCommitMs = max(
                        longestCommitMs, since.duration(to: .now).inSeconds * 1000)
                    (sequence, since) = (now.sequence, .now)
                }
                learned = try status(fixture.store, "the daemon") { _ in true }.events == shop.count
            }
            since = .now
        }
        #expect(reading.rounds > 0 && reading.verified > 0)
        #expect(try store.snapshots().count <= 12)
        // Room for the pages that a read of some moments keeps, not for the commits made meanwhile.
        let after = try store.status()
        #expect(unused < 48 << 20, "\(unused) bytes")
        let grown = after.liveBytes - before.liveBytes
        #expect(grown < 16 << 20, "\(grown) bytes, from \(before.liveBytes)")
        try store.close()
        daemon.end(SIGTERM)
        #expect(daemon.unexpected.isEmpty, "\(daemon.lastLines)")
        let reopened = try SnapshotStore.open(path: fixture.store, mode: .readOnly)
        try reopened.verifyRecords()
        print(
            "\(shop.count) events, \(sequence - before.sequence) commits, \(reading.rounds) rounds of reading, "
                + "\(reading.verified) snapshots verified; longest read \(Int(reading.longestMs)) ms, "
                + "longest time to a commit \(Int(longestCommitMs)) ms; "
                + "file \(before.fileBytes / 1_000_000) MB, at most \(largest / 1_000_000) MB; in use "
                + "\(before.liveBytes / 1_000_000) MB, then \(after.liveBytes / 1_000_000) MB")
    }

    /// While one view is held open, the daemon commits.
    private func expectProgressDuringRead(
        _ store: SnapshotStore, _ fixture: DaemonFixture, _ shop: inout ShopStream
    ) throws {
        try fixture.send(shop.next(Self.slice), partition: 0)
        let count = shop.count
        try store.withHead { state in
            let old = try store.status().sequence
            try status(fixture.store, "commits beside an open view") { $0.events == count }
            _ = try eventually("a commit beside an open view") {
                try store.status().sequence > old ? true : nil
            }
            // The view is still what it was.
            try state.forEach(StateTable("shoppers", .keyed, keys: .owner)) { _, _ in }
        }
    }

    /// What a person or a script does: list, verify, compare.
    private func read(_ store: SnapshotStore, _ reading: inout Reading) throws {
        let start = ContinuousClock.now
        for listing in try store.snapshots(limit: 3) {
            do {
                _ = try store.verify(listing.record.id)
                reading.verified += 1
            } catch StoreError.unknownReference {
                // Pruned since it was listed.
            }
        }
        do { _ = try store.diff("head~1", "head") } catch StoreError.badReference {}
        reading.rounds += 1
        reading.longestMs = max(reading.longestMs, start.duration(to: .now).inSeconds * 1000)
    }
}
