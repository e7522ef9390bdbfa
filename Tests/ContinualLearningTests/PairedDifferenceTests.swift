import ContinualLearning
import Foundation
import Records
import Testing

@Suite("Paired differences")
struct PairedDifferenceTests {
    private func loss(_ logit: Double, _ label: Bool) -> Double {
        log(1 + exp(label ? -logit : logit))
    }

    @Test("mean, clustered error and interval are those of the formulas")
    func formulas() throws {
        // Three items with two, one and two examples.
        let rows: [(item: String, logit: Double, other: Double, label: Bool, weight: Double)] = [
            ("a", -1, -1.5, true, 1), ("a", -2, -1, false, 2), ("b", 0.5, 0, true, 1),
            ("c", -3, -2, false, 1), ("c", -1, -2, true, 4),
        ]
        var paired = PairedDifference()
        for row in rows {
            paired.observe(
                logit: row.logit, reference: row.other, label: row.label, weight: row.weight,
                item: row.item, user: "one")
        }
        let report = paired.report
        let weight = rows.reduce(0) { $0 + $1.weight }
        let rate = rows.reduce(0) { $0 + ($1.label ? $1.weight : 0) } / weight
        let entropy = -rate * log(rate) - (1 - rate) * log(1 - rate)
        func difference(
            _ row: (item: String, logit: Double, other: Double, label: Bool, weight: Double)
        )
            -> Double
        {
            row.weight * (loss(row.logit, row.label) - loss(row.other, row.label))
        }
        let mean = rows.reduce(0) { $0 + difference($1) } / weight
        #expect(abs(try #require(report.normalizedEntropy) - mean / entropy) < 1e-12)
        var squares = 0.0
        for item in ["a", "b", "c"] {
            let own = rows.filter { $0.item == item }
            let sum = own.reduce(0) { $0 + difference($1) - mean * $1.weight }
            squares += sum * sum
        }
        let error = (squares * 3 / 2).squareRoot() / weight / entropy
        let interval = try #require(report.byItem)
        #expect(abs(try #require(interval.standardError) - error) < 1e-12)
        // Student's 97.5 % quantile at two degrees of freedom.
        #expect(abs(try #require(interval.high) - (mean / entropy + 4.303 * error)) < 1e-9)
        // One user alone tells nothing about users.
        #expect(report.byUser?.clusters == 1 && report.byUser?.low == nil)
    }

    @Test("what is no finite number is refused, and labels of one kind have no entropy")
    func refusals() {
        var paired = PairedDifference()
        let taken = [
            paired.observe(logit: .nan, reference: 0, label: true, item: "a", user: "u"),
            paired.observe(logit: 0, reference: .infinity, label: true, item: "a", user: "u"),
        ]
        #expect(taken == [false, false])
        #expect(paired.examples == 0)
        paired.observe(logit: 0, reference: 1, label: true, item: "a", user: "u")
        #expect(paired.report.examples == 1 && paired.report.normalizedEntropy == nil)
    }

    @Test(
        "of models as good as each other, both kinds of interval cover no difference 95 times in 100"
    )
    func coverage() throws {
        var covered = 0
        var naive = 0
        let worlds = 400
        for seed in 0..<UInt64(worlds) {
            var random = SeededRandom(seed: 1 + seed)
            var paired = PairedDifference()
            // Both models are as good; which one suits an item is chance.
            for item in 0..<60 {
                let taste = 0.5 * random.normal()
                for row in 0..<40 {
                    let label = random.unit() < 0.5
                    paired.observe(
                        logit: taste, reference: -taste, label: label, item: "\(item)",
                        user: "\(item * 40 + row)")
                }
            }
            let report = paired.report
            let item = try #require(report.byItem)
            if try #require(item.low) <= 0, try #require(item.high) >= 0 { covered += 1 }
            let user = try #require(report.byUser)
            if try #require(user.low) <= 0, try #require(user.high) >= 0 { naive += 1 }
        }
        #expect((0.92...0.98).contains(Double(covered) / Double(worlds)), "\(covered)")
        #expect((0.92...0.98).contains(Double(naive) / Double(worlds)), "\(naive)")
    }

    @Test(
        "where items' labels go together, intervals by user are too narrow and those by item hold")
    func clusters() throws {
        var byItem = 0
        var byUser = 0
        let worlds = 400
        for seed in 0..<UInt64(worlds) {
            var random = SeededRandom(seed: 9000 + seed)
            var paired = PairedDifference()
            for item in 0..<60 {
                let likes = random.unit() < 0.5
                for row in 0..<20 {
                    paired.observe(
                        logit: 0.3, reference: -0.3, label: likes, item: "\(item)",
                        user: "\(item * 20 + row)")
                }
            }
            let report = paired.report
            let item = try #require(report.byItem)
            if try #require(item.low) <= 0, try #require(item.high) >= 0 { byItem += 1 }
            let user = try #require(report.byUser)
            if try #require(user.low) <= 0, try #require(user.high) >= 0 { byUser += 1 }
        }
        #expect(Double(byItem) / Double(worlds) > 0.92, "\(byItem)")
        #expect(Double(byUser) / Double(worlds) < 0.6, "\(byUser)")
    }
}
