import Daemon
import Foundation
import SnapshotStore
import Testing

/// Inputs that ended the program, or every later start of it.
@Suite(.serialized) struct ExtremeInputTests {
    private final class Folder {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-extreme-\(UUID().uuidString)").path

        init() throws {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func log(_ lines: String..., name: String = "log.jsonl") throws -> String {
            let file = path + "/" + name
            try lines.joined(separator: "\n").write(
                toFile: file, atomically: true, encoding: .utf8)
            return file
        }
    }

    private func configuration(_ overrides: String...) throws -> Configuration {
        try Configuration.load(
            file: nil, environment: [:],
            overrides: ["model.base=\(try DaemonFixture.model())", "log.level=error"] + overrides)
    }

    @Test(
        "two rows of a tiny sampling rate are learned, snapshots are taken, and the next start goes on"
    )
    func tinySamplingRate() throws {
        let folder = try Folder()
        func row(_ number: Int, clicked: Bool) -> String {
            #"{"type":"outcome","event_id":"p\#(number)","ts":\#(1_767_225_600_000 + number),"user_id":"v\#(number)","item_id":"i","#
                + #""price":10,"discount":0.2,"propensity":0.5,"purchased":true,"clicked":\#(clicked),"sampling_rate":1e-300}"#
        }
        let item =
            #"{"type":"item","event_id":"it","ts":1767225600000,"item_id":"i","title":"Kettle","price":10,"cost":3}"#
        func replay(_ log: String) throws -> Report {
            try Replay(
                try configuration("store.commit_events=1"), events: [log], catalog: nil,
                store: folder.path + "/store"
            ).run()
        }
        let first = try replay(
            try folder.log(item, row(0, clicked: false), row(1, clicked: true), name: "a.jsonl"))
        #expect(first.guards.weightsClipped == 2)
        #expect(first.progressive["purchase"]?.logLoss?.isFinite == true)
        #expect(try first.json().contains(#""weights_clipped" : 2"#))
        let second = try replay(try folder.log(row(2, clicked: true), name: "b.jsonl"))
        #expect(second.guards.weightsClipped == 3 && second.snapshots.count > first.snapshots.count)
        #expect(
            try JSONSerialization.jsonObject(with: Data(try second.json().utf8)) is [String: Any])
    }

    @Test("a captured record with the largest offset ends a replay with 65 and its line")
    func largestOffset() throws {
        let folder = try Folder()
        func record(_ offset: String) -> String {
            #"{"tidemark_record":1,"topic":"events","partition":0,"offset":\#(offset),"timestamp":1767225600000,"value":"{}"}"#
        }
        let log = try folder.log(record("9223372036854775806"), record("9223372036854775807"))
        let replay = [
            "replay", "--events", log, "--set", "model.base=\(try DaemonFixture.model())",
        ]
        let outcome = try tidemark(replay)
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("\(log), line 2: offset 9223372036854775807"))
    }

    @Test(
        "check --rate tells what the bounds afford at any rate",
        arguments: ["1e-300", "5e-324", "1e300", "0.5"])
    func anyRate(rate: String) throws {
        let outcome = try tidemark([
            "check", "--rate", rate, "--set", "model.base=\(try DaemonFixture.model())", "--set",
            "store.path=/nowhere/store", "--json",
        ])
        #expect([0, 69, 78].contains(outcome.status), "\(outcome)")
        #expect(outcome.output.contains("open_max holds"))
    }

    @Test("what clicks may say of items is set by topic and for all, and is part of what is stored")
    func inlineSettings() throws {
        let given = try configuration(
            "kafka.inline=none", "kafka.topics=[{name: shop, inline: all}, {name: b, type: click}]")
        #expect(given.kafka.topics[0].inline == .all && given.kafka.topics[1].inline == nil)
        #expect(given.kafka.inline == .none)
        let stored = given.stored()
        #expect(stored.contains(#"[{name: "shop", inline: all}, {name: "b", type: "click"}]"#))
        #expect(stored.contains("inline: none"))
        #expect(throws: ConfigurationError.self) {
            try configuration("kafka.topics=[{name: shop, inline: some}]")
        }
    }
}
