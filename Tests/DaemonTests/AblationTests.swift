import Daemon
import Foundation
import Records
import Testing

/// `ablate`: what each part of learning is worth.
@Suite(.serialized) struct AblationTests {
    private let folder: String

    init() throws {
        folder =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func log(_ lines: [String]) throws -> String {
        let path = "\(folder)/rows.jsonl"
        try (lines.joined(separator: "\n") + "\n").write(
            toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Two phases with four items each, of which every second one sells.
    private func rows(_ count: Int) -> [String] {
        var lines: [String] = []
        for item in 0..<8 {
            lines.append(
                """
                {"type":"item","event_id":"i-\(item)","ts":1700000000000,"item_id":"kettle-\(item)",\
                "title":"Kettle of kind \(item % 2)","category":"\(item < 4 ? "Tea" : "Coffee")"}
                """)
        }
        for number in 0..<count {
            let second = number >= count / 2
            let item = number % 4 + (second ? 4 : 0)
            let sells = item % 2 == 0 && number % 3 != 0
            lines.append(
                """
                {"type":"outcome","event_id":"o-\(number)","ts":\(1_700_000_000_000 + number * 1000),\
                "user_id":"u\(number % 31)","item_id":"kettle-\(item)","price":20,\
                "phase":"\(second ? "late" : "early")","purchased":\(sells)}
                """)
        }
        return lines
    }

    private func ablate(
        _ lines: [String], phaseField: String? = "phase", runs: [String] = [],
        _ overrides: String...
    ) throws -> AblationReport {
        let configuration = try Configuration.load(
            file: nil, environment: [:],
            overrides: [
                "model.base=\(try DaemonFixture.model())", "batch.events=50",
                "lora.refresh_events=300", "lora.refresh_texts=0", "lora.judge_events=100",
                "lora.epochs=1",
            ] + overrides)
        return try Ablation(
            configuration, events: try log(lines), catalog: nil, phaseField: phaseField, runs: runs
        ).run()
    }

    @Test(
        "the fifth with a CRC-32 divisible by five is never learned, and predicted after each phase"
    )
    func heldOut() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let report = try ablate(rows(1000), runs: ["frozen", "identities"])
        #expect(report.phases == ["early", "late"])
        let apart = (0..<1000).filter { CRC32.checksum("o-\($0)".utf8) % 5 == 0 }
        #expect(report.heldOut == [apart.count { $0 < 500 }, apart.count { $0 >= 500 }])
        #expect(report.learned.reduce(0, +) + apart.count == 1000)
        #expect(Set(report.runs.keys) == ["default", "naive", "joint", "frozen", "identities"])
        for (name, run) in report.runs {
            #expect(run.ne.count == 2 && run.ne.allSatisfy { $0.count == 2 }, "\(name)")
            let last = try #require(run.ne.last).compactMap { $0 }
            let mean = try #require(run.finalMeanNE)
            #expect(abs(mean - last.reduce(0, +) / 2) < 1e-12)
            #expect(mean < 0.8, "\(name) \(mean)")
            // What was learned is predicted better than what was not.
            #expect(try #require(run.ne[0][0]) < #require(run.ne[0][1]), "\(name)")
            #expect(run.unseenMeanNE == run.ne[0][1])
            let bwt = try #require(run.auc[1][0]) - #require(run.auc[0][0])
            #expect(abs(try #require(run.bwtAUC) - bwt) < 1e-12)
            #expect(run.worstDropNE == (try #require(run.ne[1][0]) - #require(run.ne[0][0])))
        }
        #expect(report.runs["default"]?.againstDefault == nil)
        // Texts tell which of the second phase's items sell before they are seen; identities do not.
        let frozen = try #require(report.runs["frozen"]?.fwtAUC)
        let identities = try #require(report.runs["identities"]?.fwtAUC)
        #expect(frozen > 0.2 && abs(identities) < 0.05, "\(frozen) \(identities)")
        let paired = try #require(report.runs["identities"]?.againstDefault)
        #expect(paired.examples == apart.count)
    }

    @Test("without a phase field nothing is kept apart, and what is served is scored")
    func onePhase() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let report = try ablate(rows(600), phaseField: nil, runs: ["identities"])
        #expect(report.phases == ["all"] && report.heldOut == [0] && report.learned == [600])
        let run = try #require(report.runs["default"])
        #expect(run.ne == [[run.progressive.normalizedEntropy]])
        #expect(run.progressive.count == 600)
        #expect(run.bwtAUC == nil && run.worstDropNE == nil)
        #expect(report.runs["identities"]?.againstDefault?.examples == 600)
        // Another order is not the same examples one by one.
        #expect(report.runs["joint"]?.againstDefault == nil)
    }

    @Test("the same log twice gives the same report; a guard left out changes what it guards")
    func deterministic() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let runs = ["without-rebuild", "without-gate"]
        // Without early stopping, since on so few texts it may find that nothing is to be gained.
        let guards = "guards.enabled=[replay, rebuild, gate, clip]"
        var first = try ablate(rows(1000), runs: runs, guards)
        var second = try ablate(rows(1000), runs: runs, guards)
        for name in first.runs.keys {
            first.runs[name]?.wallSeconds = 0
            second.runs[name]?.wallSeconds = 0
        }
        #expect(try first.json() == second.json())
        #expect(first.runs["naive"]?.gateRejected == 0)
        #expect(try #require(first.runs["naive"]?.gatePassed) > 0)
        #expect(try #require(first.runs["without-gate"]?.gatePassed) > 0)
    }

    @Test("adapters of the other kind are trained and served too, and come to something else")
    func otherAdapters() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (method, other) in [("lora", "houlsby"), ("houlsby", "lora")] {
            let report = try ablate(
                rows(600), phaseField: nil, runs: [other], "lora.method=\(method)",
                "guards.enabled=[]", "lora.learning_rate=0.01", "lora.warmup_steps=0",
                "lora.refresh_events=100", "lora.judge_events=50", "lora.epochs=4")
            let (configured, others) = (
                try #require(report.runs["default"]), try #require(report.runs[other])
            )
            #expect(configured.gatePassed > 0 && others.gatePassed > 0, "\(method)")
            #expect(configured.progressive != others.progressive, "\(method)")
        }
    }

    @Test("a row without a phase, another type of event and a bad line are refused by line")
    func refusals() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let click =
            "{\"type\":\"click\",\"event_id\":\"c\",\"ts\":1700000000001,\"user_id\":\"u\",\"item_id\":\"i\",\"price\":1}"
        let bad = [
            rows(20)[10].replacingOccurrences(of: "\"phase\"", with: "\"other\""), click, "{",
        ]
        for line in bad {
            #expect {
                try ablate(rows(20) + [line])
            } throws: {
                FailureKind($0) == .badData && "\($0)".contains("line 29")
            }
        }
        #expect {
            try ablate([])
        } throws: {
            FailureKind($0) == .badData
        }
    }
}
