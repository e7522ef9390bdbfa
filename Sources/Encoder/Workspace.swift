import Tensor

/// One share of a batch: its memory and the passes over it.
///
/// Thread: one at a time; the pool's lock hands it from one to the next.
final class Workspace {
    let base: BaseModel
    let kernels: Kernels
    /// Scratch for products of few rows.
    let padding: FloatBuffer
    private(set) var buffer: FloatBuffer?
    var weights: AdaptedWeights

    /// The texts of this share, packed one after the other.
    var sequences: [PackedSequence] = []
    /// The number of its first token in the whole batch.
    var firstRow = 0
    var training = Training()
    /// The texts of this share whose frozen part is not cached, packed for themselves.
    var fresh: [PackedSequence] = []
    /// Some of the texts, while a pass works on them.
    var group: [PackedSequence] = []
    /// Which row gave each column's greatest value, sequence by sequence, when pooling by it.
    var greatestRows: [Int32] = []

    /// What a training step needs beside a forward pass.
    struct Training {
        /// Layers whose state is kept for backward, from the lowest adapted one up.
        var kept: [LayerBuffers] = []
        var dropout: Dropout?
        var backward: BackwardBuffers?
        var sums: GradientSums?
    }

    init(_ base: BaseModel, _ weights: AdaptedWeights) throws(EncoderError) {
        self.base = base
        self.weights = weights
        kernels = base.numerics.kernels
        let count = Self.paddingFloats(base.shape, base.numerics)
        guard let padding = FloatBuffer(count: count) else {
            throw .memory(bytes: count * MemoryLayout<Float>.stride)
        }
        self.padding = padding
    }

    var tokenCount: Int { sequences.last?.rows.upperBound ?? 0 }

    /// Floats of attention weights that backward keeps for a layer.
    var probabilityFloats: Int {
        sequences.reduce(0) { $0 + probabilityFloats(of: $1) }
    }

    func probabilityFloats(of sequence: PackedSequence) -> Int {
        let tokens = sequence.rows.count
        return base.shape.headCount * tokens * LayerBuffers.probabilityStride(tokens)
    }

    func clear() {
        sequences.removeAll(keepingCapacity: true)
        fresh.removeAll(keepingCapacity: true)
    }

    /// Adds a text after those that are there.
    func append(text: Int, tokenCount: Int, isFresh: Bool) {
        func add(to list: inout [PackedSequence]) {
            let start = list.last?.rows.upperBound ?? 0
            list.append(PackedSequence(rows: start..<start + tokenCount, text: text))
        }
        add(to: &sequences)
        if isFresh { add(to: &fresh) }
    }

    /// Makes the arena at least this large.
    ///
    /// - Throws: when the system refuses the memory.
    func reserve(floats: Int) throws(EncoderError) {
        if let buffer, buffer.count >= floats { return }
        // A quarter more, so that slowly growing batches do not ask each time.
        let count = floats + floats / 4
        buffer = nil
        guard let made = FloatBuffer(count: count) else {
            throw .memory(bytes: count * MemoryLayout<Float>.stride)
        }
        buffer = made
    }

    /// The arena, empty.
    func freshArena() -> Arena {
        guard let buffer else { preconditionFailure("no memory was reserved") }
        return Arena(buffer)
    }

    /// c = x · w, every row as if alone.
    func product(_ x: Matrix, _ w: Multiplier, into c: MutableMatrix) {
        base.numerics.multiplyRows(x, by: w, into: c, padding: padding)
    }

    private static func paddingFloats(_ shape: BertConfiguration, _ numerics: Numerics) -> Int {
        let hidden = shape.hiddenSize
        let inner = shape.intermediateSize
        let products = [
            (hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden),
            (3 * hidden, hidden),
        ]
        return products.reduce(0) {
            max($0, numerics.paddingFloats(inner: $1.0, columns: $1.1))
        }
    }
}
