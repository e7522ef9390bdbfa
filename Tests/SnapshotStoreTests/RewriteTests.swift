import Foundation
import Records
import SnapshotStore
import Testing

private let gone = StateTable("gone", .keyed)

@Suite struct RewriteTests {
    private func file(_ folder: ScratchFolder) throws -> Data {
        try Data(contentsOf: URL(filePath: folder.data))
    }

    /// A store that has forgotten a good deal: rows, a snapshot, an owner.
    private func grown(_ folder: ScratchFolder) throws -> CommitStream {
        let store = try folder.open()
        var stream = CommitStream(seed: 41)
        for minute in 0..<60 {
            var commit = stream.next()
            commit.changes.put(gone, [1, 2, 3], Array("what is gone for good \(minute)".utf8))
            let owner = RowOwner(user: "ada")
            if minute < 50 { commit.changes.put(gone, [9, 9], Array("ada".utf8), owner: owner) }
            if minute == 50 {
                commit.changes.remove(gone, [9, 9])
                commit.changes.erase(owner)
            }
            if minute % 5 == 0 { commit.snapshot = .at(minute: minute, isWhole: minute % 10 == 0) }
            try store.commit(commit, sync: minute % 3 == 0)
        }
        var last = Commit()
        last.changes.remove(gone, [1, 2, 3])
        last.snapshot = .at(minute: 61)
        try store.commit(last)
        try store.prune(Retention(latest: 1, hourly: 0, daily: 0))
        try store.close()
        return stream
    }

    @Test("a rewritten store holds every record and nothing of what was deleted")
    func rewrites() throws {
        let folder = ScratchFolder()
        var stream = try grown(folder)
        let deleted = Data("what is gone for good 1".utf8)
        #expect(try file(folder).range(of: deleted) != nil)
        let before = try StoreCheck.run(folder.path)
        var undoless = SnapshotStore.Options()
        undoless.undoCommitsMax = 1
        var store = try folder.open(undoless)
        // Undo records hold what was there before; their horizon is an option of the store.
        for _ in 0..<30 { try store.commit(stream.next(rows: 1)) }
        try store.close()
        let report = try SnapshotStore.rewrite(path: folder.path)
        #expect(report.bytesAfter < report.bytesBefore)
        #expect(try file(folder).range(of: deleted) == nil)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!names.contains("rewriting"))
        let after = try StoreCheck.run(folder.path)
        #expect(after.sequence == before.sequence + 30)
        store = try folder.open()
        try stream.expectHead(of: store)
        for listing in try store.snapshots() { _ = try store.verify(listing.record.id) }
        for _ in 0..<5 { try store.commit(stream.next()) }
        try stream.expectHead(of: store)
        try store.close()
        #expect(try StoreCheck.run(folder.path).sequence == after.sequence + 5)
        // Once more, with hardly more commits than the copy needs itself.
        #expect(try SnapshotStore.rewrite(path: folder.path).records > 0)
        try stream.expectHead(of: try folder.open(mode: .readOnly))
    }

    @Test("a store that was just made is rewritten as well")
    func small() throws {
        let folder = ScratchFolder()
        try folder.open().close()
        _ = try SnapshotStore.rewrite(path: folder.path)
        let store = try folder.open()
        var stream = CommitStream(seed: 1)
        try store.commit(stream.next())
        try stream.expectHead(of: store)
    }

    @Test("while somebody has the store open nothing is rewritten")
    func inUse() async throws {
        let folder = ScratchFolder()
        _ = try grown(folder)
        let before = try file(folder)
        let writer = try folder.open()
        #expect(throws: StoreError.inUse(path: folder.path, process: getpid())) {
            try SnapshotStore.rewrite(path: folder.path)
        }
        try writer.close()
        // A reader in another process, until it is told to end.
        let (path, stop) = (folder.path, folder.path + "-stop")
        defer { try? FileManager.default.removeItem(atPath: stop) }
        async let reading = #expect(processExitsWith: .success) {
            [path = path as String, stop = stop as String] in
            let reader = try SnapshotStore.open(path: path, mode: .readOnly)
            #expect(FileManager.default.createFile(atPath: stop + ".open", contents: nil))
            let end = ContinuousClock.now + .seconds(600)
            while !FileManager.default.fileExists(atPath: stop), ContinuousClock.now < end {
                try reader.withHead { state in try state.forEach(items) { _, _ in } }
            }
            try FileManager.default.removeItem(atPath: stop + ".open")
        }
        let end = ContinuousClock.now + .seconds(600)
        while !FileManager.default.fileExists(atPath: stop + ".open"), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(throws: StoreError.readersPresent(path: folder.path)) {
            try SnapshotStore.rewrite(path: folder.path)
        }
        #expect(try file(folder) == before || (try StoreCheck.run(folder.path).records) > 0)
        #expect(FileManager.default.createFile(atPath: stop, contents: nil))
        _ = await reading
        _ = try SnapshotStore.rewrite(path: folder.path)
    }

    @Test("a damaged store is not rewritten, and what a stopped rewriting left does not matter")
    func damaged() throws {
        let folder = ScratchFolder()
        let stream = try grown(folder)
        let sound = try file(folder)
        var broken = sound
        for index in stride(from: 9_000, to: broken.count, by: 3_000) { broken[index] ^= 255 }
        try broken.write(to: URL(filePath: folder.data))
        let found = #expect(throws: StoreError.self) {
            try SnapshotStore.rewrite(path: folder.path)
        }
        guard case .damaged = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(try file(folder) == broken)
        try sound.write(to: URL(filePath: folder.data))
        try FileManager.default.createDirectory(
            atPath: folder.path + "/rewriting", withIntermediateDirectories: true)
        try Data("half a file".utf8).write(to: URL(filePath: folder.path + "/rewriting/data.mdb"))
        try stream.expectHead(of: try folder.open(mode: .readOnly))
        _ = try SnapshotStore.rewrite(path: folder.path)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/rewriting"))
    }
}
