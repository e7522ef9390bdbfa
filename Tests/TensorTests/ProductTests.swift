import Foundation
import Tensor
import Testing

@Suite("Matrix products")
struct ProductTests {
    @Test("a product is the sum of products, for every transposition, scaled and added")
    func reference() throws {
        let numerics = try Numerics.current()
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 33, 16), (64, 48, 100)] {
            for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
                let a = ta ? Sample(k, m, seed: 1) : Sample(m, k, seed: 1)
                let b = tb ? Sample(n, k, seed: 2) : Sample(k, n, seed: 2)
                let c = Sample(m, n, seed: 3)
                let left = ta ? transposed(a.doubles) : a.doubles
                let right = tb ? b.doubles : transposed(b.doubles)
                let expected = sum(c.doubles, 0.5, product(left, right))
                numerics.multiply(
                    a.read, b.read, transposeA: ta, transposeB: tb, into: c.write, scale: 0.5,
                    accumulate: true)
                #expect(difference(c.values, expected) < 1e-6)
            }
        }
    }

    /// Inner and result columns, and whether the matrix is transposed: every product of tokens by
    /// a weight matrix in MiniLM and in a base of odd sizes, forward and backward.
    static let shapes: [(inner: Int, columns: Int, transposed: Bool)] = [
        (384, 1_152, true), (384, 384, true), (384, 1_536, true), (1_536, 384, true),
        (1_152, 384, false), (384, 384, false), (1_536, 384, false), (384, 1_536, false),
        (40, 120, true), (40, 100, true), (100, 40, true), (120, 40, false), (40, 100, false),
        (24, 72, true), (56, 24, true), (56, 24, false),
    ]

    @Test("a row has the bits it has alone, beside up to 699 others", arguments: shapes)
    func rows(_ shape: (inner: Int, columns: Int, transposed: Bool)) throws {
        let numerics = try Numerics.current()
        let wrong = try RowCheck.firstDifference(numerics, shape)
        #expect(wrong == nil)
    }

    @Test("a row has the bits it has alone in the portable profile too")
    func portableRows() async {
        // The profile is settled once in a process.
        await #expect(processExitsWith: .success) {
            let numerics = try Numerics.load(.portable)
            for shape in ProductTests.shapes {
                let wrong = try RowCheck.firstDifference(numerics, shape)
                precondition(wrong == nil, wrong ?? "")
            }
        }
    }

    @Test("the profile is settled once and says what it is")
    func profile() throws {
        let numerics = try Numerics.current()
        let platform = numerics.platform
        #expect(platform.description.contains("OpenBLAS 0.3"))
        let again = try Numerics.load(platform.profile)
        #expect(again === numerics)
        let other: NumericProfile = platform.profile == .fast ? .portable : .fast
        #expect(throws: TensorError.profileFixed(loaded: platform.profile, wanted: other)) {
            _ = try Numerics.load(other)
        }
    }

    @Test("memory that was sealed can be read")
    func sealed() throws {
        let buffer = try #require(FloatBuffer(count: 100))
        buffer.mutableMatrix(at: 3, rows: 1, columns: 2).fill(7)
        buffer.seal()
        #expect(buffer.matrix(at: 0, rows: 2, columns: 3).values == [0, 0, 0, 7, 7, 0])
    }

    @Test("a write to sealed memory ends the process")
    func sealedWrite() async {
        await #expect(processExitsWith: .failure) {
            guard let buffer = FloatBuffer(count: 100) else { return }
            buffer.seal()
            buffer.mutableMatrix(at: 0, rows: 1, columns: 1).fill(1)
        }
    }
}

/// Whether rows keep their bits when others come and go.
enum RowCheck {
    /// Every number of rows from 1 to 700 when `TIDEMARK_THOROUGH` is set; else those up to 64
    /// and some beyond.
    static var counts: [Int] {
        if ProcessInfo.processInfo.environment["TIDEMARK_THOROUGH"] != nil { return Array(1...700) }
        return Array(1...64) + Array(stride(from: 71, to: 700, by: 37)) + [700]
    }

    /// - Returns: the first case that differs, in words.
    static func firstDifference(
        _ numerics: Numerics, _ shape: (inner: Int, columns: Int, transposed: Bool)
    ) throws -> String? {
        guard numerics.rowsAreIndependent else { return "the self-test fails" }
        let (inner, columns, transposed) = shape
        let x = Sample(700, inner, seed: 1)
        let w = transposed ? Sample(columns, inner, seed: 2) : Sample(inner, columns, seed: 2)
        let (whole, part) = (Sample(700, columns), Sample(700, columns))
        let padding = try #require(
            FloatBuffer(count: Numerics.paddingFloats(inner: inner, columns: columns)))
        func multiply(_ range: Range<Int>, _ out: MutableMatrix) {
            numerics.multiplyRows(
                x.read.rows(range), w.read, transposed: transposed, into: out, padding: padding)
        }
        multiply(0..<700, whole.write)
        for count in counts {
            // At the front, at the back and between: position must not matter either.
            let start = count % 3 == 0 ? 0 : count % 3 == 1 ? 700 - count : (700 - count) / 2
            let range = start..<start + count
            let out = part.write.rows(0..<count)
            multiply(range, out)
            if !sameBits(out.read.values, whole.read.rows(range).values) {
                return "\(count) rows from \(start) of a product by \(inner) × \(columns)"
            }
        }
        return nil
    }
}
