import ContinualLearning
import Foundation
import Records
import Testing

@Suite struct AnchorPanelTests {
    private static let slices = ["a", "b", "c", "d", "e"]

    /// The verdict on a head that says `shift` more than was served, and of slice `a` `own` more yet,
    /// where labels are as was served.
    private static func verdict(shift: Double, own: Double, seed: UInt64) -> RefreshGate.Verdict {
        var random = SeededRandom(seed: seed)
        var panel = AnchorPanel(slices: slices)
        for number in 0..<20_000 {
            let slice = slices[Int(random.unit() * 5)]
            let served = -3 + 0.8 * random.normal()
            let label = random.unit() < 1 / (1 + exp(-served))
            panel.add(
                served: served, logit: served + shift + (slice == "a" ? own : 0), label: label,
                weight: 1, user: "u\(number % 700)", slice: slice)
        }
        var gate = RefreshGate(
            slices: slices,
            configuration: RefreshGate.Configuration(
                margin: 0.02, sliceMargin: 0.08, examplesMax: .max))
        panel.judge(&gate, othersMin: 500)
        return gate.verdict()
    }

    @Test("a level that all slices share is no harm, however large")
    func level() {
        for shift in [-1.5, -0.5, 0, 0.5, 1.5] {
            let verdict = Self.verdict(shift: shift, own: 0, seed: 3)
            #expect(verdict.outcome == .promote, "shift \(shift): \(verdict)")
            #expect(verdict.evidence.allSatisfy { abs($0.harm ?? 1) < 0.005 }, "\(verdict)")
        }
    }

    @Test("one slice that is off is found and named, whatever the level of all")
    func slice() {
        for shift in [-1.0, 0, 1] {
            for own in [-2.0, 1.2] {
                let verdict = Self.verdict(shift: shift, own: own, seed: 4)
                #expect(verdict.outcome == .reject && verdict.slice == "a", "\(verdict)")
            }
        }
    }

    @Test("what is no number speaks against the head and fits no level")
    func notFinite() {
        var panel = AnchorPanel(slices: ["a"])
        for number in 0..<2_000 {
            panel.add(
                served: -2, logit: number % 2 == 0 ? .nan : -2, label: number % 8 == 1, weight: 1,
                user: "u\(number)", slice: "a")
        }
        panel.add(served: .nan, logit: 0, label: true, weight: 1, user: "u", slice: nil)
        panel.add(served: 0, logit: 0, label: true, weight: .infinity, user: "u", slice: nil)
        var gate = RefreshGate(slices: ["a"])
        panel.judge(&gate, othersMin: 500)
        #expect(gate.examples == 2_000)
        #expect(gate.verdict().outcome == .reject)
    }
}
