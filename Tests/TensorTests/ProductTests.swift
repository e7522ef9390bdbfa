import Foundation
import Tensor
import Testing

@Suite("Matrix products")
struct ProductTests {
    @Test("a product is the sum of products, by a matrix or its transpose", arguments: Maker.all)
    func reference(_ maker: Maker) throws {
        let numerics = try maker.numerics()
        for (rows, columns, inner) in [
            (1, 2, 1), (3, 5, 7), (17, 33, 16), (64, 48, 100), (15, 64, 40), (29, 112, 24),
            (260, 40, 800),
        ] {
            let x = Sample(rows, inner, seed: 1)
            for transposed in [false, true] {
                let w =
                    transposed
                    ? Sample(columns, inner, seed: 2) : Sample(inner, columns, seed: 2)
                let c = Sample(rows, columns, seed: 3)
                let factor = try Factor(numerics, w, transposed: transposed)
                factor.multiply(x.read, into: c.write)
                let right = transposed ? w.doubles : TensorTests.transposed(w.doubles)
                #expect(difference(c.values, product(x.doubles, right)) < 2e-6)
            }
        }
    }

    @Test("a head's product is the sum of products, of any size", arguments: Maker.all)
    func heads(_ maker: Maker) throws {
        let numerics = try maker.numerics()
        for (rows, columns, inner) in [(1, 1, 1), (9, 33, 7), (31, 16, 32), (128, 128, 70)] {
            for turned in [false, true] {
                let a = turned ? Sample(inner, rows, seed: 1) : Sample(rows, inner, seed: 1)
                let b = Sample(inner, columns, seed: 2)
                let c = Sample(rows, columns, seed: 3)
                numerics.multiplyHead(
                    a.read, transposed: turned, b.read, into: c.write, scale: 0.5)
                let left = turned ? transposed(a.doubles) : a.doubles
                let expected = product(left, transposed(b.doubles)).map { $0.map { 0.5 * $0 } }
                #expect(difference(c.values, expected) < 2e-6)
            }
        }
    }

    @Test("fused products have the same bits on every level of processor")
    func levels() throws {
        for (rows, columns, inner) in [(1, 2, 9), (37, 100, 40), (29, 384, 24), (14, 31, 100)] {
            let (x, w) = (Sample(rows, inner, seed: 1), Sample(columns, inner, seed: 2))
            let heads = Sample(inner, columns, seed: 3)
            var seen: [[Float]] = []
            for level in Kernels.Level.allCases {
                guard let kernels = Kernels(level) else { continue }
                let numerics = Numerics(fused: kernels)
                #expect(numerics.rowsAreIndependent)
                let (c, d) = (Sample(rows, columns), Sample(rows, columns))
                try Factor(numerics, w, transposed: true).multiply(x.read, into: c.write)
                numerics.multiplyHead(x.read, heads.read, into: d.write, scale: 0.3)
                seen.append(c.values + d.values)
            }
            #expect(seen.dropFirst().allSatisfy { sameBits($0, seen[0]) })
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
        #expect(platform.profile == .fast && numerics.rowsAreIndependent)
        #expect(try Numerics.library().platform.description.contains("OpenBLAS 0.3"))
        let fused = Kernels.best.level != .baseline
        #expect(platform.description.hasPrefix("fused products fma") == fused)
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
        let factor = try Factor(numerics, w, transposed: transposed)
        func multiply(_ range: Range<Int>, _ out: MutableMatrix) {
            factor.multiply(x.read.rows(range), into: out)
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

/// What multiplies in a test.
enum Maker: CaseIterable, Sendable {
    case current, library

    static var all: [Maker] { allCases }

    func numerics() throws -> Numerics {
        switch self {
        case .current: try Numerics.current()
        case .library: try Numerics.library()
        }
    }
}

/// A matrix made ready to multiply rows by.
struct Factor {
    private let numerics: Numerics
    private let multiplier: Multiplier
    private let source: Sample
    private let room: FloatBuffer
    private let padding: FloatBuffer

    init(_ numerics: Numerics, _ matrix: Sample, transposed: Bool) throws {
        var measure = Arena.measuring
        let planned = numerics.place(matrix.read, transposed: transposed, in: &measure)
        let padding = numerics.paddingFloats(inner: planned.inner, columns: planned.columns)
        room = try #require(FloatBuffer(count: measure.used))
        self.padding = try #require(FloatBuffer(count: padding))
        var arena = Arena(room)
        multiplier = numerics.place(matrix.read, transposed: transposed, in: &arena)
        numerics.fill(multiplier, from: matrix.read)
        source = matrix
        self.numerics = numerics
    }

    func multiply(_ x: Matrix, into c: MutableMatrix) {
        numerics.multiplyRows(x, by: multiplier, into: c, padding: padding)
    }
}
