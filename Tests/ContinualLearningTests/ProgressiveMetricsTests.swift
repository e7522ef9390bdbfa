import Foundation
import Records
import Testing

import ContinualLearning

/// The scores of a set by their definitions: sorting, no histogram.
struct ExactScores {
    var logLoss = 0.0
    var normalizedEntropy = 0.0
    var auc = 0.0
    var ece = 0.0

    init(_ rows: [(logit: Double, label: Bool)]) {
        let n = Double(rows.count)
        let p = { (z: Double) in 1 / (1 + Foundation.exp(-z)) }
        let positives = Double(rows.count { $0.label })
        for row in rows { logLoss -= Foundation.log(row.label ? p(row.logit) : p(-row.logit)) / n }
        let base = positives / n
        normalizedEntropy =
            logLoss / -(base * Foundation.log(base) + (1 - base) * Foundation.log(1 - base))
        let sorted = rows.sorted { $0.logit < $1.logit }
        var rankSum = 0.0
        for (rank, row) in sorted.enumerated() where row.label { rankSum += Double(rank + 1) }
        auc = (rankSum - positives * (positives + 1) / 2) / (positives * (n - positives))
        var begin = 0
        for group in 0..<15 {
            let size = rows.count / 15 + (group < rows.count % 15 ? 1 : 0)
            let part = sorted[begin..<begin + size]
            begin += size
            ece += abs(part.reduce(0) { $0 + p($1.logit) - ($1.label ? 1 : 0) }) / n
        }
    }
}

/// Logits around `mean`, labels drawn from the truth that the logits tell with an error.
func draws(_ count: Int, mean: Double, spread: Double, error: Double, seed: UInt64)
    -> [(logit: Double, label: Bool)]
{
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in
        let truth = mean + spread * random.normal()
        let label = random.unit() < logistic(truth)
        return (truth + error * random.normal() + error / 4, label)
    }
}

@Suite("Progressive metrics")
struct ProgressiveMetricsTests {
    /// Groups of the calibration error end inside a bin, whose labels are then shared out; the
    /// narrower the logits lie together, the more examples that is.
    @Test(
        "scores agree with their exact definitions",
        arguments: [
            (count: 20_000, mean: -2.5, spread: 0.6, error: 0.3, tolerance: 2e-4),
            (count: 20_000, mean: -7.0, spread: 1.5, error: 0.5, tolerance: 2e-4),
            (count: 5_000, mean: 0.0, spread: 3.0, error: 1.0, tolerance: 2e-4),
            (count: 20_000, mean: -1.0, spread: 0.2, error: 0.1, tolerance: 5e-4),
            (count: 333, mean: -1.0, spread: 1.0, error: 0.3, tolerance: 2e-4),
        ])
    func exact(count: Int, mean: Double, spread: Double, error: Double, tolerance: Double) throws {
        let rows = draws(count, mean: mean, spread: spread, error: error, seed: 7)
        var metrics = ProgressiveMetrics(heads: ["click"])
        for row in rows {
            metrics.observe(
                head: 0, logit: row.logit, label: row.label, tsMs: 0, slices: ["everything"])
        }
        let truth = ExactScores(rows)
        let report = metrics.report()
        let slice = try #require(report.slices["everything"]?["click"])
        let coarse = 2 * tolerance + 2 / Double(count)
        for (score, tolerance) in [(metrics.score(head: 0), tolerance), (slice, coarse)] {
            #expect(score.count == count)
            #expect(score.positives == rows.count { $0.label })
            #expect(abs(try #require(score.logLoss) - truth.logLoss) < 1e-9)
            #expect(abs(try #require(score.normalizedEntropy) - truth.normalizedEntropy) < 1e-9)
            let auc = abs(try #require(score.auc) - truth.auc)
            let ece = abs(try #require(score.ece) - truth.ece)
            #expect(auc < tolerance, "AUC is off by \(auc)")
            #expect(ece < tolerance, "ECE is off by \(ece)")
        }
    }

    @Test("ten equal examples and one of weight ten score the same")
    func weights() throws {
        var one = ProgressiveMetrics(heads: ["click"])
        var ten = ProgressiveMetrics(heads: ["click"])
        for row in draws(500, mean: -1, spread: 1, error: 0.2, seed: 3) {
            one.observe(head: 0, logit: row.logit, label: row.label, weight: 10, tsMs: 0)
            for _ in 0..<10 { ten.observe(head: 0, logit: row.logit, label: row.label, tsMs: 0) }
        }
        let (a, b) = (one.score(head: 0), ten.score(head: 0))
        #expect(a.count == 500 && b.count == 5_000)
        #expect(abs(try #require(a.normalizedEntropy) - (try #require(b.normalizedEntropy))) < 1e-9)
        #expect(abs(try #require(a.auc) - (try #require(b.auc))) < 1e-12)
        #expect(abs(try #require(a.ece) - (try #require(b.ece))) < 1e-3)
    }

    @Test("windows follow the stream, stay bounded and lose no example")
    func windows() throws {
        var metrics = ProgressiveMetrics(
            heads: ["click", "purchase"],
            configuration: .init(windowExamples: 100, windowsMax: 8))
        let rows = draws(3_333, mean: -1, spread: 1, error: 0.2, seed: 5)
        for (index, row) in rows.enumerated() {
            metrics.observe(
                head: index % 3 == 0 ? 1 : 0, logit: row.logit, label: row.label,
                tsMs: Int64(index))
        }
        let windows = metrics.report().windows
        #expect(windows.count <= 8 && windows.count > 4)
        #expect(windows.first?.from == 0 && windows.last?.to == 3_333)
        for (a, b) in zip(windows, windows.dropFirst()) {
            #expect(a.to == b.from && a.toTsMs + 1 == b.fromTsMs)
            #expect(a.to - a.from == windows[0].to)
        }
        for window in windows {
            let part = (window.from..<window.to).filter { $0 % 3 != 0 }.map { rows[$0] }
            let score = try #require(window.progressive["click"])
            let truth = ExactScores(part)
            #expect(score.count == part.count)
            #expect(abs(try #require(score.logLoss) - truth.logLoss) < 1e-9)
            #expect(abs(try #require(score.auc) - truth.auc) < 1e-3)
        }
    }

    @Test("slices beyond the bound share the slice 'other', an example once")
    func slices() {
        var metrics = ProgressiveMetrics(heads: ["click"], configuration: .init(slicesMax: 3))
        for index in 0..<60 {
            metrics.observe(
                head: 0, logit: -1, label: index % 2 == 0, tsMs: 0,
                slices: ["a=\(index % 6)", "b=\(index % 6)"])
        }
        let slices = metrics.report().slices
        #expect(Set(slices.keys) == ["a=0", "b=0", "a=1", "other"])
        #expect(slices["a=0"]?["click"]?.count == 10)
        #expect(slices["other"]?["click"]?.count == 50)
    }

    @Test("what is no finite number is counted and enters no score")
    func nonFinite() {
        var metrics = ProgressiveMetrics(heads: ["click"])
        metrics.observe(head: 0, logit: .nan, label: true, tsMs: 0)
        metrics.observe(head: 0, logit: -.infinity, label: true, tsMs: 0)
        metrics.observe(head: 0, logit: 0, label: true, weight: .nan, tsMs: 0)
        metrics.observe(head: 0, logit: 0, label: true, weight: 0, tsMs: 0)
        metrics.observe(head: 0, logit: -700, label: true, tsMs: 0)
        let report = metrics.report()
        #expect(report.nonFinite == 4)
        #expect(report.progressive["click"]?.count == 1)
        #expect(report.progressive["click"]?.logLoss == 700)
    }

    @Test("undetermined figures are null in JSON, and the keys are those of the report")
    func json() throws {
        var metrics = ProgressiveMetrics(heads: ["click", "purchase"])
        metrics.observe(head: 0, logit: -1, label: false, tsMs: 17)
        let bytes = try JSONEncoder().encode(metrics.report())
        let json = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        let click = try #require((json["progressive"] as? [String: [String: Any]])?["click"])
        #expect(
            Set(click.keys) == [
                "count", "positives", "log_loss", "normalized_entropy", "auc", "ece",
                "predicted_observed_ratio",
            ])
        #expect(click["auc"] is NSNull && click["normalized_entropy"] is NSNull)
        #expect(try JSONDecoder().decode(ProgressiveReport.self, from: bytes) == metrics.report())
    }

    @Test("restored metrics go on bit for bit", arguments: 0..<6 as Range<UInt64>)
    func restore(_ seed: UInt64) throws {
        let configuration = ProgressiveMetrics.Configuration(
            windowExamples: 50, windowsMax: 6, slicesMax: 3)
        var random = SeededRandom(seed: seed)
        var metrics = ProgressiveMetrics(
            heads: ["click", "purchase"], configuration: configuration)
        var state = MemoryState()
        for row in draws(1_500, mean: -2, spread: 1, error: 0.3, seed: seed) {
            metrics.observe(
                head: Int(random.next() % 2), logit: row.logit, label: row.label,
                weight: random.unit() < 0.1 ? 1 / 3.0 : 1, tsMs: Int64(random.next() % 1000),
                slices: ["s=\(random.next() % 5)"])
            guard random.unit() < 0.02 else { continue }
            var changes = StateChanges()
            metrics.collectChanges(into: &changes)
            state.apply(changes)
            if random.unit() < 0.5 {
                let copy = try #require(
                    try ProgressiveMetrics.restore(
                        heads: ["click", "purchase"], configuration: configuration, from: state))
                #expect(copy.report() == metrics.report(), "seed \(seed)")
                metrics = copy
            }
        }
        #expect(
            rows(of: ProgressiveMetrics.table, in: state) != [:], "seed \(seed): nothing collected")
    }

    @Test("the rows after many commits are those of one commit at the end")
    func incremental() throws {
        let configuration = ProgressiveMetrics.Configuration(
            windowExamples: 40, windowsMax: 4, slicesMax: 2)
        var often = ProgressiveMetrics(heads: ["click"], configuration: configuration)
        var once = often
        var state = MemoryState()
        for (index, row) in draws(900, mean: -2, spread: 1, error: 0.3, seed: 1).enumerated() {
            for step in 0..<2 {
                if step == 0 {
                    often.observe(
                        head: 0, logit: row.logit, label: row.label, tsMs: Int64(index),
                        slices: ["\(index % 3)"])
                } else {
                    once.observe(
                        head: 0, logit: row.logit, label: row.label, tsMs: Int64(index),
                        slices: ["\(index % 3)"])
                }
            }
            if index % 13 == 0 {
                var changes = StateChanges()
                often.collectChanges(into: &changes)
                state.apply(changes)
            }
        }
        var changes = StateChanges()
        often.collectChanges(into: &changes)
        state.apply(changes)
        var whole = StateChanges()
        once.collectChanges(into: &whole)
        var fresh = MemoryState()
        fresh.apply(whole)
        #expect(
            rows(of: ProgressiveMetrics.table, in: state)
                == rows(of: ProgressiveMetrics.table, in: fresh))
        var nothing = StateChanges()
        often.collectChanges(into: &nothing)
        #expect(nothing.rows.count == 1, "unchanged metrics collect their header only")
    }

    @Test("damaged rows are named")
    func damaged() throws {
        var metrics = ProgressiveMetrics(heads: ["click"])
        metrics.observe(head: 0, logit: -1, label: false, tsMs: 17)
        var changes = StateChanges()
        metrics.collectChanges(into: &changes)
        for row in changes.rows {
            var state = MemoryState()
            state.apply(changes)
            var cut = StateChanges()
            cut.put(row.table, row.key, Array(try #require(row.value).dropLast()))
            state.apply(cut)
            #expect(throws: ContinualLearningError.self) {
                try ProgressiveMetrics.restore(heads: ["click"], from: state)
            }
        }
        var state = MemoryState()
        state.apply(changes)
        #expect(throws: ContinualLearningError.self) {
            try ProgressiveMetrics.restore(heads: ["purchase"], from: state)
        }
        #expect(try ProgressiveMetrics.restore(heads: ["click"], from: MemoryState()) == nil)
    }
}

/// All rows of a table, for comparing two states.
func rows(of table: StateTable, in state: MemoryState) -> [[UInt8]: [UInt8]] {
    var rows: [[UInt8]: [UInt8]] = [:]
    state.forEach(table) { rows[$0] = $1 }
    return rows
}
