import Foundation
import Records
import SnapshotStore
import Testing

/// The stream as it was after a number of commits.
private func stream(seed: UInt64, through sequence: UInt64) -> CommitStream {
    var stream = CommitStream(seed: seed)
    for _ in 0..<sequence { _ = stream.next() }
    return stream
}

@Suite struct CrashTests {
    @Test(
        "killed at random instants, the store is at the last acknowledged commit or the one after")
    func kills() async throws {
        let folder = ScratchFolder()
        try folder.open().close()
        let acknowledged = folder.path + "-acknowledged"
        defer { try? FileManager.default.removeItem(atPath: acknowledged) }
        var opened: UInt64 = 0
        var random = SeededRandom(seed: 99)
        for round in 0..<20 * roundsFactor {
            let (path, syncs) = (folder.path, round % 2 == 0)
            let delayUs = random.next() % 30_000
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    path = path as String, acknowledged = acknowledged as String,
                    syncs = syncs as Bool,
                    delayUs = delayUs as UInt64
                ] in
                let store = try SnapshotStore.open(path: path, mode: .readWrite)
                var commits = stream(seed: 7, through: try store.status().sequence)
                let file = try #require(
                    FileHandle(forWritingAtPath: acknowledged)
                        ?? (FileManager.default.createFile(atPath: acknowledged, contents: nil)
                            ? FileHandle(forWritingAtPath: acknowledged) : nil))
                Thread.detachNewThread {
                    usleep(UInt32(delayUs))
                    kill(getpid(), SIGKILL)
                }
                while true {
                    var commit = commits.next()
                    if commits.step % 5 == 0 { commit.snapshot = .at(minute: commits.step) }
                    let info = try store.commit(commit, sync: syncs)
                    try file.seek(toOffset: 0)
                    file.write(Data("\(info.sequence)\n".utf8))
                }
            }
            let text = (try? String(contentsOfFile: acknowledged, encoding: .utf8)) ?? "0"
            let known = max(opened, UInt64(text.prefix { $0.isNumber }) ?? 0)
            let store = try folder.open()
            let sequence = try store.status().sequence
            #expect(sequence == known || sequence == known + 1, "round \(round)")
            #expect(sequence >= opened)
            opened = sequence
            try stream(seed: 7, through: sequence).expectHead(of: store)
            for listing in try store.snapshots(limit: 3) {
                _ = try store.verify(listing.record.id)
            }
            try store.close()
        }
        #expect(opened > 20, "the processes were killed before they did anything")
    }

    /// The data file after each commit.
    private struct Recording {
        var files: [[UInt8]] = []
        var syncedRoot: Data?

        mutating func note(_ folder: ScratchFolder) throws {
            files.append([UInt8](try Data(contentsOf: URL(filePath: folder.data))))
        }

        /// A file whose every piece is from any of the versions `range`: what may be on a disk whose
        /// writes were under way in any order when the power failed.
        ///
        /// - Parameter newest: The share of the pieces that are of the last version for certain.
        func torn(
            _ range: ClosedRange<Int>, pieceBytes: Int, newest: Double, roots: Int?,
            _ random: inout SeededRandom
        ) -> [UInt8] {
            let count = files[range].map(\.count).max() ?? 0
            var torn = [UInt8](repeating: 0, count: count)
            for start in stride(from: 0, to: count, by: pieceBytes) {
                var version = range.lowerBound + Int(random.next() % UInt64(range.count))
                if random.unit() < newest { version = range.upperBound }
                if start < 8_192, let roots { version = roots }
                let source = files[version]
                for index in start..<max(start, min(start + pieceBytes, source.count)) {
                    torn[index] = source[index]
                }
            }
            return torn
        }
    }

    @Test("whichever unsynced writes reached the disk, the last synced commit or a later one opens")
    func tornUnsyncedWrites() throws {
        var random = SeededRandom(seed: 31)
        var reached: [UInt64: Int] = [:]
        for round in 0..<12 * roundsFactor {
            let folder = ScratchFolder()
            var commits = CommitStream(seed: UInt64(round))
            let store = try folder.open()
            for _ in 0..<3 + round % 4 { try store.commit(commits.next()) }
            let synced = try store.status().sequence
            var recording = Recording()
            try recording.note(folder)
            for _ in 0..<6 {
                try store.commit(commits.next(), sync: false)
                try recording.note(folder)
            }
            let root = try Data(contentsOf: URL(filePath: folder.path + "/synced-root"))
            try store.close()
            for _ in 0..<8 {
                let last = Int(random.next() % 7)
                let torn = recording.torn(
                    0...last, pieceBytes: random.next() % 2 == 0 ? 4_096 : 512,
                    newest: [0, 0.99, 0.999, 1][Int(random.next() % 4)], roots: nil, &random)
                let sequence = try reopen(torn, root, seed: UInt64(round))
                #expect(sequence >= synced && sequence <= synced + 6, "round \(round)")
                reached[sequence - synced, default: 0] += 1
            }
        }
        #expect(reached[0] != nil && reached.count > 1, "\(reached)")
    }

    @Test(
        "whichever writes of a synced commit reached the disk, that commit or the one before opens")
    func tornSyncedWrites() throws {
        var random = SeededRandom(seed: 32)
        for round in 0..<12 * roundsFactor {
            let folder = ScratchFolder()
            var commits = CommitStream(seed: UInt64(round))
            let store = try folder.open()
            var recording = Recording()
            for _ in 0..<6 {
                try store.commit(commits.next())
                try recording.note(folder)
            }
            try store.close()
            for before in 0..<5 {
                // LMDB writes pages, waits for the disk, then writes the root.
                let torn = recording.torn(
                    before...before + 1, pieceBytes: 512, newest: 0.5, roots: before, &random)
                #expect(try reopen(torn, nil, seed: UInt64(round)) == UInt64(before) + 1)
            }
        }
    }

    /// Puts a file as a power failure left it into a store and opens it: at which commit?
    private func reopen(_ data: [UInt8], _ root: Data?, seed: UInt64) throws -> UInt64 {
        let folder = ScratchFolder()
        try folder.open().close()
        try Data(data).write(to: URL(filePath: folder.data))
        try root?.write(to: URL(filePath: folder.path + "/synced-root"))
        var store = try folder.open()
        let sequence = try store.status().sequence
        var commits = stream(seed: seed, through: sequence)
        try commits.expectHead(of: store)
        // What was recovered is one to build on.
        for _ in 0..<3 { try store.commit(commits.next()) }
        try commits.expectHead(of: store)
        try store.close()
        #expect(try StoreCheck.run(folder.path).sequence == sequence + 3)
        store = try folder.open()
        return sequence
    }

    @Test("a reader without the right to repair says that a writer must open the store first")
    func readerBeforeRecovery() async throws {
        let folder = ScratchFolder()
        var commits = CommitStream(seed: 1)
        let store = try folder.open()
        try store.commit(commits.next())
        let first = try Data(contentsOf: URL(filePath: folder.data))
        for _ in 0..<3 { try store.commit(commits.next(), sync: false) }
        let root = try Data(contentsOf: URL(filePath: folder.path + "/synced-root"))
        var torn = try Data(contentsOf: URL(filePath: folder.data))
        try store.close()
        // Both roots are new, and nothing else of the three commits reached the disk.
        torn.replaceSubrange(8_192..<first.count, with: first[8_192...])
        torn.replaceSubrange(first.count..., with: Data(count: torn.count - first.count))
        try torn.write(to: URL(filePath: folder.data))
        try root.write(to: URL(filePath: folder.path + "/synced-root"))
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o444], ofItemAtPath: folder.path + "/" + name)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            if geteuid() == 0 { #expect(setgid(65_534) == 0 && setuid(65_534) == 0) }
            #expect(throws: StoreError.needsRecovery(path: path)) {
                try SnapshotStore.open(path: path, mode: .readOnly)
            }
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: folder.path + "/" + name)
        }
        #expect(try folder.open().status().sequence == 1)
    }
}
