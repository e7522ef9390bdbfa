import Foundation
import Records
import SnapshotStore
import TestSupport
import Testing

/// Commits rows that are new until the store refuses; returns the refusal.
private func fill(_ store: SnapshotStore, _ commits: inout CommitStream) throws -> StoreError? {
    for _ in 0..<2_000 {
        var commit = commits.next(rows: 0)
        for _ in 0..<20 { commit.changes.put(posterior, commits.bytes(8), commits.bytes(3_000)) }
        do { try store.commit(commit, sync: false) } catch { return error }
    }
    return nil
}

@Suite struct RoomTests {
    @Test("at its quota the store refuses before anything is written, and goes on when it may")
    func quota() throws {
        let folder = ScratchFolder()
        var options = SnapshotStore.Options()
        options.bytesMax = 4 << 20
        var store = try folder.open(options)
        var commits = CommitStream(seed: 1)
        let refusal = try fill(store, &commits)
        guard case .quotaReached(folder.path, let used, 4 << 20) = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        let before = try store.status()
        #expect(before.fileBytes <= 4 << 20)
        #expect(used > 2 << 20)
        #expect(throws: StoreError.self) { try fill(store, &commits).map { throw $0 } }
        #expect(try store.status().sequence == before.sequence)
        try store.close()
        options.bytesMax = 6 << 20
        store = try folder.open(options)
        #expect(try store.commit(commits.next()).sequence == before.sequence + 1)
    }

    @Test("a disk that takes no more stops the commit with nothing lost, and it goes on with room")
    func fileLimit() async throws {
        await #expect(processExitsWith: .success) {
            let folder = ScratchFolder()
            let store = try folder.open()
            var commits = CommitStream(seed: 2)
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 2 << 20, rlim_max: rlim_t(Int64.max))
            var answer = unsafe setrlimit(__rlimit_resource_t(1), &limit)
            #expect(answer == 0)
            let refusal = try fill(store, &commits)
            #expect(refusal == .diskFull(path: folder.path))
            let before = try store.status()
            try store.withHead { state in try state.forEach(posterior) { _, _ in } }
            limit.rlim_cur = rlim_t(Int64.max)
            answer = unsafe setrlimit(__rlimit_resource_t(1), &limit)
            #expect(answer == 0)
            #expect(try store.commit(commits.next()).sequence == before.sequence + 1)
            try store.close()
            _ = try StoreCheck.run(folder.path)
        }
    }

    @Test(
        "a full file system stops the commit with nothing lost",
        .enabled(if: SmallDisk.mayMount, "\(SmallDisk.reason)"))
    func fullFileSystem() throws {
        let disk = try SmallDisk(megabytes: 3)
        let path = disk.path + "/store"
        let store = try SnapshotStore.open(path: path, mode: .readWrite, identity: testIdentity)
        var commits = CommitStream(seed: 3)
        let refusal = try fill(store, &commits)
        #expect(refusal == .diskFull(path: path))
        let before = try store.status()
        try store.withHead { state in try state.forEach(posterior) { _, _ in } }
        #expect(disk.resize(megabytes: 9))
        #expect(try store.commit(commits.next()).sequence == before.sequence + 1)
        try store.close()
        _ = try StoreCheck.run(path)
    }
}
