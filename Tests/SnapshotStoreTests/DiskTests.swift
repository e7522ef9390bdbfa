import Foundation
import Records
import SnapshotStore
import TestSupport
import Testing

/// Disks that are full, may not be written, or go away: real ones, of a few megabytes.
@Suite struct DiskTests {
    /// A store with five snapshots in a folder `store` of the disk.
    ///
    /// - Parameter unclean: left by a process that did not close it.
    private func grown(on disk: SmallDisk, unclean: Bool = false) async throws -> String {
        let path = disk.path + "/store"
        await #expect(processExitsWith: .success) {
            [path = path as String, unclean = unclean as Bool] in
            let store = try SnapshotStore.open(
                path: path, mode: .readWrite, identity: testIdentity)
            var stream = CommitStream(seed: 6)
            for round in 0..<5 {
                try store.commit(stream.next())
                var commit = stream.next()
                commit.snapshot = .at(minute: round, isChampion: round == 1)
                try store.commit(commit)
            }
            if unclean { _exit(0) }
            try store.close()
        }
        return path
    }

    private func requireReadable(_ store: String) throws {
        for command in [
            ["list"], ["show", "head"], ["diff", "head~1", "head", "--items", "0"], ["verify"],
            ["prune", "--latest", "1", "--hourly", "0", "--daily", "0", "--dry-run"],
        ] {
            let outcome = try tidemark(["snapshots"] + command + ["--store", store])
            #expect(outcome.status == 0 && !outcome.isSignal, "\(command): \(outcome.errors)")
        }
        let dry = try tidemark("rollback", "head~1", "--dry-run", "--store", store)
        #expect(dry.status == 0 && !dry.isSignal, "\(dry.errors)")
    }

    private func requireUnavailable(_ arguments: [String], _ words: String...) throws {
        let outcome = try tidemark(arguments)
        #expect(outcome.status == 69 && !outcome.isSignal, "\(arguments): \(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    }

    @Test(
        "on a full disk everything can be read, after an unclean stop and without the files of locks too",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"), arguments: [false, true],
        [[], ["lock.mdb"], ["lock.mdb", "writer.lock"]])
    func fullDiskRead(unclean: Bool, missing: [String]) async throws {
        let disk = try SmallDisk(megabytes: 4)
        let store = try await grown(on: disk, unclean: unclean)
        for name in missing { try FileManager.default.removeItem(atPath: store + "/" + name) }
        try disk.fill()
        try requireReadable(store)
        try disk.empty()
        try requireReadable(store)
    }

    @Test(
        "what writes says on a full disk which path is full, with 69, changes nothing, and works when there is room",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"))
    func fullDiskWrite() async throws {
        let disk = try SmallDisk(megabytes: 4)
        let store = try await grown(on: disk)
        let prune = [
            "snapshots", "prune", "--latest", "1", "--hourly", "0", "--daily", "0", "--store",
            store,
        ]
        let before = try StoreCheck.run(store)
        try FileManager.default.removeItem(atPath: store + "/lock.mdb")
        try disk.fill()
        try requireUnavailable(prune, disk.path, "is full", "make room")
        try requireUnavailable(["snapshots", "tag", "head", "x", "--store", store], "is full")
        try requireUnavailable(
            ["rollback", "head~1", "--reason", "x", "--store", store], "is full")
        #expect(try StoreCheck.run(store) == before)
        try disk.empty()
        let done = try tidemark(prune)
        #expect(done.status == 0, "\(done.errors)")
        _ = try StoreCheck.run(store)
    }

    @Test(
        "pruning that runs out of room while it writes the file anew ends with 69, and the file is as it was",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"), arguments: [0, 40, 200, 400])
    func pruneRunsOut(kilobytesFree: Int) async throws {
        let disk = try SmallDisk(megabytes: 4)
        let store = try await grown(on: disk)
        try disk.fill()
        let filler = try FileHandle(forUpdating: URL(filePath: disk.path + "/filler"))
        let end = try filler.seekToEnd()
        try filler.truncate(atOffset: end - UInt64(kilobytesFree * 1024))
        // Nothing is beyond it: the file alone is written anew.
        let outcome = try tidemark("snapshots", "prune", "--latest", "9", "--store", store)
        #expect(outcome.status == 69 && !outcome.isSignal, "\(outcome.status) \(outcome.errors)")
        #expect(outcome.errors.contains("is full"))
        _ = try StoreCheck.run(store)
        try requireReadable(store)
        try disk.empty()
        try requireReadable(store)
    }

    @Test(
        "a disk that may only be read is read, whatever is missing on it; what writes says so with 69",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"), arguments: [false, true],
        [[], ["lock.mdb", "writer.lock"]])
    func readOnly(unclean: Bool, missing: [String]) async throws {
        let disk = try SmallDisk(megabytes: 4)
        let store = try await grown(on: disk, unclean: unclean)
        for name in missing { try FileManager.default.removeItem(atPath: store + "/" + name) }
        #expect(disk.remountReadOnly())
        try requireReadable(store)
        for command in [
            ["snapshots", "tag", "head", "x"], ["rollback", "head~1", "--reason", "x"],
            ["snapshots", "prune"],
        ] {
            try requireUnavailable(command + ["--store", store], store, "Read-only")
        }
    }

    @Test("what cannot be printed ends a command with 69")
    func standardOutput() throws {
        let folder = ScratchFolder()
        try folder.open().close()
        let outcome = try tidemark(
            "snapshots", "list", "--store", folder.path, standardOutput: "/dev/full")
        #expect(outcome.status == 69 && outcome.errors.contains("No space left"))
    }

    @Test("a store whose files are taken away while it is open refuses the next commit")
    func gone() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        var stream = CommitStream(seed: 1)
        try store.commit(stream.next())
        let elsewhere = ScratchFolder()
        try FileManager.default.moveItem(atPath: folder.path, toPath: elsewhere.path)
        #expect(throws: StoreError.gone(path: folder.path)) { try store.commit(stream.next()) }
        try FileManager.default.moveItem(atPath: elsewhere.path, toPath: folder.path)
        try store.commit(stream.next())
        // Another file under the same name is no better.
        try FileManager.default.copyItem(atPath: folder.data, toPath: folder.path + "/copy")
        try FileManager.default.removeItem(atPath: folder.data)
        try FileManager.default.moveItem(atPath: folder.path + "/copy", toPath: folder.data)
        #expect(throws: StoreError.gone(path: folder.path)) { try store.commit(stream.next()) }
    }

    @Test("a store and its copy are their user's alone, whatever the umask")
    func modes() async throws {
        let folder = ScratchFolder()
        let path = folder.path
        await #expect(processExitsWith: .success) { [path = path as String] in
            umask(0)
            let store = try SnapshotStore.open(
                path: path + "/deep/store", mode: .readWrite, identity: testIdentity)
            var stream = CommitStream(seed: 1)
            try store.commit(stream.next(), sync: false)
            try store.copy(to: path + "/copy")
            try store.close()
            let copy = try SnapshotStore.open(path: path + "/copy", mode: .readWrite)
            try copy.close()
            for name in ["/deep/store", "/copy"] {
                let files = try FileManager.default.contentsOfDirectory(atPath: path + name)
                for file in [""] + files {
                    let attributes = try FileManager.default.attributesOfItem(
                        atPath: path + name + "/" + file)
                    let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue
                    #expect(mode == (file.isEmpty ? 0o700 : 0o600), "\(name)/\(file)")
                }
            }
        }
    }
}
