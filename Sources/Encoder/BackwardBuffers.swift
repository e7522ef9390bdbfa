import Tensor

/// Scratch of a backward pass over T packed tokens, shared by all layers.
///
/// Shapes: H hidden, I intermediate, r rank.
struct BackwardBuffers {
    /// d of a layer's output, then of its input: (T, H).
    let dy: MutableMatrix
    /// d of the sum inside a LayerNorm, of the attention half's output, of what the heads
    /// gathered: (T, H).
    let dsum, dmiddle, dcontext: MutableMatrix
    /// d of the activation's output, then of its input: (T, I).
    let draised: MutableMatrix
    /// d of query, key and value: (T, 3H).
    let dprojected: MutableMatrix
    /// d of one head's attention weights.
    let dprobabilities: MutableMatrix
    /// One head's values, transposed.
    let transposed: MutableMatrix
    /// A low-rank path's input and output gradient: (T, r).
    let low: Pair
    /// One for each token, to sum rows: (T, 1).
    let ones: MutableMatrix
    /// Room for a dropped input and its gradient: (T, max(H, I)); none without dropout.
    private let droppedRoom: Pair?

    /// Room for an input, and for the gradient by it.
    struct Pair {
        let input: MutableMatrix
        let gradient: MutableMatrix

        init(_ rows: Int, _ columns: Int, _ arena: inout Arena) {
            input = arena.take(rows, columns)
            gradient = arena.take(rows, columns)
        }
    }

    init(
        _ shape: BertConfiguration, _ configuration: AdapterConfiguration, tokens: Int,
        longest: Int, _ arena: inout Arena
    ) {
        let hidden = shape.hiddenSize
        dy = arena.take(tokens, hidden)
        dsum = arena.take(tokens, hidden)
        dmiddle = arena.take(tokens, hidden)
        dcontext = arena.take(tokens, hidden)
        draised = arena.take(tokens, shape.intermediateSize)
        dprojected = arena.take(tokens, 3 * hidden)
        dprobabilities = arena.take(longest, LayerBuffers.probabilityStride(longest))
        transposed = arena.take(shape.headSize, LayerBuffers.probabilityStride(longest))
        low = Pair(tokens, configuration.rank, &arena)
        ones = arena.take(tokens, 1)
        let widest = max(hidden, shape.intermediateSize)
        droppedRoom = configuration.dropout > 0 ? Pair(tokens, widest, &arena) : nil
    }

    func dropped(rows: Int, columns: Int) -> MutableMatrix {
        part(droppedRoom?.input, rows, columns)
    }

    func droppedGradient(rows: Int, columns: Int) -> MutableMatrix {
        part(droppedRoom?.gradient, rows, columns)
    }

    private func part(_ room: MutableMatrix?, _ rows: Int, _ columns: Int) -> MutableMatrix {
        guard let room else { preconditionFailure("no room was made for dropout") }
        return room.part(at: 0, rows: rows, columns: columns)
    }
}

/// Where one share of a batch sums its adapter gradients.
///
/// The sides next to the output (LoRA's B, the bottleneck's up) are summed transposed, as the
/// kernels like them.
final class GradientSums {
    /// By the number of the slot in the adapters' layout.
    private let sums: [MutableMatrix]
    private let slots: [AdapterLayout.Slot]
    private let buffer: FloatBuffer

    init(_ layout: AdapterLayout) throws(EncoderError) {
        var measure = Arena.measuring
        _ = Self.planned(layout, &measure)
        guard let buffer = FloatBuffer(count: measure.used) else {
            throw .memory(bytes: measure.used * MemoryLayout<Float>.stride)
        }
        var arena = Arena(buffer)
        sums = Self.planned(layout, &arena)
        slots = layout.slots
        self.buffer = buffer
    }

    subscript(_ slot: AdapterLayout.Slot) -> MutableMatrix { sums[slot.index] }

    func zero() { all.fill(0) }

    /// Adds another share's sums.
    func add(_ other: GradientSums, _ kernels: Kernels) {
        kernels.add(other.all.read, to: all)
    }

    /// Writes everything as flat values in the adapters' order.
    func copy(to values: inout [Float]) {
        for slot in slots {
            let sum = sums[slot.index].read
            let isTransposed = slot.part == .b || slot.part == .up
            let (rows, columns) = isTransposed ? (sum.columns, sum.rows) : (sum.rows, sum.columns)
            var place = slot.offset
            for row in 0..<rows {
                for column in 0..<columns {
                    values[place] = isTransposed ? sum[column, row] : sum[row, column]
                    place += 1
                }
            }
        }
    }

    private var all: MutableMatrix { buffer.mutableMatrix(at: 0, rows: 1, columns: buffer.count) }

    private static func planned(_ layout: AdapterLayout, _ arena: inout Arena) -> [MutableMatrix] {
        layout.slots.map { slot in
            switch slot.part {
            case .a, .down: arena.take(slot.shape[0], slot.shape[1])
            case .b, .up: arena.take(slot.shape[1], slot.shape[0])
            case .downBias, .upBias: arena.take(1, slot.shape[0])
            }
        }
    }
}
