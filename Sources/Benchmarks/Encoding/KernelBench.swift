import Tensor

/// Nanoseconds an element of each elementwise kernel, in each build this processor runs.
enum KernelBench {
    /// A slice of the encoder at MiniLM's size.
    private static let rows = 128
    private static let columns = 1_536

    static func rows(rounds: Int) throws -> [BenchRow] {
        var made: [BenchRow] = []
        for level in Kernels.Level.allCases {
            guard let kernels = Kernels(level) else { continue }
            let cases = cases(kernels)
            let seconds = try Measuring.medians(
                cases.map { timed in
                    TimedCase(name: timed.name) { for _ in 0..<10 { try timed.run() } }
                }, rounds: rounds)
            for (timed, time) in zip(cases, seconds) {
                made.append(
                    BenchRow(
                        name: timed.name, value: time / 10 / Double(rows * columns) * 1e9,
                        unit: "ns/element", note: "\(level)"))
            }
        }
        return made
    }

    private static func cases(_ kernels: Kernels) -> [TimedCase] {
        let floats = 4 * Arena.floats(rows, columns) + 3 * Arena.floats(16, columns)
        guard let buffer = FloatBuffer(count: floats) else { return [] }
        var arena = Arena(buffer)
        let (x, y) = (arena.take(rows, columns), arena.take(rows, columns))
        let (z, normalized) = (arena.take(rows, columns), arena.take(rows, columns))
        let row = arena.take(1, columns)
        let low = arena.take(8, columns)
        let inverse = arena.take(1, rows)
        for index in 0..<rows { x.rows(index..<index + 1).fill(Float(index % 13) * 0.3 - 1.8) }
        row.fill(0.5)
        low.fill(0.1)
        let u = z.part(at: 0, rows: rows, columns: 8)
        func timed(_ name: String, _ run: @escaping () -> Void) -> TimedCase {
            // The buffer lives as long as whoever uses views of it.
            TimedCase(name: name) { withExtendedLifetime(buffer, run) }
        }
        return [
            timed("bias + GELU") { kernels.activate(.gelu, x.read, bias: row.read, into: y) },
            timed("bias + GELU, fused") {
                kernels.fused.activate(.gelu, x.read, bias: row.read, into: y)
            },
            timed("bias + GELU, tanh") {
                kernels.activate(.geluTanh, x.read, bias: row.read, into: y)
            },
            timed("bias + GELU backward") {
                kernels.activateBackward(.gelu, x.read, bias: row.read, x.read, into: y)
            },
            timed("bias + GELU backward, fused") {
                kernels.fused.activateBackward(.gelu, x.read, bias: row.read, x.read, into: y)
            },
            timed("residual + LayerNorm") {
                kernels.normalize(
                    x.read, bias: row.read, residual: x.read,
                    norm: NormWeights(gamma: row.read, beta: row.read, epsilon: 1e-12), into: y,
                    keeping: (normalized, inverse))
            },
            timed("LayerNorm backward") {
                kernels.normalizeBackward(
                    x.read, gamma: row.read, normalized: normalized.read, inverse: inverse.read,
                    into: y)
            },
            timed("softmax, 32 wide") {
                y.copy(from: x.read)
                kernels.softmax(y.part(at: 0, rows: rows * columns / 32, columns: 32), columns: 32)
            },
            timed("softmax backward, 32 wide") {
                kernels.softmaxBackward(
                    x.read.part(at: 0, rows: rows * columns / 32, columns: 32),
                    y.part(at: 0, rows: rows * columns / 32, columns: 32), columns: 32, scale: 1)
            },
            timed("one head's keys transposed, 32 × 32") {
                for head in 0..<rows * columns / 1024 {
                    kernels.transpose(
                        x.read.part(at: head * 1024, rows: 32, columns: 32),
                        into: y.part(at: head * 1024, rows: 32, columns: 32))
                }
            },
            timed("one head's product, 32 × 32 by 32 × 32") {
                for head in 0..<rows * columns / 1024 {
                    let part = x.read.part(at: head * 1024, rows: 32, columns: 32)
                    kernels.multiplyFused(
                        part, by: part, into: y.part(at: head * 1024, rows: 32, columns: 32))
                }
            },
            timed("rank-8 project") { kernels.project(x.read, low.read, into: u) },
            timed("rank-8 expand") {
                kernels.expand(u.read, low.read, scale: 0.1, addingTo: y)
            },
            timed("rank-8 outer") { kernels.outer(u.read, x.read, scale: 0.1, addingTo: low) },
            timed("dropout") { kernels.dropout(x.read, chance: 0.1, key: 7, firstRow: 0, into: y) },
        ]
    }
}
