import Foundation
import ResponseModel
import Testing

@Suite struct PredictionTests {
    static func trained(_ count: Int, seed: UInt64 = 11) throws -> (ResponseHead, Stream) {
        var stream = Stream(seed: seed, spread: 25)
        var configuration = HeadConfiguration()
        configuration.slotCountMax = 12
        configuration.priorEventCount = 300
        var head = ResponseHead(
            name: "click", dimension: stream.dimension, configuration: configuration)
        for example in stream.examples(count) { try head.learn(example) }
        return (head, stream)
    }

    @Test("predict says what learn will say first, and changes nothing")
    func agrees() throws {
        var (head, stream) = try Self.trained(400)
        var worst = 0.0
        for example in stream.examples(800) {
            let before = StateTests.dump(head)
            let predicted = try head.predict(example)
            #expect(StateTests.dump(head) == before)
            let learned = try head.learn(example)
            worst = max(
                worst, abs(predicted.logit - learned.logit),
                abs(predicted.variance - learned.variance))
        }
        #expect(worst < 1e-9, "largest difference \(worst)")
    }

    @Test("demand at several depths is the prediction at each of them")
    func demand() throws {
        var (head, stream) = try Self.trained(700)
        let depths = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6]
        for example in stream.examples(50) {
            let all = try head.demand(example.exposure, item: example.item, depths: depths)
            for (depth, one) in zip(depths, all) {
                let alone = try head.predict(
                    example.exposure.at(discount: depth), item: example.item)
                #expect(abs(one.logit - alone.logit) < 1e-12)
                #expect(abs(one.variance - alone.variance) < 1e-10)
            }
            try head.learn(example)
        }
        #expect(try head.demand(stream.next().exposure, item: stream.items[0], depths: []).isEmpty)
    }

    @Test("an item never seen, of a category never seen, is predicted, with more variance")
    func unseen() throws {
        let (head, stream) = try Self.trained(1500)
        var probe = stream
        let example = probe.next()
        let known = try head.predict(example)
        let item = ItemFeatures(
            id: "new", category: "new area / new shelf", brand: "new brand",
            vector: example.item.vector)
        var exposure = example.exposure
        exposure.user = "new user"
        let unknown = try head.predict(exposure, item: item)
        #expect(unknown.logit.isFinite && unknown.variance > known.variance)
        var later = exposure
        later.tsMs += 400 * 24 * 3_600_000
        #expect(try head.predict(later, item: item).variance > unknown.variance)
    }

    @Test("a new item with a good text is expected to do better than one with a bad text")
    func text() throws {
        var head = ResponseHead(name: "click", dimension: 4)
        let good: [Float] = [1, 0, 0, 0]
        let bad: [Float] = [0, 1, 0, 0]
        for index in 0..<3000 {
            let isGood = index % 2 == 0
            let exposure = Exposure(tsMs: Int64(index) * 600_000, user: "u\(index % 50)", price: 1)
            try head.learn(
                exposure,
                item: ItemFeatures(id: "i\(index % 20)", vector: isGood ? good : bad),
                label: isGood ? index % 10 < 6 : index % 10 < 2)
        }
        let later = Exposure(tsMs: 3_600_000 * 5000, user: "other", price: 1)
        let better = try head.predict(later, item: ItemFeatures(id: "x", vector: good))
        let worse = try head.predict(later, item: ItemFeatures(id: "y", vector: bad))
        #expect(better.logit > worse.logit + 0.5)
    }

    @Test("contributions add up to the logit, the largest first")
    func contributions() throws {
        var (head, stream) = try Self.trained(900)
        for example in stream.examples(40) {
            let parts = try head.contributions(example.exposure, item: example.item)
            let sum = parts.reduce(0) { $0 + $1.logit }
            let logit = try head.predict(example).logit
            #expect(abs(sum - logit) < 1e-3 * 40)
            #expect(zip(parts, parts.dropFirst()).allSatisfy { abs($0.logit) >= abs($1.logit) })
            #expect(parts.contains { $0.name == "base level" })
            try head.learn(example)
        }
    }

    @Test("a weight of one half twice moves the mean about as far as one event")
    func weights() throws {
        let (head, stream) = try Self.trained(600)
        var probe = stream
        let example = probe.next()
        func moved(_ weights: [Double]) throws -> Double {
            var copy = head
            let before = try copy.predict(example).logit
            for weight in weights { try copy.learn(example, weight: weight) }
            return try copy.predict(example).logit - before
        }
        let whole = try moved([1])
        let halves = try moved([0.5, 0.5])
        let little = try moved([0.01])
        #expect(abs(whole - halves) < 0.1 * abs(whole))
        #expect(abs(little) < 0.05 * abs(whole))
    }

    @Test("numbers that are not finite or out of range are refused and leave no trace")
    func refusals() throws {
        var (head, stream) = try Self.trained(300)
        let example = stream.next()
        let before = StateTests.dump(head)
        var bad: [(Exposure, ItemFeatures, Double)] = []
        for price in [0, -1, Double.nan, .infinity] {
            var exposure = example.exposure
            exposure.price = price
            bad.append((exposure, example.item, 1))
        }
        for discount in [-0.1, 1, Double.nan] {
            bad.append((example.exposure.at(discount: discount), example.item, 1))
        }
        var exposure = example.exposure
        exposure.context = [(key: "display", value: .number(.nan))]
        bad.append((exposure, example.item, 1))
        for vector in [[], [Float](repeating: .nan, count: 8), [Float](repeating: 9, count: 8)] {
            bad.append((example.exposure, ItemFeatures(id: example.item.id, vector: vector), 1))
            bad.append((example.exposure, ItemFeatures(id: "other", vector: vector), 1))
        }
        for weight in [0, -1, 1e9, Double.nan, .infinity] {
            bad.append((example.exposure, example.item, weight))
        }
        for (exposure, item, weight) in bad {
            #expect(throws: ResponseError.self) {
                try head.learn(exposure, item: item, label: true, weight: weight)
            }
            if weight == 1 {
                #expect(throws: ResponseError.self) { try head.predict(exposure, item: item) }
            }
        }
        #expect(StateTests.dump(head) == before)
    }
}
