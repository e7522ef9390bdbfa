import ContinualLearning
import Foundation
import Records
import Testing

@Suite struct LabelShiftTests {
    private static let slices = ["a", "b", "c", "d", "e"]

    private static func fresh() -> LabelShift {
        LabelShift(
            heads: ["purchase"], slices: slices.map { .init(head: "purchase", name: $0) },
            judgements: 64)
    }

    /// What is found where the labels of slice `a` are positive `factor` times as often as predicted.
    private static func finding(
        factor: Double, seed: UInt64, examples: Int = 20_000
    ) -> LabelShift.Finding? {
        var random = SeededRandom(seed: seed)
        var shift = fresh()
        for _ in 0..<examples {
            let slice = slices[Int(random.unit() * 5)]
            let logit = -3 + 0.6 * random.normal()
            let chance = 1 / (1 + exp(-logit)) * (slice == "a" ? factor : 1)
            shift.observe(
                served: logit, moved: 0, label: random.unit() < chance, weight: 1,
                head: "purchase", category: slice)
        }
        shift.endWindow { _ in 10_000 }
        return shift.finding
    }

    @Test(
        "labels that are as predicted are found shifted in none of 200 streams, nor within the margin"
    )
    func quiet() {
        for seed in 0..<200 as Range<UInt64> {
            #expect(Self.finding(factor: 1, seed: seed) == nil)
        }
        for seed in 0..<50 as Range<UInt64> {
            #expect(Self.finding(factor: 1.05, seed: seed) == nil)
        }
    }

    @Test("chance alone is found as often as alpha says, and no more", arguments: [8.0, 40, 400])
    func alarms(expected: Double) {
        var random = SeededRandom(seed: 11)
        // Of one slice in one window two per cent.
        let configuration = LabelShift.Configuration(
            margin: 0, alpha: 0.02 * Double(LevelHistory.windowsMax))
        let chance = 0.05
        var alarms = 0
        let windows = Int(800_000 / expected)
        for _ in 0..<windows {
            var shift = LabelShift(
                heads: ["purchase"], slices: [], judgements: 1, configuration: configuration)
            for _ in 0..<Int(expected / chance) {
                shift.observe(
                    served: log(chance / (1 - chance)), moved: 0, label: random.unit() < chance,
                    weight: 1, head: "purchase", category: nil)
            }
            shift.endWindow { _ in 10_000 }
            if shift.finding != nil { alarms += 1 }
        }
        let share = Double(alarms) / Double(windows)
        #expect(share < 0.021 && share > 0.007, "\(share)")
    }

    @Test("a category with far more or fewer positives than predicted is found and named")
    func shifted() {
        for seed in 0..<30 as Range<UInt64> {
            #expect(Self.finding(factor: 2.5, seed: seed)?.slice == "a")
            #expect(Self.finding(factor: 0.1, seed: seed)?.slice == "a")
        }
        let found = Self.finding(factor: 10, seed: 1, examples: 2_500)
        #expect(found?.slice == "a" && found?.examples ?? 0 > 400)
    }

    @Test("what heads have learned of the shift is found none the less, once it is taken back")
    func learned() {
        for seed in 0..<30 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            // Half of the positives of slice `a` are false, and predicted.
            func finding(moved: Double) -> LabelShift.Finding? {
                var shift = Self.fresh()
                for _ in 0..<20_000 {
                    let slice = Self.slices[Int(random.unit() * 5)]
                    let logit = -3 + (slice == "a" ? log(2.0) : 0)
                    shift.observe(
                        served: logit, moved: slice == "a" ? moved : 0,
                        label: random.unit() < 1 / (1 + exp(-logit)), weight: 1,
                        head: "purchase", category: slice)
                }
                shift.endWindow { _ in 10_000 }
                return shift.finding
            }
            #expect(finding(moved: 0) == nil)
            #expect(finding(moved: log(2.0))?.slice == "a")
        }
    }

    @Test("what all categories share is no shift of one of them")
    func season() {
        var random = SeededRandom(seed: 1)
        var shift = Self.fresh()
        for _ in 0..<20_000 {
            // Everything sells twice as often as before, and is predicted to.
            let slice = Self.slices[Int(random.unit() * 5)]
            let logit = -3 + log(2.0)
            shift.observe(
                served: logit, moved: log(2.0), label: random.unit() < 1 / (1 + exp(-logit)),
                weight: 1, head: "purchase", category: slice)
        }
        shift.endWindow { _ in 10_000 }
        #expect(shift.finding == nil)
    }

    @Test("a level that rests on few positives is not held to be right")
    func unsure() {
        var shift = Self.fresh()
        for known in [10_000.0, 5, 0] {
            for number in 0..<4_000 {
                shift.observe(
                    served: -3, moved: 0, label: number % 10 == 0, weight: 1, head: "purchase",
                    category: "a")
                // Other categories keep the level of everything.
                for _ in 0..<4 {
                    shift.observe(
                        served: -3, moved: 0, label: number % 26 == 0, weight: 1,
                        head: "purchase", category: "b")
                }
            }
            shift.endWindow { _ in known }
            #expect((shift.finding?.slice == "a") == (known == 10_000))
            shift = Self.fresh()
        }
    }

    @Test("what was found stands until the labels are back within the margin")
    func stands() {
        let known = LevelHistory.Category(head: "purchase", name: "a")
        func finding(share: Double, _ known: LevelHistory.Category?) -> LabelShift.Finding? {
            var shift = Self.fresh()
            for (slice, count) in [("a", 2_000), ("b", 8_000)] {
                let positives = Double(count) * 0.05 * (slice == "a" ? share : 1)
                for number in 0..<count {
                    shift.observe(
                        served: log(0.05 / 0.95), moved: 0, label: Double(number) < positives,
                        weight: 1, head: "purchase", category: slice)
                }
            }
            shift.endWindow(known: known) { _ in 10_000 }
            return shift.finding
        }
        #expect(finding(share: 1.2, nil) == nil)
        #expect(finding(share: 1.2, known)?.slice == "a")
        #expect(finding(share: 1.04, known) == nil)
        #expect(finding(share: 1.2, .init(head: "click", name: "a")) == nil)
    }

    @Test("a window is forgotten once it was looked at")
    func windows() {
        var shift = LabelShift(heads: ["purchase"], slices: [], judgements: 64)
        for _ in 0..<2 {
            for number in 0..<300 {
                shift.observe(
                    served: 0, moved: 0, label: number < 195, weight: 1,
                    head: "purchase", category: nil)
            }
            shift.endWindow { _ in 10_000 }
        }
        #expect(shift.finding == nil)
    }

    @Test("what is no finite number is not counted")
    func bad() {
        var shift = LabelShift(heads: ["purchase"], slices: [], judgements: 64)
        for _ in 0..<5_000 {
            shift.observe(
                served: .nan, moved: 0, label: true, weight: 1,
                head: "purchase", category: nil)
            shift.observe(
                served: -3, moved: .nan, label: true, weight: 1,
                head: "purchase", category: nil)
            shift.observe(
                served: -3, moved: 0, label: true, weight: .infinity,
                head: "purchase", category: nil)
        }
        shift.endWindow { _ in 10_000 }
        #expect(shift.finding == nil)
    }
}
