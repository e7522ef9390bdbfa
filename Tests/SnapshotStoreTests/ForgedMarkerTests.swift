import Foundation
import Records
import SnapshotStore
import Testing

/// Damage under a note that says that the store was closed cleanly, made to fit the damaged file.
@Suite struct ForgedMarkerTests {
    /// Damages, a command for each; `TIDEMARK_TEST_ROUNDS=10` for ten times as many.
    private static let rounds = 200 * roundsFactor

    /// As `CleanMarker` writes it.
    private func forge(_ folder: ScratchFolder) throws {
        var status = stat()
        #expect(unsafe stat(folder.data, &status) == 0)
        func ns(_ time: timespec) -> Int64 {
            Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
        let text =
            "closed cleanly\nbytes \(status.st_size)\ninode \(status.st_ino)\n"
            + "modified \(ns(status.st_mtim))\nchanged \(ns(status.st_ctim))\n"
        try Data(text.utf8).write(to: URL(filePath: folder.path + "/clean"))
    }

    private func grown(_ folder: ScratchFolder) throws -> [UInt8] {
        let store = try folder.open()
        var stream = CommitStream(seed: 12)
        for round in 0..<60 {
            var commit = stream.next(rows: 40)
            if round % 10 == 0 { commit.snapshot = .at(minute: round) }
            try store.commit(commit, sync: false)
        }
        try store.prune(Retention(latest: 3, hourly: 0, daily: 0))
        try store.close()
        return [UInt8](try Data(contentsOf: URL(filePath: folder.data)))
    }

    private func put(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
        // In place, so that a process that has it open sees it.
        let file = try FileHandle(forUpdating: URL(filePath: folder.data))
        try file.truncate(atOffset: UInt64(bytes.count))
        try file.seek(toOffset: 0)
        try file.write(contentsOf: bytes)
        try file.close()
        try? FileManager.default.removeItem(atPath: folder.path + "/synced-root")
        try forge(folder)
    }

    private static let commands: [[String]] = [
        ["snapshots", "list"], ["snapshots", "show", "head"], ["snapshots", "verify"],
        ["snapshots", "diff", "head~1", "head", "--items", "0"],
        ["rollback", "head~1", "--reason", "x"], ["snapshots", "tag", "head", "name"],
        ["snapshots", "prune", "--latest", "1", "--hourly", "0", "--daily", "0"],
    ]

    @Test(
        "a damaged store with a forged marker ends a command with 65 and a sentence, never with a signal"
    )
    func commands() throws {
        let folder = ScratchFolder()
        let sound = try grown(folder)
        var random = SeededRandom(seed: 5)
        var refused = 0
        for round in 0..<Self.rounds {
            let (kind, damaged) = Damage.apply(sound, &random)
            try put(damaged, folder)
            let command = Self.commands[round % Self.commands.count]
            let outcome = try tidemark(command + ["--store", folder.path])
            #expect(
                !outcome.isSignal && [0, 65].contains(outcome.status),
                "round \(round), \(kind), \(command): \(outcome.status) \(outcome.errors)")
            if outcome.status == 65 {
                refused += 1
                #expect(outcome.errors.contains(folder.path), "\(outcome.errors)")
            }
        }
        #expect(refused > Self.rounds / 5, "only \(refused) fell on what is in use")
    }

    @Test("so does one that is cut short or empty")
    func truncated() throws {
        let folder = ScratchFolder()
        let sound = try grown(folder)
        for count in [0, 1, 4_096, 8_192, sound.count / 2, sound.count - 4_096] {
            try put(Array(sound[..<count]), folder)
            for command in Self.commands {
                let outcome = try tidemark(command + ["--store", folder.path])
                #expect(
                    outcome.status == 65 && !outcome.isSignal,
                    "\(count) bytes, \(command): \(outcome.status) \(outcome.errors)")
            }
        }
    }

    @Test("and a reader beside a process that has the store open for writing")
    func besideWriter() async throws {
        let folder = ScratchFolder()
        let sound = try grown(folder)
        // The writer reads nothing of what is damaged, and holds the lock.
        let writer = try folder.open()
        defer { withExtendedLifetime(writer) {} }
        var random = SeededRandom(seed: 6)
        var refused = 0
        let reading = [Self.commands[0], Self.commands[1], Self.commands[2], Self.commands[3]]
        for round in 0..<Self.rounds / 4 {
            let (kind, bytes) = Damage.apply(sound, &random)
            var damaged = bytes
            // Of the same length, and with both roots: those LMDB itself has in memory.
            if damaged.count < sound.count { damaged += sound[damaged.count...] }
            damaged.replaceSubrange(0..<8_192, with: sound[0..<8_192])
            try put(damaged, folder)
            let command = reading[round % reading.count]
            let outcome = try tidemark(command + ["--store", folder.path])
            #expect(
                !outcome.isSignal && [0, 65].contains(outcome.status),
                "round \(round), \(kind), \(command): \(outcome.status) \(outcome.errors)")
            if outcome.status == 65 { refused += 1 }
        }
        try put(sound, folder)
        #expect(refused > 1)
    }

    @Test("a store open for writing is read by others through a thousand commits")
    func readersBesideCommits() async throws {
        let folder = ScratchFolder()
        _ = try grown(folder)
        let store = try folder.open()
        let path = folder.path
        let stop = folder.path + "/stop"
        async let reader: ExitTest.Result? = #expect(processExitsWith: .success) {
            [path = path as String, stop = stop as String] in
            for _ in 0..<100_000 where !FileManager.default.fileExists(atPath: stop) {
                let store = try SnapshotStore.open(path: path, mode: .readOnly)
                _ = try store.status()
                try store.close()
            }
        }
        var stream = CommitStream(seed: 13)
        for _ in 0..<1_000 { try store.commit(stream.next(), sync: false) }
        #expect(FileManager.default.createFile(atPath: stop, contents: nil))
        _ = await reader
        try store.close()
    }
}
