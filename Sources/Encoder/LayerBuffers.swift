import Tensor

/// Where one text's tokens lie among the packed rows of a workspace.
struct PackedSequence {
    /// Rows in the workspace.
    let rows: Range<Int>
    /// The text's number in the batch.
    let text: Int
}

/// What one layer reads and writes over T packed tokens.
///
/// Shapes: H hidden, I intermediate, m bottleneck. In training each layer has its own, kept for
/// backward; otherwise all layers share one and the last two groups are absent.
struct LayerBuffers {
    /// Input and output of the layer: (T, H).
    var x, y: MutableMatrix
    /// Query, key and value side by side: (T, 3H).
    var projected: MutableMatrix
    /// What the heads gathered: (T, H).
    var context: MutableMatrix
    /// After the attention half: (T, H).
    var middle: MutableMatrix
    /// Before and after the activation: (T, I); one buffer unless kept.
    var raised, activated: MutableMatrix
    /// Attention's weights, sequence by sequence and head by head: (T_s, T_s up to a multiple of
    /// sixteen) each. Not kept: room for the longest sequence once.
    var probabilities: MutableMatrix
    /// One head's keys, transposed.
    var transposed: MutableMatrix
    /// What LayerNorm's backward needs of both halves: (T, H) and (1, T).
    var kept: Kept?
    /// The bottlenecks of both halves, where adapters have some.
    var bottlenecks: Bottlenecks?
    /// What LoRA's A makes of an input, where that is computed apart: (T, r). Scratch.
    var lowered: MutableMatrix?

    struct Kept {
        let attention: (normalized: MutableMatrix, inverse: MutableMatrix)
        let output: (normalized: MutableMatrix, inverse: MutableMatrix)
    }

    struct Bottlenecks {
        let attention: BottleneckBuffers
        let output: BottleneckBuffers
    }

    /// Scratch that layers share whose state is kept.
    struct Shared {
        let activated: MutableMatrix
        let transposed: MutableMatrix
        let lowered: MutableMatrix?
    }

    /// A bottleneck's input (T, H) and its projection (T, m).
    struct BottleneckBuffers {
        let input: MutableMatrix
        let lowered: MutableMatrix
        let activated: MutableMatrix

        init(_ shape: BertConfiguration, _ tokens: Int, width: Int, _ arena: inout Arena) {
            input = arena.take(tokens, shape.hiddenSize)
            lowered = arena.take(tokens, width)
            activated = arena.take(tokens, width)
        }

        private init(_ whole: BottleneckBuffers, rows: Range<Int>) {
            input = whole.input.rows(rows)
            lowered = whole.lowered.rows(rows)
            activated = whole.activated.rows(rows)
        }

        func rows(_ range: Range<Int>) -> BottleneckBuffers {
            BottleneckBuffers(self, rows: range)
        }
    }

    /// The same for some of the rows, whose attention weights start at `place`.
    func rows(_ range: Range<Int>, probabilitiesFrom place: Int) -> LayerBuffers {
        var part = self
        part.x = x.rows(range)
        part.y = y.rows(range)
        part.projected = projected.rows(range)
        part.context = context.rows(range)
        part.middle = middle.rows(range)
        part.raised = raised.rows(range)
        part.activated = activated.rows(range)
        part.probabilities = probabilities.columns(place..<probabilities.columns)
        part.kept = kept.map { kept in
            Kept(
                attention: Self.rows(range, kept.attention), output: Self.rows(range, kept.output))
        }
        part.bottlenecks = bottlenecks.map { both in
            Bottlenecks(attention: both.attention.rows(range), output: both.output.rows(range))
        }
        part.lowered = lowered?.rows(0..<range.count)
        return part
    }

    private static func rows(
        _ range: Range<Int>, _ kept: (normalized: MutableMatrix, inverse: MutableMatrix)
    ) -> (normalized: MutableMatrix, inverse: MutableMatrix) {
        (kept.normalized.rows(range), kept.inverse.columns(range))
    }

    /// Floats in a row of attention weights: whole cache lines.
    static func probabilityStride(_ tokens: Int) -> Int { (tokens + 15) / 16 * 16 }

    /// Buffers shared by layers nothing is kept of; `x` is the input of the lowest.
    static func passing(
        _ shape: BertConfiguration, x: MutableMatrix, longest: Int,
        _ adapters: AdapterConfiguration?, _ arena: inout Arena
    ) -> LayerBuffers {
        let hidden = shape.hiddenSize
        let tokens = x.rows
        let raised = arena.take(tokens, shape.intermediateSize)
        var made = LayerBuffers(
            x: x, y: arena.take(tokens, hidden), projected: arena.take(tokens, 3 * hidden),
            context: arena.take(tokens, hidden), middle: arena.take(tokens, hidden),
            raised: raised, activated: raised,
            probabilities: arena.take(longest, probabilityStride(longest)),
            transposed: arena.take(shape.headSize, probabilityStride(longest)))
        switch adapters?.kind {
        case .houlsby?:
            let shared = BottleneckBuffers(shape, tokens, width: adapters?.rank ?? 0, &arena)
            made.bottlenecks = Bottlenecks(attention: shared, output: shared)
        case .lora?: made.lowered = arena.take(tokens, adapters?.rank ?? 0)
        case nil: break
        }
        return made
    }

    /// Buffers of one layer's own, for backward. `x` is the output of the layer below.
    static func keeping(
        _ shape: BertConfiguration, x: MutableMatrix, _ shared: Shared, probabilityFloats: Int,
        _ adapters: AdapterConfiguration, _ arena: inout Arena
    ) -> LayerBuffers {
        let hidden = shape.hiddenSize
        let tokens = x.rows
        var made = LayerBuffers(
            x: x, y: arena.take(tokens, hidden), projected: arena.take(tokens, 3 * hidden),
            context: arena.take(tokens, hidden), middle: arena.take(tokens, hidden),
            raised: arena.take(tokens, shape.intermediateSize), activated: shared.activated,
            probabilities: arena.take(1, probabilityFloats), transposed: shared.transposed)
        made.kept = Kept(
            attention: (arena.take(tokens, hidden), arena.take(1, tokens)),
            output: (arena.take(tokens, hidden), arena.take(1, tokens)))
        made.lowered = shared.lowered
        if adapters.kind == .houlsby {
            made.bottlenecks = Bottlenecks(
                attention: BottleneckBuffers(shape, tokens, width: adapters.rank, &arena),
                output: BottleneckBuffers(shape, tokens, width: adapters.rank, &arena))
        }
        return made
    }
}

/// LoRA's dropout in one training step: who is dropped follows from the key alone.
struct Dropout {
    let chance: Float
    let seed: UInt64
    /// The number of the first row at hand in the whole batch.
    let firstRow: Int

    /// The same from a later row on.
    func from(row: Int) -> Dropout {
        Dropout(chance: chance, seed: seed, firstRow: firstRow + row)
    }

    func key(layer: Int, target: AdapterTarget) -> UInt64 {
        seed &+ UInt64(layer * AdapterTarget.allCases.count + target.index + 1)
            &* 0xd134_2543_de82_ef95
    }
}
