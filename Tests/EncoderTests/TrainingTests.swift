import Records
import Testing

import Encoder

/// Words of the fixtures' vocabulary.
let vocabulary = [
    "aah", "bec", "civ", "dod", "euk", "faf", "geb", "hin", "iou", "jul", "kan", "leb", "mii",
]

/// Texts of 1 to `longest` words, some of them twice.
func someTexts(_ count: Int, longest: Int, seed: UInt64) -> [String] {
    var random = SeededRandom(seed: seed)
    var texts: [String] = []
    for index in 0..<count {
        if index % 7 == 6 {
            texts.append(texts[index / 2])
            continue
        }
        let words = 1 + Int(random.next() % UInt64(longest))
        texts.append(
            (0..<words).map { _ in
                vocabulary[Int(random.next() % UInt64(vocabulary.count))]
            }.joined(separator: " "))
    }
    return texts
}

/// d(loss)/d(vector) that pushes every vector another way.
func push(_ vectors: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>) {
    for index in 0..<vectors.count {
        unsafe gradient[index] = vectors[index] * Float(index % 5) - 0.3 * Float(index % 3)
    }
}

@Suite("Training changes the adapters and nothing else")
struct TrainingTests {
    static let configurations: [AdapterConfiguration] = [
        .init(rank: 4, layers: [1, 2]),
        .init(rank: 3, targets: AdapterTarget.allCases, layers: [0, 1, 2]),
        .init(kind: .houlsby, rank: 5, targets: [.attentionOutput, .output], layers: [1, 2]),
        .init(rank: 4, dropout: 0.2, targets: [.query, .intermediate, .output], layers: [2]),
    ]

    @Test(
        "after training every base tensor is bit-identical and every adapter tensor has moved",
        arguments: configurations)
    func frozen(_ configuration: AdapterConfiguration) throws {
        let base = try Fixture.base("gelu-mean")
        let before = base.tensors
        var adapters = try Adapters(configuration: configuration, base: base, seed: 5)
        let start = adapters
        let encoder = try TextEncoder(
            base: base, adapters: adapters, threads: 2, prefixCacheBytes: 1 << 20)
        var optimizer = AdamW(.init(learningRate: 0.01), for: adapters)
        for step in 0..<5 {
            let texts = someTexts(12, longest: 9, seed: UInt64(step % 2))
            let gradient = try unsafe encoder.trainStep(
                texts: texts, dropoutSeed: UInt64(step), upstream: push)
            let outcome = optimizer.step(&adapters, gradient)
            #expect(!outcome.skippedNonFinite && outcome.norm > 0)
            try encoder.setAdapters(adapters)
        }
        let after = base.tensors
        #expect(before.count == after.count && before.count > 40)
        for (old, new) in zip(before, after) {
            #expect(old.name == new.name && sameBits(old.values, new.values), "\(old.name)")
        }
        for (old, new) in zip(start.tensors, adapters.tensors) {
            let moved = zip(old.values, new.values).contains { $0 != $1 }
            #expect(moved, "\(new.name)")
        }
    }

    @Test(
        "gradients have the same bits on 1, 2 and 4 threads, with the cache off, cold and warm",
        arguments: configurations)
    func deterministic(_ configuration: AdapterConfiguration) throws {
        let base = try Fixture.base("gelu-mean")
        var adapters = try Adapters(configuration: configuration, base: base, seed: 5)
        let texts = someTexts(40, longest: 60, seed: 9)
        let warm = try TextEncoder(
            base: base, adapters: adapters, maxTokens: 64, prefixCacheBytes: 1 << 22)
        // Away from the start, where one half of the adapters is zero.
        var optimizer = AdamW(.init(learningRate: 0.05), for: adapters)
        let first = try unsafe warm.trainStep(texts: texts, dropoutSeed: 3, upstream: push)
        optimizer.step(&adapters, first)
        try warm.setAdapters(adapters)
        let reference = try unsafe warm.trainStep(texts: texts, dropoutSeed: 3, upstream: push)
        #expect(warm.prefixCacheCounts.hits > 0)
        let expectedVectors = try warm.encode(texts)
        for threads in [1, 2, 4] {
            for cache in [0, 1 << 14, 1 << 22] {
                let encoder = try TextEncoder(
                    base: base, adapters: adapters, maxTokens: 64, threads: threads,
                    prefixCacheBytes: cache)
                for _ in 0..<2 {
                    let gradient = try unsafe encoder.trainStep(
                        texts: texts, dropoutSeed: 3, upstream: push)
                    #expect(gradient == reference, "\(threads) threads, cache of \(cache)")
                    let vectors = try encoder.encode(texts)
                    #expect(sameBits(vectors, expectedVectors), "\(threads) threads, \(cache)")
                }
            }
        }
    }

    @Test("a text's vector has the bits it has alone, whatever is beside it")
    func split() throws {
        let base = try Fixture.model()
        let encoder = try TextEncoder(base: base, adapters: nil, threads: 2)
        let texts = someTexts(60, longest: 40, seed: 2)
        let together = try encoder.encode(texts)
        for (index, text) in texts.enumerated() where index % 4 == 0 {
            let alone = try encoder.encode([text])
            let row = together[index * base.hiddenSize..<(index + 1) * base.hiddenSize]
            #expect(sameBits(alone, Array(row)), "text \(index)")
        }
        let reversed = try encoder.encode(texts.reversed())
        for index in texts.indices {
            let there = texts.count - 1 - index
            let row = Array(together[index * 384..<(index + 1) * 384])
            #expect(sameBits(Array(reversed[there * 384..<(there + 1) * 384]), row))
        }
    }

    @Test("a gradient with NaN changes nothing and does not count as a step")
    func nonFinite() throws {
        let base = try Fixture.base("gelu-mean")
        var adapters = try Adapters(
            configuration: .init(rank: 2, layers: [2]), base: base, seed: 1)
        let encoder = try TextEncoder(base: base, adapters: adapters)
        var optimizer = AdamW(.init(), for: adapters)
        let (oldAdapters, oldOptimizer) = (adapters, optimizer)
        let gradient = try unsafe encoder.trainStep(texts: ["aah bec"]) { _, gradient in
            unsafe gradient[0] = .nan
        }
        let outcome = optimizer.step(&adapters, gradient)
        #expect(outcome.skippedNonFinite)
        #expect(adapters == oldAdapters && optimizer == oldOptimizer)
    }

    @Test("adapters and optimiser come back from their records bit for bit")
    func records() throws {
        let base = try Fixture.base("gelu-mean")
        var adapters = try Adapters(
            configuration: .init(rank: 2, dropout: 0.1, layers: [0, 2]), base: base, seed: 1)
        let encoder = try TextEncoder(base: base, adapters: adapters)
        var optimizer = AdamW(.init(gradientClip: nil), for: adapters)
        let gradient = try unsafe encoder.trainStep(texts: ["civ dod", "euk"], upstream: push)
        optimizer.step(&adapters, gradient)
        let record = adapters.record
        #expect(try Adapters(record: record, base: base) == adapters)
        let restored = try AdamW(
            record: optimizer.record, configuration: optimizer.configuration, for: adapters)
        #expect(restored == optimizer)
        for count in stride(from: 0, to: record.count, by: 13) {
            #expect(throws: EncoderError.self) {
                try Adapters(record: Array(record[..<count]), base: base)
            }
        }
        let other = try Fixture.base("tanh-cls")
        let expected = EncoderError.otherBase(
            adapter: "the stored adapter", expected: other.fingerprint.hex,
            found: base.fingerprint.hex)
        #expect(throws: expected) { try Adapters(record: record, base: other) }
    }
}
