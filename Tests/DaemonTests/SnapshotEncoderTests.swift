import Daemon
import Encoder
import Foundation
import SnapshotStore
import Testing

@Suite("What a snapshot computes with") struct SnapshotEncoderTests {
    /// A folder with a small log and the store that a replay of it leaves.
    private struct Learned {
        let folder: String
        let report: Report
        var store: String { folder + "/store" }

        init(_ overrides: String...) throws {
            let folder =
                FileManager.default.temporaryDirectory
                .appendingPathComponent("tidemark-test-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let titles = ["Steel Kettle", "Red Carpet", "Garden Hose", "Paper Lamp"]
            var lines: [String] = titles.enumerated().map { index, title in
                "{\"type\":\"item\",\"event_id\":\"i\(index)\",\"ts\":\(1_700_000_001_000 + index),"
                    + "\"item_id\":\"\(index)\",\"title\":\"\(title)\",\"price\":10,\"cost\":4}"
            }
            for row in 0..<240 {
                lines.append(
                    "{\"type\":\"outcome\",\"event_id\":\"o\(row)\",\"ts\":\(1_700_000_002_000 + row),"
                        + "\"user_id\":\"u\(row % 7)\",\"item_id\":\"\(row % 4)\",\"price\":10,"
                        + "\"purchased\":\(row % 4 == 1 || row % 11 == 0)}")
            }
            let log = folder + "/log.jsonl"
            try (lines.joined(separator: "\n") + "\n").write(
                toFile: log, atomically: true, encoding: .utf8)
            let configuration = try Configuration.load(
                file: nil, environment: [:],
                overrides: [
                    "model.base=\(try DaemonFixture.model())", "lora.refresh_events=100",
                    "lora.refresh_texts=0",
                    "lora.judge_events=20", "guards.gate_harm=0.5", "lora.layers=1",
                ] + overrides)
            report = try Replay(
                configuration, events: [log], catalog: nil, store: folder + "/store"
            ).run()
            self.folder = folder
        }

        func remove() { try? FileManager.default.removeItem(atPath: folder) }
    }

    @Test("texts are encoded with the adapters of the snapshot that is asked")
    func encodes() throws {
        let learned = try Learned()
        defer { learned.remove() }
        func encoder(_ snapshot: String, base: String? = nil) throws -> TextEncoder {
            try SnapshotEncoder.open(
                store: learned.store, snapshot: snapshot, base: base, maxTokens: nil, threads: 1)
        }
        let head = try encoder("head")
        let configuration = try #require(head.adapterConfiguration)
        #expect(configuration.layers == [head.base.layerCount - 1])
        let texts = ["Steel Kettle", "Paper Lamp"]
        let bare = try TextEncoder(base: head.base, adapters: nil).encode(texts)
        let vectors = try head.encode(texts)
        #expect(vectors.count == bare.count)
        #expect((vectors != bare) == (learned.report.guards.gatePassed > 0))
        #expect(throws: StoreError.self) { _ = try encoder("no-such-snapshot") }
        #expect(throws: (any Error).self) { _ = try encoder("head", base: "/nowhere/at/all") }
    }

    @Test("learning.numerics settles the arithmetic, and the report and the snapshot name it")
    func profile() async {
        // The profile is settled once in a process.
        await #expect(processExitsWith: .success) {
            let learned = try Learned("learning.numerics=portable")
            defer { learned.remove() }
            precondition(learned.report.platform.contains("Sandybridge"), learned.report.platform)
            let store = try SnapshotStore.open(path: learned.store, mode: .readOnly)
            let platform = try store.texts(of: try store.resolve("head")).platform
            precondition(platform == learned.report.platform, platform)
        }
    }
}
