import Tensor

/// Vectors of a batch's distinct texts, their gradients, and both once more by text given.
struct VectorRoom {
    private let columns: Int
    private var buffer: FloatBuffer?
    private var textCount = 0
    private var exchangeBuffer: FloatBuffer?

    init(columns: Int) {
        self.columns = columns
    }

    /// Makes room for this many distinct texts.
    mutating func reserve(texts count: Int) throws(EncoderError) {
        textCount = count
        let floats = 2 * Arena.floats(count, columns) + Arena.floats(1, count)
        buffer = try Self.enough(buffer, floats)
    }

    /// Makes room for this many texts given, repeats included.
    mutating func reserveExchange(rows count: Int) throws(EncoderError) {
        exchangeBuffer = try Self.enough(exchangeBuffer, 2 * Arena.floats(count, columns))
    }

    private static func enough(
        _ buffer: FloatBuffer?, _ floats: Int
    ) throws(EncoderError) -> FloatBuffer {
        if let buffer, buffer.count >= floats { return buffer }
        guard let made = FloatBuffer(count: floats + floats / 4) else {
            throw .memory(bytes: floats * MemoryLayout<Float>.stride)
        }
        return made
    }

    private func part(_ offset: Int, _ rows: Int, _ columns: Int) -> MutableMatrix {
        guard let buffer else { preconditionFailure("no room was made") }
        return buffer.mutableMatrix(at: offset, rows: rows, columns: columns)
    }

    /// Shape: (texts, H).
    var rows: MutableMatrix { part(0, textCount, columns) }
    /// d(loss) by each. Shape: (texts, H).
    var gradients: MutableMatrix { part(Arena.floats(textCount, columns), textCount, columns) }
    /// The vectors' lengths before they were scaled to one. Shape: (1, texts).
    var lengths: MutableMatrix { part(2 * Arena.floats(textCount, columns), 1, textCount) }

    /// Spreads the vectors to the texts given, and sums the gradients that come back.
    func exchange(
        _ numbers: [Int], _ kernels: Kernels,
        _ upstream: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        guard let exchangeBuffer else { preconditionFailure("no room was made") }
        var arena = Arena(exchangeBuffer)
        let given = arena.take(numbers.count, columns)
        let back = arena.take(numbers.count, columns)
        for (row, number) in numbers.enumerated() {
            given.rows(row..<row + 1).copy(from: rows.read.rows(number..<number + 1))
        }
        back.fill(0)
        unsafe upstream(
            UnsafeBufferPointer(start: given.base, count: numbers.count * columns),
            UnsafeMutableBufferPointer(start: back.base, count: numbers.count * columns))
        gradients.fill(0)
        for (row, number) in numbers.enumerated() {
            kernels.add(
                back.read.rows(row..<row + 1), to: gradients.rows(number..<number + 1))
        }
    }
}
