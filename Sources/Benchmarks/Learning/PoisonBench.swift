import ArgumentParser
import ContinualLearning
import Daemon
import EventLog
import Foundation
import Simulator
import SnapshotStore
import Terminal

/// `bench poison`: what poisoned labels of one category come to, with the guards and without.
struct PoisonBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "poison",
        abstract:
            "Poisoned labels of one category: who is rejected, what is served, how it recovers.",
        discussion: """
            A shop of five categories is replayed with refreshes of the adapters every eighth of its \
            visits. From 9/16 of its visits on, for an eighth of them, a share of the labels of one \
            category is turned to bought; the refresh that begins near its end has learned nearly all. \
            With the guards, heads and refreshes are judged by their anchors and the weights go back by \
            themselves; beside it the same stream without them. The excess is how much larger the \
            category's log-loss under the true chances is than that of the truth, as a share of it.
            """)

    @Option(
        parsing: .upToNextOption, help: "Poisoned shares of the category's labels, in per cent.")
    var shares = [2.0, 5, 10, 20]

    @Option(help: "Streams of each kind, by seed.")
    var seeds = 5

    @Option(help: "The first stream's seed.")
    var firstSeed: UInt64 = 1

    @Option(help: "Visits of a stream.")
    var visits = 400_000

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard visits >= 30_000, (1...1000).contains(seeds), firstSeed <= .max - 1000,
            shares.allSatisfy({ $0 >= 0 && $0 <= 100 })
        else {
            throw ValidationError(
                """
                --visits from 30000, --seeds from 1 to 1000, --first-seed at most \
                \(UInt64.max - 1000), --shares from 0 to 100.
                """
            )
        }
    }

    func run() throws {
        var results: [PoisonResult] = []
        for share in shares {
            for isGuarded in [true, false] {
                var runs: [PoisonTrial.Run] = []
                for seed in firstSeed..<firstSeed + UInt64(seeds) {
                    let trial = PoisonTrial(
                        share: share / 100, visits: visits, seed: seed, isGuarded: isGuarded)
                    try reportingFailures { runs.append(try trial.run()) }
                }
                results.append(PoisonResult(share: share, isGuarded: isGuarded, runs))
            }
        }
        print(json ? try jsonText(results) : PoisonResult.table(results))
    }
}

/// One stream, replayed with the guards or without.
struct PoisonTrial {
    let share: Double
    let visits: Int
    let seed: UInt64
    let isGuarded: Bool

    private var poisoned: Range<Int> { visits * 9 / 16..<visits * 11 / 16 }

    /// A refresh that was promoted or rejected.
    struct Refresh: Encodable {
        /// The visit that it began at, about, and that it was judged at.
        let began: Int
        let judged: Int
        let isServed: Bool
        let slice: String?
    }

    struct Run {
        var refreshes: [Refresh] = []
        var judgements: [GateResult] = []
        var selfRollbacks = 0
        /// Refreshes begun while labels were poisoned, promoted and rejected; and promoted that began later.
        var promotedPoisoned = 0
        var rejectedPoisoned = 0
        var promotedAfter = 0
        /// Examples from the first poisoned visit to the first rejection.
        var detection: Int?
        /// Rejections of the poisoned time and after it, and those that name the category.
        var rejections = 0
        var named = 0
        /// Rejections before any poison.
        var falseRejections = 0
        /// Of the category, under the true chances: before the poison, in its last half, and in the
        /// last eighth of the stream.
        var excess: [Double] = [0, 0, 0]
    }

    func run() throws -> Run {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-poison-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let chances = try writeLog(folder + "/visits.jsonl")
        var overrides = [
            "store.sync=false", "log.level=error", "batch.linger=0", "learning.seed=\(seed)",
            "lora.refresh_events=\(visits / 8)", "lora.refresh_texts=0", "lora.judge_events=2000",
            "guards.anchor_every=10", "guards.head_gate_examples=2000",
            "guards.on_shift=roll_back",
            "attribution.window=30m", "attribution.lateness=0",
        ]
        if !isGuarded {
            overrides += [
                "guards.anchor_every=0", "guards.event_move=0", "guards.user_move=0",
                "guards.hour_move=0", "guards.label_shift=100",
            ]
        }
        let configuration = try Configuration.load(
            file: nil, environment: ProcessInfo.processInfo.environment, overrides: overrides)
        let report = try Replay(
            configuration, events: [folder + "/visits.jsonl"], catalog: nil,
            store: folder + "/store", outputs: .init(predictions: folder + "/predictions.csv")
        ).run()
        var run = Run(judgements: report.judgements, selfRollbacks: report.guards.selfRollbacks)
        judge(&run)
        run.excess = try excess(folder + "/predictions.csv", chances)
        return run
    }

    /// Writes the stream; returns the true chances of the category's visits by number.
    private func writeLog(_ path: String) throws -> [Int: Double] {
        var stream = PoisonedStream(seed: seed, poisoned: poisoned, share: share)
        var log = try LogWriter(path: path)
        for item in stream.items { try log.write(item) }
        var chances: [Int: Double] = [:]
        for _ in 0..<visits {
            let visit = stream.next()
            try log.write(PoisonedStream.event(visit))
            if visit.category == 0 { chances[visit.number] = visit.chance }
        }
        try log.close()
        return chances
    }

    private func judge(_ run: inout Run) {
        for judgement in run.judgements {
            if judgement.subject == .refresh, judgement.outcome != .wait {
                run.refreshes.append(
                    Refresh(
                        began: judgement.example - judgement.judged, judged: judgement.example,
                        isServed: judgement.outcome == .promote, slice: judgement.slice))
            }
            guard judgement.example > poisoned.lowerBound else {
                if judgement.outcome == .reject { run.falseRejections += 1 }
                continue
            }
            if judgement.outcome == .reject {
                run.rejections += 1
                if judgement.slice == PoisonedStream.poisonedCategory { run.named += 1 }
                if run.detection == nil { run.detection = judgement.example - poisoned.lowerBound }
            }
        }
        for refresh in run.refreshes where refresh.began > poisoned.lowerBound {
            let isPoisoned = refresh.began <= poisoned.upperBound
            switch (refresh.isServed, isPoisoned) {
            case (true, true): run.promotedPoisoned += 1
            case (true, false): run.promotedAfter += 1
            case (false, true): run.rejectedPoisoned += 1
            case (false, false): break
            }
        }
    }

    private func excess(_ path: String, _ chances: [Int: Double]) throws -> [Double] {
        let windows = [
            visits / 5..<poisoned.lowerBound,
            (poisoned.lowerBound + poisoned.upperBound) / 2..<poisoned.upperBound,
            visits - visits / 8..<visits,
        ]
        var own = [0.0, 0, 0]
        var truth = own
        for row in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .dropFirst()
        {
            let fields = row.split(separator: ",")
            guard let number = Int(fields[0].dropFirst()), let p = Double(fields[2]),
                let chance = chances[number],
                let window = windows.firstIndex(where: { $0.contains(number) })
            else { continue }
            own[window] -= chance * log(p) + (1 - chance) * log(1 - p)
            truth[window] -= chance * log(chance) + (1 - chance) * log(1 - chance)
        }
        return zip(own, truth).map { $1 > 0 ? $0 / $1 - 1 : .nan }
    }
}

struct PoisonResult: Encodable {
    let share: Double
    let isGuarded: Bool
    let streams: Int
    let promotedPoisoned: Int
    let rejectedPoisoned: Int
    let promotedAfter: Int
    let rejections: Int
    let named: Int
    let falseRejections: Int
    let detected: Int
    let detectionMedian: Int?
    let selfRollbacks: Int
    /// Means over the streams: before, in the poison's last half, at the end.
    let excess: [Double]
    /// Of each stream.
    let refreshes: [[PoisonTrial.Refresh]]

    init(share: Double, isGuarded: Bool, _ runs: [PoisonTrial.Run]) {
        self.share = share
        self.isGuarded = isGuarded
        streams = runs.count
        func sum(_ value: (PoisonTrial.Run) -> Int) -> Int { runs.reduce(0) { $0 + value($1) } }
        promotedPoisoned = sum(\.promotedPoisoned)
        rejectedPoisoned = sum(\.rejectedPoisoned)
        promotedAfter = sum(\.promotedAfter)
        rejections = sum(\.rejections)
        named = sum(\.named)
        falseRejections = sum(\.falseRejections)
        selfRollbacks = sum(\.selfRollbacks)
        let detections = runs.compactMap(\.detection).sorted()
        detected = detections.count
        detectionMedian = detections.isEmpty ? nil : detections[detections.count / 2]
        refreshes = runs.map(\.refreshes)
        excess = (0..<3).map { window in
            runs.reduce(0) { $0 + $1.excess[window] } / Double(runs.count)
        }
    }

    static func table(_ results: [PoisonResult]) -> String {
        var table = TextTable([
            ("poisoned", .left), ("guards", .left), ("streams", .right), ("detected", .right),
            ("after", .right), ("rejected", .right), ("named", .right), ("false", .right),
            ("refreshes served", .right), ("rejected", .right), ("served after", .right),
            ("went back", .right),
            ("excess before", .right), ("poisoned", .right), ("at the end", .right),
        ])
        for result in results {
            table.add(
                "\(fixed(result.share, 0)) %", result.isGuarded ? "yes" : "no",
                "\(result.streams)", "\(result.detected)",
                result.detectionMedian.map { grouped($0) } ?? "–", "\(result.rejections)",
                "\(result.named)", "\(result.falseRejections)", "\(result.promotedPoisoned)",
                "\(result.rejectedPoisoned)", "\(result.promotedAfter)", "\(result.selfRollbacks)",
                fixed(100 * result.excess[0], 2) + " %", fixed(100 * result.excess[1], 2) + " %",
                fixed(100 * result.excess[2], 2) + " %")
        }
        return table.rendered()
            + "\n\"After\": examples from the first poisoned visit to the first rejection, median."
    }
}
