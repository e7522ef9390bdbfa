import Records
import SnapshotStore
import Testing

@Suite struct CommitTests {
    @Test("what random commits leave is there after reopening, and the whole store checks out")
    func randomCommits() throws {
        let folder = ScratchFolder()
        var stream = CommitStream(seed: 11)
        var last: CommitInfo?
        for round in 0..<6 {
            let store = try folder.open()
            for _ in 0..<25 { last = try store.commit(stream.next(), sync: round % 2 == 0) }
            try store.close()
            let report = try StoreCheck.run(folder.path)
            #expect(report.stateDigest == last?.stateDigest)
            #expect(report.sequence == last?.sequence)
        }
    }
}
