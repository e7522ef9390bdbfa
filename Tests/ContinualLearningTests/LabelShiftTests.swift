import ContinualLearning
import Foundation
import Records
import Testing

@Suite struct LabelShiftTests {
    private static let slices = ["a", "b", "c", "d", "e"]

    /// What is found where the labels of slice `a` are positive `factor` times as often as predicted.
    private static func finding(
        factor: Double, seed: UInt64, examples: Int = 20_000
    ) -> LabelShift.Finding? {
        var random = SeededRandom(seed: seed)
        var shift = LabelShift(slices: slices, candidate: 1)
        for _ in 0..<examples {
            let slice = slices[Int(random.unit() * 5)]
            let logit = -3 + 0.6 * random.normal()
            let chance = 1 / (1 + exp(-logit)) * (slice == "a" ? factor : 1)
            shift.observe(logit: logit, label: random.unit() < chance, weight: 1, slice: slice)
        }
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
            #expect(Self.finding(factor: 1.1, seed: seed) == nil)
        }
    }

    @Test("a category with far more or fewer positives than predicted is found and named")
    func shifted() {
        for seed in 0..<30 as Range<UInt64> {
            #expect(Self.finding(factor: 2.5, seed: seed)?.slice == "a")
            #expect(Self.finding(factor: 0.1, seed: seed)?.slice == "a")
        }
        // Nothing is said before the first window is full.
        #expect(Self.finding(factor: 10, seed: 1, examples: 2_499) == nil)
        let found = Self.finding(factor: 10, seed: 1, examples: 2_500)
        #expect(found?.slice == "a" && found?.examples ?? 0 > 400)
    }

    @Test("what is no finite number is not counted")
    func bad() {
        var shift = LabelShift(slices: [], candidate: 1)
        for _ in 0..<5_000 {
            shift.observe(logit: .nan, label: true, weight: 1, slice: nil)
            shift.observe(logit: -3, label: true, weight: .infinity, slice: nil)
        }
        #expect(shift.finding == nil)
    }
}
