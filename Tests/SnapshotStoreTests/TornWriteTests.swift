import CCrashPoints
import Foundation
import Records
import SnapshotStore
import Testing

/// Power failures at every point of a recorded run, with whatever part of the writes under way.
@Suite(.serialized) struct TornWriteTests {
    /// How many states of the disk are tried between two syncs where there are too many for all of
    /// them; `TIDEMARK_TORN_STATES=500` for a long run.
    private static let samples =
        ProcessInfo.processInfo.environment["TIDEMARK_TORN_STATES"].flatMap(Int.init) ?? 4
    /// Up to so many things under way, every subset of them is tried.
    private static let exhaustive = samples >= 100 ? 10 : 4

    /// In memory where the system has such a folder: thousands of stores are made here.
    private static let images =
        FileManager.default.isWritableFile(atPath: "/dev/shm")
        ? "/dev/shm" : FileManager.default.temporaryDirectory.path

    private static let owned = StateTable("shoppers", .keyed, keys: .owner)

    /// What a run came to, commit by commit.
    private struct History {
        /// By the number of the commit.
        var streams = [CommitStream(seed: 77)]
        var digests: [Digest256] = [.zero]

        mutating func commit(to store: SnapshotStore, sync: Bool) throws {
            var stream = streams[streams.count - 1]
            var commit = stream.next(rows: 12)
            for number in 0..<4 {
                let owner = RowOwner(user: "user \(number)")
                commit.changes.put(
                    TornWriteTests.owned, owner.bytes, stream.bytes(60), owner: owner)
            }
            if stream.step % 4 == 0 {
                commit.snapshot = .at(minute: stream.step, isWhole: stream.step % 8 == 0)
            }
            Mark.began(UInt64(stream.step)).put()
            let info = try store.commit(commit, sync: sync)
            if sync { Mark.durable(info.sequence).put() }
            streams.append(stream)
            digests.append(info.stateDigest)
        }
    }

    /// What the run says of itself in the recording.
    private enum Mark {
        /// A commit is about to be made: from here on it may be found.
        case began(UInt64)
        /// A commit was acknowledged as durable: from here on it must be found.
        case durable(UInt64)

        func put() {
            switch self {
            case .began(let sequence): file_record_mark(2 * Int(sequence))
            case .durable(let sequence): file_record_mark(2 * Int(sequence) + 1)
            }
        }
    }

    /// Every way of losing what is under way, or seeded samples of them where there are many.
    private func fates(
        of count: Int, _ random: inout SeededRandom
    ) -> [[RecordedDisk.Fate]] {
        guard count > 0 else { return [[]] }
        if count <= Self.exhaustive {
            let subsets = (0..<1 << count).map { set in
                (0..<count).map { set >> $0 & 1 == 1 ? RecordedDisk.Fate.kept : .lost }
            }
            // The last one also cut anywhere and torn by sectors.
            let tears = (0..<Self.samples).map { _ in
                [RecordedDisk.Fate](repeating: .kept, count: count - 1) + [tear(&random)]
            }
            return subsets + tears
        }
        let steps = Self.samples >= 100 ? count : min(count, 2 * Self.samples)
        let prefixes = (0..<steps).map { step in
            let kept = count * (step + 1) / steps
            return (0..<count).map { $0 < kept ? RecordedDisk.Fate.kept : .lost }
        }
        let sampled = (0..<max(Self.samples, count / 4)).map { _ in
            let share = [0.03, 0.5, 0.9, 0.97][Int(random.next() % 4)]
            let torn = random.next() % 2 == 0
            return (0..<count).map { _ in
                if random.unit() < share { return RecordedDisk.Fate.kept }
                return torn && random.next() % 3 == 0 ? tear(&random) : .lost
            }
        }
        return prefixes + sampled
    }

    private func tear(_ random: inout SeededRandom) -> RecordedDisk.Fate {
        random.next() % 2 == 0
            ? .torn(sectors: UInt8(truncatingIfNeeded: random.next()))
            : .cut(bytes: 8 * Int(random.next() % 512))
    }

    /// Goes through a recording and has the power fail before every call that waits for the disk.
    ///
    /// - Parameters:
    ///   - window: the oldest commit that must be there and the newest that may be.
    ///   - check: is handed the files of each state.
    private func failEverywhere(
        _ recording: FileRecording, on disk: inout RecordedDisk,
        window: inout ClosedRange<UInt64>, _ random: inout SeededRandom,
        _ check: ([String: [UInt8]], ClosedRange<UInt64>) throws -> Void
    ) rethrows {
        for call in recording.calls {
            if case .mark(let mark) = call {
                let sequence = UInt64(mark / 2)
                window =
                    mark % 2 == 0
                    ? window.lowerBound...max(window.upperBound, sequence)
                    : max(window.lowerBound, sequence)...max(window.upperBound, sequence)
                continue
            }
            disk.begin(call)
            switch call {
            case .sync, .syncFolder, .write(_, _, _, true):
                for fate in fates(of: disk.pending.count, &random) {
                    try check(disk.afterFailure { fate[$0] }, window)
                }
            default: break
            }
            disk.finish(call)
        }
        for fate in fates(of: disk.pending.count, &random) {
            try check(disk.afterFailure { fate[$0] }, window)
        }
    }

    private func put(_ files: [String: [UInt8]], into folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        for (name, bytes) in files {
            if name.hasPrefix("rewriting/") {
                try FileManager.default.createDirectory(
                    atPath: folder + "/rewriting", withIntermediateDirectories: true)
            }
            try Data(bytes).write(to: URL(filePath: folder + "/" + name))
        }
    }

    private func open(_ folder: String) throws -> SnapshotStore {
        try SnapshotStore.open(path: folder, mode: .readWrite, identity: testIdentity)
    }

    /// Opens what a power failure left: everything of one of the commits in the window must be there.
    ///
    /// - Returns: the commit.
    @discardableResult
    private func expectSound(
        _ files: [String: [UInt8]], _ window: ClosedRange<UInt64>, _ history: History,
        goesOn: Bool, place: String
    ) throws -> UInt64? {
        let folder = Self.images + "/tidemark-torn-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try put(files, into: folder)
        let store: SnapshotStore
        do { store = try open(folder) } catch {
            Issue.record("\(place), \(window): \(error)")
            return nil
        }
        let status = try store.status()
        guard window.contains(status.sequence) else {
            Issue.record("\(place): commit \(status.sequence) is not in \(window)")
            return nil
        }
        var stream = history.streams[Int(status.sequence)]
        #expect(status.stateDigest == history.digests[Int(status.sequence)], "\(place)")
        try stream.expectHead(of: store)
        try store.verifyRecords()
        for listing in try store.snapshots() { _ = try store.verify(listing.record.id) }
        var sequence = status.sequence
        if goesOn {
            for _ in 0..<3 { try store.commit(stream.next(rows: 12)) }
            try stream.expectHead(of: store)
            sequence += 3
        }
        let digest = try store.status().stateDigest
        try store.close()
        // The walk without LMDB says the same.
        let report = try StoreCheck.run(folder)
        #expect(report.sequence == sequence && report.stateDigest == digest, "\(place)")
        return status.sequence
    }

    /// A run with all that a store does to its files.
    private func run(_ folder: String, _ history: inout History) throws {
        var store = try open(folder)
        Mark.durable(0).put()
        for _ in 0..<8 { try history.commit(to: store, sync: true) }
        try store.prune(Retention(latest: 1, hourly: 0, daily: 0))
        for _ in 0..<5 { try history.commit(to: store, sync: false) }
        try store.sync()
        Mark.durable(UInt64(history.streams.count - 1)).put()
        try store.keepWhole("head")
        for _ in 0..<4 { try history.commit(to: store, sync: false) }
        try store.keepWhole("head", sync: false)
        try history.commit(to: store, sync: true)
        try store.close()
        store = try open(folder)
        for _ in 0..<2 { try history.commit(to: store, sync: true) }
        for _ in 0..<6 { try history.commit(to: store, sync: false) }
        try store.close()
        Mark.durable(UInt64(history.streams.count - 1)).put()
    }

    @Test(
        "whatever part of the writes between two syncs reached the disk, the store opens with the last synced commit or a later one, whole"
    )
    func everyLegalState() throws {
        let folder = Self.images + "/tidemark-torn-run-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var history = History()
        let recording = try FileRecording(folder) { try run(folder, &history) }
        var random = SeededRandom(seed: 4)
        var disk = RecordedDisk()
        var window: ClosedRange<UInt64> = 0...0
        var reached: [Int: Int] = [:]
        var states = 0
        // Behind a clean close the data file is known by its marker alone: it must be whole then.
        var marked: [UInt8]?
        try failEverywhere(recording, on: &disk, window: &window, &random) { files, window in
            states += 1
            if let data = files["data.mdb"], files["clean"] != nil {
                #expect(marked == nil || marked == data, "a marked file changed")
                marked = data
            } else {
                marked = nil
            }
            let found = try expectSound(
                files, window, history, goesOn: states % 3 == 0, place: "state \(states)")
            if let found { reached[Int(found - window.lowerBound), default: 0] += 1 }
        }
        // The recording is complete: after the last call the disk has what the file has.
        let whole = disk.afterFailure { _ in .kept }
        #expect(
            whole["data.mdb"] == [UInt8](try Data(contentsOf: URL(filePath: folder + "/data.mdb"))))
        #expect(whole["clean"] != nil && whole["synced-root"] == nil)
        #expect(window == 26...26)
        // Both kinds are there: those that had only the last synced commit, and later ones.
        #expect(reached[0, default: 0] > 50 && reached.count > 4, "\(reached)")
        print("\(states) states of the disk; commits beyond the last synced one: \(reached)")
    }

    @Test("a power failure while an unclean store is repaired leaves one that is repaired again")
    func failureWhileRepairing() throws {
        let folder = Self.images + "/tidemark-torn-run-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var history = History()
        let recording = try FileRecording(folder) {
            let store = try open(folder)
            for _ in 0..<3 { try history.commit(to: store, sync: true) }
            for _ in 0..<6 { try history.commit(to: store, sync: false) }
            try store.close()
        }
        // The state before the last sync, with the roots there and most of their pages not.
        var disk = RecordedDisk()
        let lastSync = try #require(
            recording.calls.lastIndex { if case .sync = $0 { true } else { false } })
        let syncs = recording.calls.indices.filter {
            if case .sync = recording.calls[$0] { $0 <= lastSync } else { false }
        }
        var window: ClosedRange<UInt64> = 3...9
        for index in 0..<(syncs.last ?? 0) {
            disk.begin(recording.calls[index])
            disk.finish(recording.calls[index])
        }
        var random = SeededRandom(seed: 5)
        var states = 0
        for _ in 0..<max(3, Self.samples) {
            let share = random.unit()
            let fate = disk.pending.map { one in
                // The roots are pages 0 and 1.
                if case .write(_, 0..<8_192, _) = one { return RecordedDisk.Fate.kept }
                return random.unit() < share ? .kept : .lost
            }
            let torn = disk.afterFailure { fate[$0] }
            let second = Self.images + "/tidemark-torn-again-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: second) }
            try put(torn, into: second)
            var repaired = RecordedDisk(torn)
            let repair = try FileRecording(second, names: repaired.names) {
                try open(second).close()
            }
            try failEverywhere(repair, on: &repaired, window: &window, &random) { files, window in
                states += 1
                try expectSound(
                    files, window, history, goesOn: states % 3 == 0, place: "repair \(states)")
            }
        }
        print("\(states) states of the disk while it was repaired")
    }

    @Test("a power failure while the file is rewritten leaves the old file or the new one, whole")
    func failureWhileRewriting() throws {
        let folder = Self.images + "/tidemark-torn-run-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var history = History()
        let made = try FileRecording(folder) {
            let store = try open(folder)
            for _ in 0..<12 { try history.commit(to: store, sync: false) }
            try store.close()
        }
        var before = RecordedDisk()
        for call in made.calls {
            before.begin(call)
            before.finish(call)
        }
        var disk = RecordedDisk(before.afterFailure { _ in .kept })
        let rewriting = try FileRecording(folder, names: disk.names) {
            _ = try SnapshotStore.rewrite(path: folder)
        }
        var window: ClosedRange<UInt64> = 12...12
        var random = SeededRandom(seed: 6)
        var states = 0
        try failEverywhere(rewriting, on: &disk, window: &window, &random) { files, window in
            states += 1
            try expectSound(
                files, window, history, goesOn: states % 3 == 0, place: "rewrite \(states)")
        }
        #expect(
            disk.afterFailure { _ in .kept }["data.mdb"]
                == [UInt8](try Data(contentsOf: URL(filePath: folder + "/data.mdb"))))
        print("\(states) states of the disk while the file was rewritten")
    }
}
