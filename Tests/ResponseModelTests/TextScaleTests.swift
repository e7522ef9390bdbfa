import Foundation
import Records
import ResponseModel
import Testing

/// Items with a text each and one outcome each, whose label the text tells as far as `variance` says.
private struct TextStream {
    let dimension = 24
    private let weights: [Double]
    private var random: SeededRandom
    private var count = 0

    init(seed: UInt64, variance: Double) {
        var random = SeededRandom(seed: seed)
        weights = (0..<24).map { _ in random.normal() * variance.squareRoot() }
        self.random = random
    }

    mutating func next() -> Stream.Example {
        count += 1
        var vector = (0..<dimension).map { _ in random.normal() }
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        vector = vector.map { $0 / length }
        let logit = zip(weights, vector).reduce(-0.5) { $0 + $1.0 * $1.1 }
        return Stream.Example(
            exposure: Exposure(
                tsMs: 1_700_000_000_000 + Int64(count) * 600_000, user: "u\(count)", price: 1),
            item: ItemFeatures(
                id: "i\(count)", category: nil, brand: nil, vector: vector.map { Float($0) }),
            label: random.unit() < stableLogistic(logit))
    }
}

/// How much texts may say is learned from the stream, whatever it was thought to be.
@Suite struct TextScaleTests {
    private static func head(
        variance: Double, deviation: Double = 1.5, dimension: Int
    ) -> ResponseHead {
        var configuration = HeadConfiguration()
        configuration.textVariance = variance
        configuration.textDeviation = deviation
        return ResponseHead(name: "click", dimension: dimension, configuration: configuration)
    }

    private static func loss(_ prediction: Prediction, _ label: Bool) -> Double {
        -log(label ? prediction.probability : 1 - prediction.probability)
    }

    @Test("the scale that made the labels is found, from ten times off on either side")
    func found() throws {
        for truth in [1.0, 8] {
            for first in [truth / 10, truth * 10] {
                var stream = TextStream(seed: 3, variance: truth)
                var head = Self.head(variance: first, dimension: stream.dimension)
                for _ in 0..<3_000 { try head.learn(stream.next()) }
                #expect(
                    (truth / 2.5...truth * 2.5).contains(head.textVariance),
                    "\(head.textVariance) for \(truth), from \(first)")
            }
        }
    }

    @Test("texts that say nothing come to count nothing")
    func noise() throws {
        var stream = TextStream(seed: 4, variance: 0)
        var head = Self.head(variance: 0.12, dimension: stream.dimension)
        for _ in 0..<4_000 { try head.learn(stream.next()) }
        #expect(head.textVariance < 0.04)
    }

    @Test("a scale found late acts on all that was learned before")
    func backwards() throws {
        var stream = TextStream(seed: 5, variance: 4)
        var found = Self.head(variance: 0.12, dimension: stream.dimension)
        let examples = (0..<2_000).map { _ in stream.next() }
        for example in examples { try found.learn(example) }
        // As if it had been known from the beginning.
        var known = Self.head(
            variance: found.textVariance, deviation: 0, dimension: stream.dimension)
        var fixed = Self.head(variance: 0.12, deviation: 0, dimension: stream.dimension)
        for example in examples {
            try known.learn(example)
            try fixed.learn(example)
        }
        var losses = (found: 0.0, known: 0.0, fixed: 0.0)
        for _ in 0..<1_000 {
            let example = stream.next()
            losses.found += Self.loss(try found.predict(example), example.label)
            losses.known += Self.loss(try known.predict(example), example.label)
            losses.fixed += Self.loss(try fixed.predict(example), example.label)
        }
        #expect(abs(losses.found - losses.known) < 2)
        #expect(losses.fixed > losses.found + 5)
    }

    @Test("the scale, its next estimate and the count of texts are part of the state")
    func state() throws {
        var stream = TextStream(seed: 6, variance: 2)
        var head = Self.head(variance: 0.12, dimension: stream.dimension)
        for _ in 0..<250 { try head.learn(stream.next()) }
        var changes = StateChanges()
        head.collectChanges(into: &changes)
        var state = MemoryState()
        state.apply(changes)
        var restored = try #require(
            try ResponseHead(
                restoring: "click", dimension: stream.dimension,
                configuration: head.configuration, from: state))
        #expect(restored.textVariance == head.textVariance && head.textVariance != 0.12)
        #expect(restored.textCount == 250)
        for _ in 0..<400 {
            let example = stream.next()
            #expect(try head.learn(example) == restored.learn(example))
        }
        #expect(restored.textVariance == head.textVariance)
    }
}
