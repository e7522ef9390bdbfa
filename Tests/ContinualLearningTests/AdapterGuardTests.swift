import ContinualLearning
import Records
import Testing

/// The arithmetic of what holds adapters back from forgetting.
@Suite struct AdapterGuardTests {
    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Float(random.normal()) }
    }

    private func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }

    @Test("the anchor's gradient is that of its penalty, and zero at the anchor")
    func anchor() {
        let place = numbers(12, seed: 1)
        let anchor = FisherAnchor(
            anchor: place, importance: numbers(12, seed: 2).map { $0 * $0 }, strength: 0.7)
        var values = numbers(12, seed: 3)
        var gradient = [Float](repeating: 0.25, count: 12)
        anchor.addGradient(values, to: &gradient)
        let step: Float = 1 / 64
        for index in values.indices {
            let kept = values[index]
            values[index] = kept + step
            let up = anchor.penalty(values)
            values[index] = kept - step
            let down = anchor.penalty(values)
            values[index] = kept
            let central = (up - down) / Double(2 * step)
            #expect(abs(central + 0.25 - Double(gradient[index])) < 1e-4)
        }
        var still = [Float](repeating: 0, count: 12)
        anchor.addGradient(place, to: &still)
        #expect(still.allSatisfy { $0 == 0 })
        #expect(anchor.penalty(place) == 0)
    }

    @Test("without importance the anchor changes no bit of a gradient")
    func freeAnchor() {
        let anchor = FisherAnchor(anchor: numbers(5, seed: 1), importance: [], strength: 3)
        let before = numbers(5, seed: 2)
        var gradient = before
        anchor.addGradient(numbers(5, seed: 3), to: &gradient)
        #expect(gradient == before)
        #expect(anchor.penalty(numbers(5, seed: 3)) == 0)
    }

    @Test("importance is the mean square of one text's gradient, and the old one decays beside it")
    func importance() {
        var measure = FisherMeasure(count: 3)
        measure.add([1, 0, -2], texts: 4)
        measure.add([3, 0, 0], texts: 2)
        // (4·1 + 2·9) / 2, 0, (4·4 + 0) / 2.
        #expect(measure.importance(after: [], decay: 0.9) == [11, 0, 8])
        #expect(measure.importance(after: [10, 10, 0], decay: 0.5) == [16, 5, 8])
        #expect(FisherMeasure(count: 3).importance(after: [1, 2, 3], decay: 0.5) == [1, 2, 3])
    }

    @Test("a projected step does no harm to the reference, and is the nearest such step")
    func projection() {
        var conflicts = 0
        for seed in 0..<200 as Range<UInt64> {
            let before = numbers(9, seed: seed)
            let reference = numbers(9, seed: 1000 + seed)
            var after = before
            let changed = GradientProjection.project(&after, along: reference)
            #expect(dot(after, reference) > -1e-5, "seed \(seed)")
            if dot(before, reference) >= 0 {
                #expect(!changed && after == before, "seed \(seed)")
                continue
            }
            conflicts += 1
            #expect(changed)
            // What was taken out is along the reference alone.
            let removed = zip(before, after).map { $0 - $1 }
            let aligned =
                abs(dot(removed, reference))
                / (dot(removed, removed) * dot(reference, reference)).squareRoot()
            #expect(abs(aligned - 1) < 1e-5, "seed \(seed)")
        }
        #expect(conflicts > 50)
        var gradient = numbers(4, seed: 1)
        let kept = gradient
        #expect(!GradientProjection.project(&gradient, along: [0, 0, 0, 0]))
        #expect(!GradientProjection.project(&gradient, along: [.nan, 0, 0, 0]))
        #expect(gradient == kept)
    }

    @Test("the running mean moves its share of the way with each step")
    func average() {
        var average = WeightAverage(values: [0, 8], rate: 0.25)
        average.add([4, 8])
        #expect(average.values == [1, 8])
        average.add([5, 0])
        #expect(average.values == [2, 6])
        var latest = WeightAverage(values: [3, 1], rate: 1)
        latest.add([0.5, 7])
        #expect(latest.values == [0.5, 7])
    }
}
