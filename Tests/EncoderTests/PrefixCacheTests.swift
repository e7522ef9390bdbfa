import Records
import Tensor
import Testing

import Encoder

@Suite("The prefix cache gives back what it was given, within its bound")
struct PrefixCacheTests {
    @Test("entries come back bit for bit, the least recently used go first, the bound holds")
    func behaviour() throws {
        let columns = 24
        let bytes = 40 * 8 * columns * 4
        let cache = try #require(PrefixCache(bytes: bytes, columns: columns))
        var random = SeededRandom(seed: 3)
        // The model: texts by last use, with their rows.
        var order: [String] = []
        var rows: [String: [Float]] = [:]
        func pages(_ text: String) -> Int { (rows[text, default: []].count / columns + 7) / 8 }
        for _ in 0..<2_000 {
            cache.beginBatch()
            let text = "text \(random.next() % 60)"
            let buffer = try #require(FloatBuffer(count: 64 * columns))
            if let handle = cache.find(TextKey(text)) {
                let expected = try #require(rows[text], "\(text) should have gone")
                let count = expected.count / columns
                #expect(handle.tokenCount == count)
                let out = buffer.mutableMatrix(at: 0, rows: count, columns: columns)
                cache.read(handle, into: out)
                #expect(sameBits(out.read.values, expected))
                order.removeAll { $0 == text }
                order.append(text)
                continue
            }
            #expect(rows[text] == nil, "\(text) went too early")
            let count = 1 + Int(random.next() % 30)
            let matrix = buffer.mutableMatrix(at: 0, rows: count, columns: columns)
            for row in 0..<count {
                for column in 0..<columns {
                    matrix.set(row, column, to: Float(random.normal()))
                }
            }
            let handle = try #require(cache.reserve(TextKey(text), tokenCount: count))
            cache.write(handle, from: matrix.read)
            rows[text] = matrix.read.values
            order.append(text)
            while order.reduce(0, { $0 + pages($1) }) > 40 {
                rows[order.removeFirst()] = nil
            }
            #expect(cache.count == order.count)
        }
        cache.removeAll()
        #expect(cache.count == 0)
        cache.beginBatch()
        let whole = cache.reserve(TextKey("whole"), tokenCount: 320)
        #expect(whole?.tokenCount == 320)
        #expect(cache.reserve(TextKey("more"), tokenCount: 1) == nil, "the batch's own entry went")
        #expect(cache.reserve(TextKey("huge"), tokenCount: 321) == nil)
    }

    @Test("projections take room that is free alone, and give it back when an output needs it")
    func projections() throws {
        let columns = 16
        let cache = try #require(PrefixCache(bytes: 16 * 8 * columns * 4, columns: columns))
        let buffer = try #require(FloatBuffer(count: 2 * 30 * columns))
        func matrix(_ value: Float) -> MutableMatrix {
            let matrix = buffer.mutableMatrix(at: 0, rows: 10, columns: 3 * columns)
            for row in 0..<10 {
                for column in 0..<3 * columns {
                    matrix.set(row, column, to: value + Float(row * 3 * columns + column))
                }
            }
            return matrix
        }
        func add(_ name: String, _ value: Float) throws -> PrefixCache.Handle {
            var handle = try #require(cache.reserve(TextKey(name), tokenCount: 10))
            cache.reserveProjections(&handle)
            if handle.hasProjections {
                cache.writeProjections(handle, from: matrix(value).read)
            }
            return handle
        }
        func found(_ name: String) throws -> PrefixCache.Handle {
            try #require(cache.find(TextKey(name)))
        }
        cache.beginBatch()
        // Two pages for the output of ten tokens, four for their projections; sixteen in all.
        #expect(try add("a", 1000).hasProjections)
        #expect(try add("b", 2000).hasProjections)
        #expect(try !add("c", 3000).hasProjections)
        cache.beginBatch()
        let (a, b) = (try found("a"), try found("b"))
        let out = buffer.mutableMatrix(at: 30 * columns, rows: 10, columns: 3 * columns)
        for (handle, value) in [(a, Float(1000)), (b, 2000)] {
            cache.readProjections(handle, into: out)
            #expect(sameBits(out.read.values, matrix(value).read.values))
        }
        cache.beginBatch()
        #expect(try found("b").hasProjections)
        #expect(try !add("d", 0).hasProjections, "there was room for its output alone")
        #expect(try !add("e", 0).hasProjections)
        // The output of "e" found no room: the projections went, but for those in use.
        cache.beginBatch()
        #expect(try !found("a").hasProjections)
        let kept = try found("b")
        cache.readProjections(kept, into: out)
        #expect(sameBits(out.read.values, matrix(2000).read.values))
        cache.beginBatch()
        for name in ["f", "g"] { #expect(try !add(name, 0).hasProjections) }
        cache.beginBatch()
        #expect(try !found("b").hasProjections)
        #expect(cache.count == 7, "no output had to go")
        cache.removeAll()
        cache.beginBatch()
        #expect(try add("h", 0).hasProjections)
    }

    @Test("texts that differ in how an accent is encoded are two texts")
    func keys() {
        #expect(TextKey("caf\u{e9}") != TextKey("cafe\u{301}"))
        #expect(TextKey("a") == TextKey("a") && TextKey("a") != TextKey("b"))
    }

    @Test("a cache too small for one page is off, and vectors are the same")
    func tiny() throws {
        let base = try Fixture.base("tanh-cls")
        let texts = someTexts(30, longest: 30, seed: 4)
        let top = base.layerCount - 1
        let adapters = try Adapters(
            configuration: .init(rank: 3, layers: [top]), base: base, seed: 1)
        for adapters in [nil, adapters] {
            let plain = try TextEncoder(base: base, adapters: adapters).encode(texts)
            for bytes in [1, 8 * 48 * 4, 5 * 8 * 48 * 4, 60 * 8 * 48 * 4, 1 << 20] {
                let encoder = try TextEncoder(
                    base: base, adapters: adapters, threads: 2, prefixCacheBytes: bytes)
                for count in [10, 30, 20, 30] {
                    let vectors = try encoder.encode(Array(texts.prefix(count)))
                    #expect(sameBits(vectors, Array(plain.prefix(vectors.count))), "\(bytes)")
                }
            }
        }
    }
}
