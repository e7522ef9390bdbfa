import Foundation
import Records
import Tensor
import Testing

/// Widths with whole blocks of sixteen, with a rest, and with a rest alone.
private let widths = [1, 7, 16, 24, 40, 64, 100, 384]

@Suite("Each kernel computes what its naive form does")
struct KernelTests {
    private let kernels = Kernels.best

    private func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x / 2.0.squareRoot())) }
    private func geluTanh(_ x: Double) -> Double {
        0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    }

    private func activation(_ kind: Activation) -> (Double) -> Double {
        switch kind {
        case .gelu: gelu
        case .geluTanh: geluTanh
        case .relu: { max($0, 0) }
        }
    }

    @Test(
        "bias and activation, forward and backward, fused and not",
        arguments: Activation.allCases, [false, true])
    func activate(_ kind: Activation, fused: Bool) {
        let kernels = fused ? Kernels.best.fused : Kernels.best
        let f = activation(kind)
        for columns in widths {
            let x = Sample(5, columns, seed: 1, scale: 2.5)
            let bias = Sample(1, columns, seed: 2)
            let d = Sample(5, columns, seed: 3)
            let out = Sample(5, columns)
            kernels.activate(kind, x.read, bias: bias.read, into: out.write)
            let biased = x.doubles.map { row in
                zip(row, bias.doubles[0]).map { Double(Float($0) + Float($1)) }
            }
            #expect(difference(out.values, biased.map { $0.map(f) }) < 3e-7)
            kernels.activateBackward(kind, x.read, bias: bias.read, d.read, into: out.write)
            let step = 1e-5
            let slopes = zip(biased, d.doubles).map { row, above in
                zip(row, above).map { x, d in d * (f(x + step) - f(x - step)) / (2 * step) }
            }
            #expect(difference(out.values, slopes) < 1e-6)
        }
    }

    @Test("activations keep their shape at large, small and zero arguments")
    func extremes() {
        let values: [Float] = [
            -1e30, -100, -20, -6, -5.6, -1e-3, -1e-20, 0, 1e-20, 1e-3, 5.6, 6, 20, 100, 1e30,
        ]
        for kind in Activation.allCases {
            let x = Sample(1, values.count, values)
            let out = Sample(1, values.count)
            kernels.activate(kind, x.read, bias: nil, into: out.write)
            for (x, y) in zip(values, out.values) {
                let expected = kind == .geluTanh ? geluTanh(Double(x)) : gelu(Double(x))
                if kind == .relu {
                    #expect(y == max(x, 0))
                } else {
                    #expect(abs(Double(y) - expected) <= 3e-7 * max(1, abs(Double(x))), "\(x)")
                }
            }
        }
    }

    @Test("bias, residual and LayerNorm, forward and backward")
    func normalize() {
        for columns in widths where columns > 1 {
            let (x, residual) = (Sample(4, columns, seed: 1), Sample(4, columns, seed: 2))
            let bias = Sample(1, columns, seed: 3)
            let gamma = Sample(1, columns, seed: 4)
            let beta = Sample(1, columns, seed: 5)
            let dy = Sample(4, columns, seed: 6)
            let (y, kept) = (Sample(4, columns), Sample(4, columns))
            let (inverse, dx) = (Sample(1, 4), Sample(4, columns))
            kernels.normalize(
                x.read, bias: bias.read, residual: residual.read,
                norm: NormWeights(gamma: gamma.read, beta: beta.read, epsilon: 1e-5),
                into: y.write, keeping: (kept.write, inverse.write))
            let sums = (0..<4).map { row in
                (0..<columns).map { column in
                    x.doubles[row][column] + bias.doubles[0][column]
                        + residual.doubles[row][column]
                }
            }
            func norm(_ row: [Double]) -> [Double] {
                let mean = row.reduce(0, +) / Double(columns)
                let variance =
                    row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
                return row.indices.map { column in
                    (row[column] - mean) / (variance + 1e-5).squareRoot()
                        * gamma.doubles[0][column] + beta.doubles[0][column]
                }
            }
            #expect(difference(y.values, sums.map(norm)) < 1e-6)
            kernels.normalizeBackward(
                dy.read, gamma: gamma.read, normalized: kept.read, inverse: inverse.read,
                into: dx.write)
            let step = 1e-5
            let slopes = (0..<4).map { row in
                (0..<columns).map { column in
                    var (up, down) = (sums[row], sums[row])
                    up[column] += step
                    down[column] -= step
                    let d = zip(norm(up), norm(down)).map { ($0 - $1) / (2 * step) }
                    return zip(d, dy.doubles[row]).reduce(0) { $0 + $1.0 * $1.1 }
                }
            }
            #expect(difference(dx.values, slopes) < 2e-6, "\(columns) columns")
        }
    }

    @Test("softmax over the valid columns, zero beyond, forward and backward")
    func softmax() {
        for (columns, stride) in [(1, 16), (5, 16), (16, 16), (17, 32), (33, 48), (200, 208)] {
            let x = Sample(3, stride, seed: 1, scale: 2)
            let logits = x.doubles.map { $0[..<columns] }
            kernels.softmax(x.write, columns: columns)
            let p = logits.map { row in
                let top = row.max() ?? 0
                let total = row.reduce(0) { $0 + exp($1 - top) }
                return row.map { exp($0 - top) / total }
                    + [Double](repeating: 0, count: stride - columns)
            }
            #expect(difference(x.values, p) < 3e-7)
            let d = Sample(3, stride, seed: 2)
            let slopes = (0..<3).map { row in
                let along = (0..<columns).reduce(0) { $0 + p[row][$1] * d.doubles[row][$1] }
                return (0..<stride).map { column in
                    column < columns ? 0.25 * p[row][column] * (d.doubles[row][column] - along) : 0
                }
            }
            kernels.softmaxBackward(x.read, d.write, columns: columns, scale: 0.25)
            #expect(difference(d.values, slopes) < 2e-6)
        }
    }

    @Test("a row of equal huge logits, and one that dwarfs the rest")
    func softmaxExtremes() {
        let x = Sample(
            2, 16, [Float](repeating: 3e38, count: 16) + [500] + [Float](repeating: -500, count: 15)
        )
        kernels.softmax(x.write, columns: 16)
        #expect(x.values[..<16].allSatisfy { abs($0 - 1 / 16) < 1e-7 })
        #expect(x.values[16] == 1 && x.values[17...].allSatisfy { $0 >= 0 && $0 < 1e-30 })
    }

    @Test("products of low rank, with any stride")
    func lowRank() {
        for (columns, rank) in [(40, 1), (64, 4), (100, 5), (384, 8), (24, 17)] {
            let wide = Sample(6, columns + 9, seed: 1)
            let x = wide.read.columns(4..<4 + columns)
            let (a, u) = (Sample(rank, columns, seed: 2), Sample(6, rank, seed: 3))
            let (projected, gradient) = (Sample(6, rank), Sample(rank, columns, seed: 4))
            let y = Sample(6, columns + 9, seed: 5)
            let start = (gradient.doubles, y.doubles)
            let rows = wide.doubles.map { Array($0[4..<4 + columns]) }
            kernels.project(x, a.read, into: projected.write)
            #expect(difference(projected.values, product(rows, a.doubles)) < 1e-6)
            kernels.outer(u.read, x, scale: 0.5, addingTo: gradient.write)
            let outer = product(transposed(u.doubles), transposed(rows))
            #expect(difference(gradient.values, sum(start.0, 0.5, outer)) < 1e-6)
            kernels.expand(
                u.read, a.read, scale: 2, addingTo: y.write.columns(9..<9 + columns))
            let expanded = product(u.doubles, transposed(a.doubles))
            let padded = expanded.map { [Double](repeating: 0, count: 9) + $0 }
            #expect(difference(y.values, sum(start.1, 2, padded)) < 1e-6)
        }
    }

    @Test("small products and transposes, with any stride and any rest")
    func small() {
        for (rows, columns, inner) in [
            (1, 1, 1), (3, 16, 5), (8, 32, 32), (9, 33, 7), (17, 48, 40), (20, 70, 20), (5, 8, 64),
        ] {
            let (wideA, wideB) = (
                Sample(rows, inner + 3, seed: 1), Sample(inner, columns + 5, seed: 2)
            )
            let a = wideA.read.columns(2..<2 + inner)
            let b = wideB.read.columns(1..<1 + columns)
            let rowsA = wideA.doubles.map { Array($0[2..<2 + inner]) }
            let rowsB = wideB.doubles.map { Array($0[1..<1 + columns]) }
            let c = Sample(rows, columns)
            kernels.multiply(a, by: b, into: c.write, scale: 0.5)
            let expected = product(rowsA, transposed(rowsB)).map { $0.map { 0.5 * $0 } }
            #expect(difference(c.values, expected) < 1e-6)

            let turned = Sample(inner, (rows + 15) / 16 * 16, seed: 9)
            kernels.transpose(a, into: turned.write)
            for k in 0..<inner {
                for i in 0..<turned.columns {
                    #expect(turned.read[k, i] == (i < rows ? a[i, k] : 0))
                }
            }
            // The transpose of the transpose: the same bits, whatever the strides.
            let again = Sample(rows, columns)
            kernels.multiply(
                turned.read.columns(0..<rows), transposed: true, by: b, into: again.write,
                scale: 0.5)
            #expect(sameBits(again.values, c.values))
        }
    }

    @Test("dropout drops its share, scales the rest, and depends on key, row and column alone")
    func dropout() {
        let x = Sample(200, 384, [Float](repeating: 1, count: 200 * 384))
        let (out, again, shifted) = (Sample(200, 384), Sample(200, 384), Sample(200, 384))
        kernels.dropout(x.read, chance: 0.3, key: 11, firstRow: 50, into: out.write)
        let dropped = out.values.filter { $0 == 0 }.count
        #expect(abs(Double(dropped) / 76_800 - 0.3) < 0.01)
        #expect(out.values.allSatisfy { $0 == 0 || abs($0 - 1 / 0.7) < 1e-6 })
        // Rows 100 to 199 of the batch, packed otherwise.
        let part = x.read.rows(0..<100)
        kernels.dropout(
            part, chance: 0.3, key: 11, firstRow: 100, into: again.write.rows(0..<100))
        #expect(sameBits(Array(out.values[50 * 384..<150 * 384]), again.read.rows(0..<100).values))
        kernels.dropout(x.read, chance: 0.3, key: 12, firstRow: 50, into: shifted.write)
        let same = zip(out.values, shifted.values).filter { ($0 == 0) == ($1 == 0) }.count
        #expect(abs(Double(same) / 76_800 - (0.49 + 0.09)) < 0.01)
        // Backward masks the same elements.
        let d = Sample(200, 384)
        kernels.dropoutBackward(x.read, chance: 0.3, key: 11, firstRow: 50, addingTo: d.write)
        #expect(sameBits(d.values, out.values))
    }

    @Test("pooling, unit length and sums")
    func pooling() {
        for columns in widths {
            let x = Sample(7, columns, seed: 1)
            let (out, d) = (Sample(1, columns), Sample(7, columns))
            kernels.mean(x.read, into: out.write)
            let means = (0..<columns).map { c in
                x.doubles.reduce(0) { $0 + $1[c] } / 7
            }
            #expect(difference(out.values, [means]) < 1e-6)
            var from = [Int32](repeating: -1, count: columns + 3)
            kernels.greatest(x.read, into: out.write, from: &from, at: 3)
            for column in 0..<columns {
                let best = x.doubles.map { $0[column] }.max()
                #expect(Double(out.values[column]) == best)
                #expect(Double(x.read[Int(from[3 + column]), column]) == best)
            }
            let dout = Sample(1, columns, seed: 2)
            kernels.meanBackward(dout.read, into: d.write)
            #expect(sameBits(Array(d.values[..<columns]), Array(d.values[(6 * columns)...])))
            let v = Sample(1, columns, seed: 4)
            let raw = v.doubles[0]
            let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let found = kernels.unit(v.write)
            #expect(abs(Double(found) - length) < 1e-6 * length)
            #expect(difference(v.values, [raw.map { $0 / length }]) < 1e-6)
            let along = zip(raw, dout.doubles[0]).reduce(0) { $0 + $1.0 * $1.1 } / length
            let slope = zip(raw, dout.doubles[0]).map { ($1 - $0 / length * along) / length }
            kernels.unitBackward(v.read, length: found, dout.read, into: out.write)
            if columns > 1 { #expect(difference(out.values, [slope]) < 2e-6) }
            let flat = x.doubles.flatMap { $0 }
            #expect(abs(kernels.sumOfSquares(x.values.span) - dot(flat, flat)) < 1e-9)
        }
        #expect(kernels.sumOfSquares([1, .nan, 2].span).isNaN)
        #expect(kernels.sumOfSquares([1, -.infinity].span) == .infinity)
        #expect(kernels.sumOfSquares([3e38, 3e38].span).isFinite)
        let zero = Sample(1, 5)
        #expect(kernels.unit(zero.write) == 0 && zero.values.allSatisfy { $0 == 0 })
    }
}

@Suite("All builds of a kernel give identical bits")
struct KernelLevelTests {
    /// Runs every kernel at one level and returns everything it wrote.
    private func everything(_ kernels: Kernels, _ columns: Int) -> [Float] {
        let (x, d) = (Sample(9, columns, seed: 1, scale: 3), Sample(9, columns, seed: 2))
        let (row, row2) = (Sample(1, columns, seed: 3), Sample(1, columns, seed: 4))
        var all: [Float] = []
        func keep(_ sample: Sample) { all += sample.values }
        for kind in Activation.allCases {
            let out = Sample(9, columns)
            kernels.activate(kind, x.read, bias: row.read, into: out.write)
            keep(out)
            kernels.activateBackward(kind, x.read, bias: row.read, d.read, into: out.write)
            keep(out)
        }
        let (y, kept, inverse) = (Sample(9, columns), Sample(9, columns), Sample(1, 9))
        kernels.normalize(
            x.read, bias: row.read, residual: d.read,
            norm: NormWeights(gamma: row.read, beta: row2.read, epsilon: 1e-12), into: y.write,
            keeping: (kept.write, inverse.write))
        keep(y)
        keep(inverse)
        kernels.normalizeBackward(
            d.read, gamma: row2.read, normalized: kept.read, inverse: inverse.read, into: y.write)
        keep(y)
        let stride = (columns + 15) / 16 * 16
        let (p, dp) = (Sample(9, stride, seed: 7, scale: 4), Sample(9, stride, seed: 8))
        kernels.softmax(p.write, columns: columns)
        kernels.softmaxBackward(p.read, dp.write, columns: columns, scale: 0.3)
        keep(p)
        keep(dp)
        let (a, u, g) = (Sample(11, columns, seed: 9), Sample(9, 11), Sample(11, columns))
        kernels.project(x.read, a.read, into: u.write)
        kernels.outer(u.read, d.read, scale: 0.7, addingTo: g.write)
        kernels.expand(u.read, a.read, scale: 0.1, addingTo: y.write)
        [u, g, y].forEach(keep)
        kernels.dropout(x.read, chance: 0.2, key: 99, firstRow: 3, into: y.write)
        keep(y)
        let (small, turned) = (Sample(9, columns), Sample(columns, 16))
        kernels.multiply(p.read.columns(0..<9), by: x.read, into: small.write)
        kernels.transpose(x.read, into: turned.write)
        keep(small)
        keep(turned)
        kernels.mean(x.read, into: row.write)
        all.append(kernels.unit(row.write))
        keep(row)
        kernels.unitBackward(row.read, length: 2, row2.read, into: row2.write)
        keep(row2)
        all.append(Float(kernels.sumOfSquares(x.values.span)))
        var (w, m, v) = (x.values, d.values.map { $0 * 0.1 }, d.values.map { $0 * $0 })
        kernels.adamW(
            &w, m: &m, v: &v, gradient: d.values.span,
            .init(
                gradientScale: 0.7, beta1: 0.9, beta2: 0.999, decayFactor: 0.9999,
                stepSize: 0.01, rootCorrection: 0.3, epsilon: 1e-8))
        return all + w + m + v
    }

    @Test("baseline, AVX2 and AVX-512", arguments: widths)
    func levels(_ columns: Int) throws {
        let baseline = try #require(Kernels(.baseline))
        let expected = everything(baseline, columns)
        #expect(expected.allSatisfy { $0.isFinite })
        for level in Kernels.Level.allCases {
            guard let kernels = Kernels(level) else { continue }
            #expect(sameBits(everything(kernels, columns), expected), "\(level)")
        }
    }

    @Test("fused activations too", arguments: widths)
    func fusedLevels(_ columns: Int) throws {
        let x = Sample(9, columns, seed: 1, scale: 2)
        let d = Sample(9, columns, seed: 2)
        let bias = Sample(1, columns, seed: 3)
        for kind in Activation.allCases {
            let seen = Kernels.Level.allCases.compactMap { level -> [Float]? in
                guard let kernels = Kernels(level)?.fused else { return nil }
                let (y, dx) = (Sample(9, columns), Sample(9, columns))
                kernels.activate(kind, x.read, bias: bias.read, into: y.write)
                kernels.activateBackward(kind, x.read, bias: bias.read, d.read, into: dx.write)
                return y.values + dx.values
            }
            #expect(seen.dropFirst().allSatisfy { sameBits($0, seen[0]) })
        }
    }

    @Test("results are those of the first release")
    func golden() throws {
        let kernels = try #require(Kernels(.baseline))
        var hash = StableHash()
        for columns in widths {
            for value in everything(kernels, columns) { hash.combine(UInt64(value.bitPattern)) }
        }
        #expect(
            String(hash.value, radix: 16) == "a2212e0fef687a66",
            "the bits of a kernel changed: then Kernels.version goes up, and this value with it")
    }
}
