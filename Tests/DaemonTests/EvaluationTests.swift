import Daemon
import Foundation
import SnapshotStore
import Testing

/// `evaluate`: what a snapshot makes of a log it did not learn.
@Suite(.serialized) struct EvaluationTests {
    private let folder: String
    private var store: String { folder + "/store" }

    init() throws {
        folder =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func log(_ name: String, _ lines: [String]) throws -> String {
        let path = "\(folder)/\(name).jsonl"
        try (lines.joined(separator: "\n") + "\n").write(
            toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Outcomes of ten items, of which the even ones sell, and sell better at a discount.
    private func outcomes(_ range: Range<Int>) -> [String] {
        range.map { number in
            let item = number % 10
            let discounted = number % 3 == 0
            let sells = item % 2 == 0 && number % (discounted ? 2 : 3) == 0
            return """
                {"type":"outcome","event_id":"o-\(number)","ts":\(1_700_000_000_000 + number * 1000),\
                "user_id":"u\(number % 37)","item_id":"kettle-\(item)","price":20,\
                "discount":\(discounted ? 0.15 : 0),"purchased":\(sells)}
                """
        }
    }

    private func learn(_ log: String, predictions: String? = nil) throws -> Report {
        let configuration = try Configuration.load(
            file: nil, environment: [:],
            overrides: [
                "model.base=\(try DaemonFixture.model())", "store.sync=false",
                "store.snapshot_events=400", "store.commit_events=100", "batch.events=100",
            ])
        return try Replay(
            configuration, events: [log], catalog: nil, store: store,
            outputs: .init(predictions: predictions)
        ).run()
    }

    private func rows(_ path: String) throws -> [(id: String, probability: Double)] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").dropFirst().map {
            let fields = $0.split(separator: ",")
            return (String(fields[0]), try #require(Double(fields[2])))
        }
    }

    @Test("a snapshot predicts what learning would have predicted next, and stays as it was")
    func predictsAndLearnsNothing() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let learned = try learn(try log("first", outcomes(0..<800)))
        let next = try log("next", outcomes(800..<1000))
        let asked = folder + "/asked.csv"
        let report = try Evaluation(
            store: store, snapshot: "head", events: [next], predictions: asked
        ).run()
        #expect(report.examples == 200)
        #expect(report.events.read == 200)
        let score = try #require(report.progressive["purchase"])
        #expect(try #require(score.normalizedEntropy) < 0.8)
        #expect(report.slices["discount=none"]?["purchase"]?.count == 133)
        #expect(report.slices["discount=10-20%"]?["purchase"]?.count == 67)
        // Asking changed nothing: the store goes on from the same state.
        let again = try learn(try log("nothing", []))
        #expect(again.stateSHA256 == learned.stateSHA256)
        let told = folder + "/told.csv"
        _ = try learn(next, predictions: told)
        let (one, other) = (try rows(asked), try rows(told))
        #expect(one.map(\.id) == other.map(\.id))
        #expect(abs(one[0].probability - other[0].probability) < 1e-9)
        // Later rows differ: by then the learner knows more.
        #expect(one[199].probability != other[199].probability)
    }

    @Test("against an older snapshot the newer one is better by an interval without zero")
    func comparesSnapshots() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try learn(try log("first", outcomes(0..<1200)))
        let next = try log("next", outcomes(1200..<2000))
        let itself = try Evaluation(
            store: store, snapshot: "head", against: "head", events: [next]
        ).run()
        let same = try #require(itself.against?.difference["purchase"])
        #expect(same.examples == 800 && same.normalizedEntropy == 0)
        let report = try Evaluation(
            store: store, snapshot: "head", against: "head~2", events: [next]
        ).run()
        let against = try #require(report.against)
        #expect(against.snapshot != report.snapshot)
        let difference = try #require(against.difference["purchase"])
        #expect(try #require(difference.normalizedEntropy) < 0)
        #expect(difference.byItem?.clusters == 10)
        #expect(difference.byUser?.clusters == 37)
        #expect(try #require(difference.byUser?.high) < 0)
    }

    @Test("clicks and purchases of a log are joined and scored; bad lines are counted")
    func joinsLogs() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try learn(try log("first", outcomes(0..<200)))
        func event(_ type: String, _ number: Int, _ second: Int) -> String {
            """
            {"type":"\(type)","event_id":"\(type)-\(number)","ts":\(1_800_000_000_000 + second * 1000),\
            "user_id":"u\(number)","item_id":"kettle-1","price":20}
            """
        }
        let lines =
            (0..<10).map { event("click", $0, $0) }
            + (0..<3).map { event("purchase", $0, 60 + $0) } + ["{\"type\":\"click\"}"]
            // Two days on, the windows of the first ten have closed.
            + [event("click", 99, 200_000)]
        let report = try Evaluation(
            store: store, snapshot: "head", events: [try log("clicks", lines)]
        ).run()
        #expect(report.progressive["purchase"]?.count == 10)
        #expect(report.progressive["purchase"]?.positives == 3)
        #expect(report.events.deadLettered == 1)
    }

    @Test("a clock of 2099 closes no window: the line is refused, as in a replay")
    func wrongClock() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try learn(try log("first", outcomes(0..<200)))
        func event(_ type: String, _ number: Int, _ second: Int) -> String {
            """
            {"type":"\(type)","event_id":"\(type)-\(number)","ts":\(1_800_000_000_000 + second * 1000),\
            "user_id":"u\(number)","item_id":"kettle-1","price":20}
            """
        }
        var lines = (0..<200).map { event("click", $0, 10 * $0) }
        lines += (0..<200).map { event("purchase", $0, 2_000 + 10 * $0) }
        lines.append(event("click", 999, 500_000))
        lines.insert(event("click", 777, 2_270_000_000), at: 150)
        let report = try Evaluation(
            store: store, snapshot: "head", events: [try log("clocks", lines)]
        ).run()
        #expect(report.events.deadLettered == 1)
        #expect(report.events.deadLetterReasons.count == 1)
        // Had the clock been believed, the windows of the first clicks would have closed unbought.
        #expect(report.progressive["purchase"]?.positives == 200)
    }

    @Test("a reference or a log that is not there is wrong usage")
    func wrongUsage() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try learn(try log("first", outcomes(0..<100)))
        #expect {
            try Evaluation(store: store, snapshot: "nobody", events: [])
        } throws: {
            FailureKind($0) == .usage
        }
        #expect {
            try Evaluation(store: store, snapshot: "head", events: [folder + "/none"]).run()
        } throws: {
            FailureKind($0) == .usage
        }
    }
}
