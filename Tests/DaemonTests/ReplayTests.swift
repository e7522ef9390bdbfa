import Daemon
import Foundation
import SnapshotStore
import Testing

@Suite(.serialized) struct ReplayTests {
    /// Real logs beside the project; tests on them are skipped where there are none.
    static let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/data").standardizedFileURL.path
    static let hasData = FileManager.default.fileExists(atPath: data + "/grocery.jsonl.gz")

    private func configuration(_ overrides: String...) throws -> Configuration {
        try Configuration.load(
            file: nil, environment: [:],
            overrides: ["model.base=\(try DaemonFixture.model())"] + overrides)
    }

    private func scratch() -> String {
        FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-test-\(UUID().uuidString)").path
    }

    private func replay(
        _ configuration: Configuration, _ events: [String], store: String,
        predictions: String? = nil
    ) throws -> Report {
        try Replay(
            configuration, events: events, catalog: Self.data + "/grocery.items.jsonl.gz",
            store: store, outputs: .init(predictions: predictions)
        ).run()
    }

    @Test(
        "a year of groceries: every row learned, NE below 0.88, no refresh for 58 texts",
        .enabled(if: hasData, "no event logs beside the project"))
    func groceries() throws {
        let folder = scratch()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let report = try replay(
            try configuration(), [Self.data + "/grocery.jsonl.gz"], store: folder + "/store",
            predictions: folder + ".csv")
        defer { try? FileManager.default.removeItem(atPath: folder + ".csv") }
        #expect(report.examples == 200_000)
        #expect(report.events.deadLettered == 0)
        let score = try #require(report.progressive["purchase"])
        #expect(try #require(score.normalizedEntropy) < 0.88)
        #expect(report.guards.gatePassed + report.guards.gateRejected == 0)
        let lines = try String(contentsOfFile: folder + ".csv", encoding: .utf8).split(
            separator: "\n")
        #expect(lines.count == 200_001)
        #expect(lines[0] == "event_id,head,probability,label")
    }

    @Test(
        "the same log gives the same state on 1 and 2 threads, with the cache on and off, in parts and whole",
        .enabled(if: hasData, "no event logs beside the project"))
    func sameState() throws {
        let folder = scratch()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let whole = folder + "/part.jsonl"
        try head(of: Self.data + "/grocery.jsonl.gz", lines: 6_000, to: whole)
        let refreshes = [
            "lora.refresh_events=2000", "lora.refresh_texts=0", "lora.judge_events=500",
        ]
        func run(_ name: String, _ more: String...) throws -> String {
            let configuration = try Configuration.load(
                file: nil, environment: [:],
                overrides: ["model.base=\(try DaemonFixture.model())"] + refreshes + more)
            return try replay(configuration, [whole], store: "\(folder)/\(name)").stateSHA256
        }
        let first = try run("a", "learning.threads=1", "lora.prefix_cache=0")
        #expect(try run("b", "learning.threads=2") == first)
        // The same store twice: the second time goes on behind the log's last line.
        let again = try replay(
            try configuration(), [whole], store: folder + "/b")
        #expect(again.examples == 6_000)
    }

    private func write(_ lines: [String], to path: String) throws {
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
    }

    private func line(_ type: String, _ id: String, _ ts: Int64, _ user: Int) -> String {
        """
        {"type":"\(type)","event_id":"\(id)","ts":\(ts),"user_id":"u\(user)","item_id":"i","price":5}
        """
    }

    @Test("one line of 2099 in a plain log goes to the dead letters and closes no window")
    func wrongClock() throws {
        let folder = scratch()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var lines: [String] = []
        for number in 0..<200 {
            let ts = 1_700_000_000_000 + Int64(number) * 60_000
            lines.append(line("click", "c\(number)", ts, number))
            if number >= 30 { lines.append(line("purchase", "p\(number)", ts, number - 30)) }
        }
        let log = folder + "/log.jsonl"
        try write(lines, to: log)
        let settings = ["attribution.window=1h", "attribution.lateness=0"]
        func run(_ store: String) throws -> Report {
            try Replay(
                try Configuration.load(
                    file: nil, environment: [:],
                    overrides: ["model.base=\(try DaemonFixture.model())"] + settings),
                events: [log], catalog: nil, store: folder + "/" + store
            ).run()
        }
        let clean = try run("clean")
        #expect(clean.progressive["purchase"]?.positives == 170)
        lines.insert(line("click", "wrong", 4_070_908_800_000, 7), at: 200)
        try write(lines, to: log)
        let wrong = try run("wrong")
        #expect(wrong.events.deadLetterReasons == ["clock_skew": 1])
        #expect(wrong.progressive["purchase"] == clean.progressive["purchase"])
    }

    @Test("logs that cover the same time are read together, by event time")
    func mergedLogs() throws {
        let folder = scratch()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let times = (0..<300).map { 1_700_000_000_000 + Int64($0) * 60_000 }
        try write(
            times.enumerated().map { line("click", "c\($0)", $1, $0) }, to: folder + "/a.jsonl")
        try write(
            times.prefix(200).enumerated().map { line("purchase", "p\($0)", $1 + 1000, $0) },
            to: folder + "/b.jsonl")
        let report = try Replay(
            try configuration("attribution.window=1h", "attribution.lateness=0"),
            events: [folder + "/a.jsonl", folder + "/b.jsonl"], catalog: nil, store: nil
        ).run()
        #expect(report.events.late == 0 && report.events.unattributed == 0)
        let score = try #require(report.progressive["purchase"])
        #expect(score.positives == 200)
        #expect(score.count > 230, "the shorter log's end holds no window open")
    }

    @Test(
        "a shop's messy invoices: every row is accounted for",
        .enabled(
            if: FileManager.default.fileExists(atPath: data + "/retail.jsonl.gz"),
            "no event logs beside the project"))
    func retail() throws {
        let report = try Replay(
            try configuration("lora.refresh_events=0", "log.level=error"),
            events: [Self.data + "/retail.jsonl.gz"],
            catalog: nil, store: nil
        ).run()
        let events = report.events
        #expect(events.read == 144_800)
        #expect(events.accepted + events.deadLettered == events.read)
        #expect(events.byType.values.reduce(0, +) == events.accepted)
        #expect(events.deadLetterReasons.values.reduce(0, +) == events.deadLettered)
        // Prices of zero and quantities below one are no purchases.
        #expect(events.deadLetterReasons == ["invalid_field": 317])
        #expect(events.byType == ["item": 3186, "purchase": 138_694, "refund": 2603])
        // Nobody clicked, and each refund names an order of its own.
        #expect(events.unattributed == 138_694)
        #expect(events.refunded == 0 && events.unmatchedRefunds == 2603)
        #expect(events.late == 0 && events.duplicates == 0 && report.examples == 0)
    }

    @Test("a log that is not there is an error before anything is made on disk")
    func missingLog() throws {
        let folder = scratch()
        do {
            _ = try Replay(
                try configuration(), events: ["/nowhere/events.jsonl"], catalog: nil, store: folder
            ).run()
            Issue.record("a log was read that is not there")
        } catch {
            #expect("\(error)".contains("/nowhere/events.jsonl"))
            #expect(FailureKind(error) == .usage)
        }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("a store made on another base is refused and stays as it was")
    func otherBase() throws {
        let folder = scratch()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let log = folder + "/one.jsonl"
        try Data(
            #"{"type":"outcome","event_id":"a","ts":1700000000001,"user_id":"u","item_id":"i","price":1,"purchased":true}"#
                .utf8
        ).write(to: URL(fileURLWithPath: log))
        let other = try SnapshotStore.open(
            path: folder + "/store", mode: .readWrite,
            identity: StoreIdentity(id: "x", base: .zero, createdMs: 0))
        try other.close()
        let before = try FileManager.default.contentsOfDirectory(atPath: folder + "/store").sorted()
        do {
            _ = try Replay(
                try configuration(), events: [log], catalog: nil, store: folder + "/store"
            ).run()
            Issue.record("the store was taken")
        } catch {
            #expect("\(error)".contains("base"))
            #expect(FailureKind(error) == .badData)
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder + "/store").sorted()
                == before)
    }

    /// Writes the first lines of a compressed log as plain text.
    private func head(of path: String, lines: Int, to target: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", "zcat \"$0\" | head -n \(lines) > \"$1\"", path, target]
        try process.run()
        process.waitUntilExit()
    }
}
