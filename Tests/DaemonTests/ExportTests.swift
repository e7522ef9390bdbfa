import Daemon
import Foundation
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct ExportTests {
    /// A store that has learned twenty offers from three shoppers, and a folder beside it.
    private func learned(method: String = "lora") throws -> (fixture: Scratch, snapshot: String) {
        let scratch = Scratch()
        try FileManager.default.createDirectory(
            atPath: scratch.path, withIntermediateDirectories: true)
        var lines = [
            #"{"type":"item","event_id":"i","ts":1700000001000,"item_id":"kettle","title":"Steel Kettle","price":40,"cost":20}"#
        ]
        for number in 0..<20 {
            lines.append(
                #"{"type":"outcome","event_id":"o\#(number)","ts":\#(1_700_000_002_000 + number),"user_id":"user \#(number % 3)","#
                    + #""item_id":"kettle","price":40,"discount":0.1,"purchased":\#(number % 2 == 0)}"#
            )
        }
        let log = scratch.path + "/log.jsonl"
        try lines.joined(separator: "\n").write(toFile: log, atomically: true, encoding: .utf8)
        let configuration = try Configuration.load(
            file: nil, environment: [:],
            overrides: [
                "model.base=\(try DaemonFixture.model())", "log.level=error",
                "lora.method=\(method)",
            ])
        _ = try Replay(
            configuration, events: [log], catalog: nil, store: scratch.store
        ).run()
        return (scratch, "head")
    }

    private final class Scratch {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-export-\(UUID().uuidString)").path
        var store: String { path + "/store" }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private func write(_ scratch: Scratch, to name: String, store: String? = nil) throws
        -> SnapshotExport.Manifest
    {
        let opened = try SnapshotStore.open(path: store ?? scratch.store, mode: .readOnly)
        defer { try? opened.close() }
        let reference = store == nil ? "head" : "back"
        return try SnapshotExport.write(
            reference, of: opened, to: scratch.path + "/" + name, base: nil)
    }

    @Test(
        "what is exported comes back bit for bit, without anything about a shopper",
        arguments: ["lora", "houlsby"])
    func roundTrip(method: String) throws {
        let (scratch, _) = try learned(method: method)
        let first = try write(scratch, to: "first")
        // Three shoppers, in the purchase head, in the answers to discounts and in the two heads that know
        // which offers are made.
        #expect(first.rows_of_shoppers_left_out == 12)
        let other = scratch.path + "/other"
        let imported = try SnapshotExport.read(
            scratch.path + "/first", into: other, as: "back", base: nil, who: "test")
        #expect(imported.record.cause == .imported && imported.record.parent == nil)
        let second = try write(scratch, to: "second", store: other)
        #expect(second.rows_sha256 == first.rows_sha256)
        #expect(second.files == first.files)
        #expect(second.rows_of_shoppers_left_out == 0)
        // Into the store it came from, whose head it leaves alone, until a rollback to it.
        _ = try SnapshotExport.read(
            scratch.path + "/first", into: scratch.store, as: "again", base: nil, who: "test")
        let store = try SnapshotStore.open(path: scratch.store, mode: .readWrite)
        let weights = try store.status().weightsDigest
        #expect(try store.resolve("head").id == first.snapshot)
        #expect(throws: StoreError.self) { try store.planRollback(to: "again", rewind: true) }
        try store.rollback(to: "again", reason: "test", who: "test", wallTimeMs: 0)
        #expect(try store.status().weightsDigest == imported.record.weightsDigest)
        #expect(try store.status().weightsDigest != weights, "shoppers' effects are gone")
        try store.close()
        let answer = try Inquiry(store: scratch.store, snapshot: "head", base: nil).recommend(
            userID: "user 1", itemID: "kettle", price: nil)
        #expect(answer.itemKnown)
    }

    @Test("an export that was changed, is not whole, or is of another base is refused by name")
    func refusals() throws {
        let (scratch, _) = try learned()
        let manifest = try write(scratch, to: "export")
        let folder = scratch.path + "/export"
        for name in manifest.files.keys.sorted() {
            let url = URL(fileURLWithPath: folder + "/" + name)
            let sound = try Data(contentsOf: url)
            var changed = sound
            changed[changed.count - 2] ^= 1
            try changed.write(to: url)
            let error = #expect(throws: ExportError.self) {
                try SnapshotExport.read(
                    folder, into: scratch.path + "/new", as: nil, base: nil, who: "test")
            }
            #expect(error?.description.contains(name) == true)
            try FileManager.default.removeItem(at: url)
            #expect(throws: ExportError.self) {
                try SnapshotExport.read(
                    folder, into: scratch.path + "/new", as: nil, base: nil, who: "test")
            }
            try sound.write(to: url)
        }
        let text = try String(contentsOfFile: folder + "/tidemark.json", encoding: .utf8)
        try text.replacingOccurrences(
            of: manifest.base_sha256, with: String(repeating: "0", count: 64)
        ).write(toFile: folder + "/tidemark.json", atomically: true, encoding: .utf8)
        let error = #expect(throws: ExportError.self) {
            try SnapshotExport.read(
                folder, into: scratch.path + "/new", as: nil, base: nil, who: "test")
        }
        guard case .otherBase = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/new"))
        #expect(throws: ExportError.self) { try write(scratch, to: "") }
    }

    @Test("an export with a number that is none is refused, its checksums right as they may be")
    func notANumber() throws {
        let (scratch, _) = try learned()
        _ = try write(scratch, to: "export")
        let folder = scratch.path + "/export"
        let heads = URL(fileURLWithPath: folder + "/tidemark_heads.bin")
        var reader = ByteReader([UInt8](try Data(contentsOf: heads)))
        var rows = try reader.array { r throws(ByteCodingError) in
            (table: try r.string(), key: try r.data(), value: try r.data())
        }
        let mean = try #require(
            rows.firstIndex { $0.table == "purchase.head" && $0.key == Array("mean".utf8) },
            "\(Set(rows.map(\.table)).sorted())")
        var writer = ByteWriter()
        writer.double(.nan)
        rows[mean].value.replaceSubrange(4..<12, with: writer.bytes)
        var file = ByteWriter()
        file.array(rows) { writer, row in
            writer.string(row.table)
            writer.data(row.key)
            writer.data(row.value)
        }
        try Data(file.bytes).write(to: heads)
        let manifest = URL(fileURLWithPath: folder + "/tidemark.json")
        var fields = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: manifest)) as? [String: Any])
        var files = try #require(fields["files"] as? [String: String])
        files["tidemark_heads.bin"] = SHA256.hash(file.bytes).hex
        fields["files"] = files
        // The adapters' row is the one that is not among the heads'.
        let whole = try SnapshotStore.open(path: scratch.store, mode: .readOnly)
        defer { try? whole.close() }
        let adapters = try #require(
            try whole.withSnapshot("head") { _, state in
                try state.value(StateTable("adapters", .weights), Array("adapters".utf8))
            })
        rows.append((table: "adapters", key: Array("adapters".utf8), value: adapters))
        fields["rows_sha256"] =
            rows.reduce(Digest256.zero) { sum, row in
                var writer = ByteWriter()
                writer.string(row.table)
                writer.data(row.key)
                writer.data(row.value)
                return sum &+ SHA256.hash(writer.bytes)
            }.hex
        try JSONSerialization.data(withJSONObject: fields).write(to: manifest)
        let error = #expect(throws: ExportError.self) {
            try SnapshotExport.read(
                folder, into: scratch.path + "/new", as: nil, base: nil, who: "test")
        }
        #expect(
            error?.description.contains("a number that is none") == true,
            "\(String(describing: error))")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/new"))
    }
}
