import Records
import Tensor

/// A matrix of its own, with numbers from a seed.
struct Sample {
    let buffer: FloatBuffer
    let rows: Int
    let columns: Int

    init(_ rows: Int, _ columns: Int, seed: UInt64 = 0, scale: Float = 1) {
        guard let buffer = FloatBuffer(count: rows * columns + 16) else {
            preconditionFailure("no memory for a test's matrix")
        }
        self.buffer = buffer
        self.rows = rows
        self.columns = columns
        if seed == 0 { return }
        var random = SeededRandom(seed: seed)
        for row in 0..<rows {
            for column in 0..<columns {
                write.set(row, column, to: Float(random.normal()) * scale)
            }
        }
    }

    init(_ rows: Int, _ columns: Int, _ values: [Float]) {
        self.init(rows, columns)
        write.copy(from: values[...])
    }

    var read: Matrix { buffer.matrix(at: 0, rows: rows, columns: columns) }
    var write: MutableMatrix { buffer.mutableMatrix(at: 0, rows: rows, columns: columns) }
    var values: [Float] { read.values }
    /// Row after row, in double precision.
    var doubles: [[Double]] {
        (0..<rows).map { row in (0..<columns).map { Double(read[row, $0]) } }
    }
}

func sameBits(_ a: [Float], _ b: [Float]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.bitPattern == $1.bitPattern }
}

/// The largest difference, relative to the reference's largest element.
func difference(_ a: [Float], _ reference: [[Double]]) -> Double {
    let flat = reference.flatMap { $0 }
    guard a.count == flat.count else { return .infinity }
    let size = flat.reduce(1e-30) { max($0, abs($1)) }
    return zip(a, flat).reduce(0) { max($0, abs(Double($1.0) - $1.1)) } / size
}

/// a · bᵀ in double precision, row by row.
func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
    a.map { row in b.map { dot(row, $0) } }
}

func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for (x, y) in zip(a, b) { sum += x * y }
    return sum
}

func transposed(_ a: [[Double]]) -> [[Double]] {
    (0..<(a.first?.count ?? 0)).map { column in a.map { $0[column] } }
}

/// start + scale · more
func sum(_ start: [[Double]], _ scale: Double, _ more: [[Double]]) -> [[Double]] {
    zip(start, more).map { zip($0, $1).map { $0 + scale * $1 } }
}
