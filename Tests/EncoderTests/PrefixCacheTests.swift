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

    @Test("texts that differ in how an accent is encoded are two texts")
    func keys() {
        #expect(TextKey("caf\u{e9}") != TextKey("cafe\u{301}"))
        #expect(TextKey("a") == TextKey("a") && TextKey("a") != TextKey("b"))
    }

    @Test("a cache too small for one page is off, and vectors are the same")
    func tiny() throws {
        let base = try Fixture.base("tanh-cls")
        let texts = someTexts(30, longest: 30, seed: 4)
        let plain = try TextEncoder(base: base, adapters: nil).encode(texts)
        for bytes in [1, 8 * 48 * 4, 5 * 8 * 48 * 4, 1 << 20] {
            let encoder = try TextEncoder(
                base: base, adapters: nil, threads: 2, prefixCacheBytes: bytes)
            for _ in 0..<3 { #expect(sameBits(try encoder.encode(texts), plain), "\(bytes)") }
        }
    }
}
