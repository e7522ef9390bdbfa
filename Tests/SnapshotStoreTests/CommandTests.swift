import Foundation
import Records
import SnapshotStore
import Testing

@Suite struct CommandTests {
    private func grown(_ folder: ScratchFolder) throws -> [SnapshotRecord] {
        let store = try folder.open()
        var stream = CommitStream(seed: 6)
        var records: [SnapshotRecord] = []
        for round in 0..<5 {
            try store.commit(stream.next())
            var commit = stream.next()
            commit.snapshot = .at(minute: round, isChampion: round == 1)
            records.append(try #require(try store.commit(commit).snapshot))
        }
        try store.close()
        return records
    }

    @Test("snapshots are listed, shown, named, compared, verified and pruned")
    func snapshots() throws {
        let folder = ScratchFolder()
        let records = try grown(folder)
        let table = try tidemark("snapshots", "list", "--store", folder.path)
        #expect(table.status == 0)
        let lines = table.output.split(separator: "\n")
        #expect(lines.count == 7)
        #expect(lines[2].contains(records[4].id) && lines[2].hasSuffix("head"))
        #expect(lines[5].contains("2023-11-14 22:14:20 to now") && lines[5].hasSuffix("champion"))

        let listed = try tidemark("snapshots", "list", "--json", "--store", folder.path).json()
        let entries = try #require(listed["snapshots"] as? [[String: Any]])
        #expect(entries.map { $0["id"] as? String } == records.reversed().map(\.id))

        #expect(
            try tidemark("snapshots", "tag", "head~2", "before-sale", "--store", folder.path).status
                == 0)
        let shown = try tidemark(
            "snapshots", "show", "before-sale", "--json", "--store", folder.path
        )
        .json()
        #expect(shown["id"] as? String == records[2].id)
        #expect(shown["state_sha256"] as? String == records[2].stateDigest.hex)
        #expect(shown["parent"] as? String == records[1].id)
        #expect(shown["tags"] as? [String] == ["before-sale"])
        #expect(shown["champion"] as? Bool == false)
        #expect((shown["metrics"] as? [String: Double])?["ne"] == 0.87)
        let offsets = try #require(shown["offsets"] as? [String: [String: Int]])
        #expect(offsets == ["clicks": ["0": 6, "1": 4, "2": 5]])
        let words = try tidemark("snapshots", "show", "champion", "--store", folder.path)
        #expect(words.output.contains(records[1].id) && words.output.contains("lora.rank: 8"))

        let compared = try tidemark(
            "snapshots", "diff", "champion", "head", "--json", "--store", folder.path
        ).json()
        #expect(compared["commits"] as? Int == 6)
        #expect((compared["tables"] as? [Any])?.count == 2)
        let verified = try tidemark("snapshots", "verify", "--store", folder.path)
        #expect(verified.status == 0 && verified.output.contains("5 snapshots are sound"))

        let pruned = try tidemark(
            "snapshots", "prune", "--latest", "1", "--hourly", "0", "--daily", "0", "--json",
            "--store", folder.path
        ).json()
        #expect(pruned["kept"] as? Int == 3)
        let audit = try tidemark("audit", "--limit", "1", "--store", folder.path)
        #expect(audit.output.contains("prune   2 snapshots"), "\(audit.output)")
        #expect(
            try tidemark("snapshots", "untag", "before-sale", "--store", folder.path).status == 0)
        _ = try StoreCheck.run(folder.path)
    }

    @Test("a rollback is announced by a dry run, carried out, and audited")
    func rollback() throws {
        let folder = ScratchFolder()
        let records = try grown(folder)
        let dry = try tidemark("rollback", "head~2", "--dry-run", "--store", folder.path)
        #expect(dry.status == 0 && dry.output.contains("nothing was changed"))
        let store = try folder.open(mode: .readOnly)
        #expect(try store.resolve("head").id == records[4].id)
        try store.close()
        #expect(try tidemark("rollback", "head~2", "--store", folder.path).status == 64)
        let done = try tidemark(
            "rollback", "head~2", "--reason", "bad feed", "--who", "ops", "--json", "--store",
            folder.path
        ).json()
        let after = try folder.open(mode: .readOnly)
        let head = try after.resolve("head")
        #expect(done["snapshot"] as? String == head.id)
        #expect(head.parent == records[2].id)
        #expect(try after.status().weightsDigest == records[2].weightsDigest)
        #expect(try after.audit(limit: 1).first?.reason == "to \(records[2].id): bad feed")
        try after.close()
    }

    @Test("the audit tells who changed what, when and why, since a time and up to a number")
    func audit() throws {
        let folder = ScratchFolder()
        let store = try folder.open()
        let startMs: Int64 = 1_795_953_000_000
        for (hour, who) in ["ann", "bob", "eve\nforged"].enumerated() {
            try store.record(
                AuditEntry(
                    wallTimeMs: startMs + Int64(hour) * 3_600_000, who: who, action: "tag",
                    reason: "hour \(hour)"))
        }
        try store.close()
        func reasons(_ options: String...) throws -> [String] {
            let told = try tidemark(["audit", "--json", "--store", folder.path] + options).json()
            let entries = try #require(told["entries"] as? [[String: String]])
            return entries.compactMap { $0["reason"] }
        }
        #expect(try reasons() == ["hour 2", "hour 1", "hour 0"])
        #expect(try reasons("--limit", "2") == ["hour 2", "hour 1"])
        #expect(try reasons("--since", "2026-11-29T12:50:00Z") == ["hour 2", "hour 1"])
        #expect(
            try reasons("--since", "2026-11-29T12:50:00Z", "--limit", "1") == ["hour 2"])
        let text = try tidemark("audit", "--store", folder.path)
        let lines = text.output.split(separator: "\n")
        #expect(lines.count == 5 && lines[2].hasPrefix("2026-11-29 13:50:00  eve\\nforged"))
        #expect(lines[4].hasSuffix("hour 0") && lines[4].contains("  ann"))
        #expect(try tidemark("audit", "--since", "soon", "--store", folder.path).status == 64)
    }

    @Test("what goes wrong has a message and the exit code for its kind")
    func failures() throws {
        let folder = ScratchFolder()
        func expect(_ status: Int32, _ words: String, _ outcome: Outcome) {
            #expect(outcome.status == status, "\(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
            #expect(outcome.output.isEmpty)
        }
        expect(65, "no store", try tidemark("snapshots", "list", "--store", folder.path))
        _ = try grown(folder)
        expect(
            64, "nearest: champion",
            try tidemark("snapshots", "show", "chmapion", "--store", folder.path))
        expect(
            64, "Usage", try tidemark("snapshots", "list", "--store", folder.path, "--limit", "-1"))
        let store = try folder.open()
        expect(
            69, "in use by process \(ProcessInfo.processInfo.processIdentifier)",
            try tidemark("rollback", "head", "--reason", "x", "--store", folder.path))
        #expect(try tidemark("snapshots", "list", "--store", folder.path).status == 0)
        try store.close()
        var bytes = try Data(contentsOf: URL(filePath: folder.data))
        for at in stride(from: 12_288, to: bytes.count, by: 1_000) { bytes[at] ^= 0x55 }
        try bytes.write(to: URL(filePath: folder.data))
        expect(65, "is damaged", try tidemark("snapshots", "list", "--store", folder.path))
        expect(
            65, "is damaged",
            try tidemark("rollback", "head~1", "--reason", "x", "--store", folder.path))
    }
}
