import Tensor

extension Workspace {
    /// One layer over packed sequences: reads `b.x`, writes `b.y` and everything between.
    ///
    /// In the lowest adapted layer, `b.projected` comes with what the frozen weights make of `b.x`
    /// (see `fillProjections`), and what is trained is added to it.
    func forward(layer index: Int, _ sequences: [PackedSequence], _ b: LayerBuffers) {
        let layer = weights.layers[index]
        let frozen = layer.frozen
        let separate = training.dropout != nil
        let matrices = separate ? layer.frozenForward : layer.forward

        let isLowest = index == lowestAdapted
        if !isLowest { project(b.x.read, matrices.projection, frozen, into: b.projected) }
        if separate || isLowest { addLowRankProjections(index, layer, b) }
        attend(sequences, b)

        product(b.context.read, matrices.attention, into: b.middle)
        if separate {
            addLowRank(index, layer, .attentionOutput, b.context.read, b, to: b.middle)
        }
        finishHalf(
            b.middle, bias: frozen.attentionBias, residual: b.x.read,
            norm: frozen.attentionNorm, layer.attentionBottleneck, b.bottlenecks?.attention,
            keeping: b.kept?.attention)

        product(b.middle.read, matrices.up, into: b.raised)
        if separate { addLowRank(index, layer, .intermediate, b.middle.read, b, to: b.raised) }
        kernels.activate(
            base.shape.activation, b.raised.read, bias: frozen.upBias, into: b.activated)
        product(b.activated.read, matrices.down, into: b.y)
        if separate { addLowRank(index, layer, .output, b.activated.read, b, to: b.y) }
        finishHalf(
            b.y, bias: frozen.downBias, residual: b.middle.read, norm: frozen.outputNorm,
            layer.outputBottleneck, b.bottlenecks?.output, keeping: b.kept?.output)
    }

    /// Query, key and value of some rows.
    func project(
        _ x: Matrix, _ matrix: Multiplier, _ frozen: FrozenLayer, into projected: MutableMatrix
    ) {
        product(x, matrix, into: projected)
        kernels.addBias(frozen.projectionBias, to: projected)
    }

    /// Bias, bottleneck where there is one, residual and LayerNorm, in place.
    private func finishHalf(
        _ y: MutableMatrix, bias: Matrix, residual: Matrix, norm: NormWeights,
        _ bottleneck: AdaptedWeights.Bottleneck?, _ buffers: LayerBuffers.BottleneckBuffers?,
        keeping kept: (normalized: MutableMatrix, inverse: MutableMatrix)?
    ) {
        var rest: Matrix? = bias
        if let bottleneck, let buffers {
            kernels.addBias(bias, to: y)
            squeeze(y, bottleneck, buffers)
            rest = nil
        }
        kernels.normalize(
            y.read, bias: rest, residual: residual, norm: norm, into: y, keeping: kept)
    }

    /// y += up(act(down(y))).
    private func squeeze(
        _ y: MutableMatrix, _ bottleneck: AdaptedWeights.Bottleneck,
        _ buffers: LayerBuffers.BottleneckBuffers
    ) {
        buffers.input.copy(from: y.read)
        kernels.project(y.read, bottleneck.down.read, into: buffers.lowered)
        kernels.activate(
            bottleneck.activation, buffers.lowered.read, bias: bottleneck.downBias.read,
            into: buffers.activated)
        kernels.expand(
            buffers.activated.read, bottleneck.upTransposed.read, scale: 1, addingTo: y)
        kernels.addBias(bottleneck.upBias.read, to: y)
    }

    private func addLowRankProjections(
        _ index: Int, _ layer: AdaptedWeights.Layer, _ b: LayerBuffers
    ) {
        let hidden = base.hiddenSize
        addLowRank(index, layer, .query, b.x.read, b, to: b.projected.columns(0..<hidden))
        addLowRank(index, layer, .key, b.x.read, b, to: b.projected.columns(hidden..<2 * hidden))
        addLowRank(
            index, layer, .value, b.x.read, b, to: b.projected.columns(2 * hidden..<3 * hidden))
    }

    /// y += s · dropout(x) · Aᵀ · Bᵀ, where the target is adapted.
    private func addLowRank(
        _ index: Int, _ layer: AdaptedWeights.Layer, _ target: AdapterTarget, _ x: Matrix,
        _ b: LayerBuffers, to y: MutableMatrix
    ) {
        guard let low = layer.lowRank[target.index], let lowered = b.lowered else { return }
        var input = x
        if let dropout = training.dropout, let backward = training.backward {
            let dropped = backward.dropped(rows: x.rows, columns: x.columns)
            kernels.dropout(
                x, chance: dropout.chance, key: dropout.key(layer: index, target: target),
                firstRow: dropout.firstRow, into: dropped)
            input = dropped.read
        }
        kernels.project(input, low.a.read, into: lowered)
        kernels.expand(lowered.read, low.bTransposed.read, scale: low.scaling, addingTo: y)
    }

    /// softmax(q kᵀ / sqrt d) v, sequence by sequence and head by head.
    private func attend(_ sequences: [PackedSequence], _ b: LayerBuffers) {
        let hidden = base.hiddenSize
        let size = base.shape.headSize
        let scale = 1 / Float(size).squareRoot()
        var place = 0
        for sequence in sequences {
            let tokens = sequence.rows.count
            let stride = LayerBuffers.probabilityStride(tokens)
            let rows = b.projected.read.rows(sequence.rows)
            let context = b.context.rows(sequence.rows)
            for head in 0..<base.shape.headCount {
                let columns = head * size..<(head + 1) * size
                let query = rows.columns(columns)
                let key = rows.columns(hidden + columns.lowerBound..<hidden + columns.upperBound)
                let value = rows.columns(
                    2 * hidden + columns.lowerBound..<2 * hidden + columns.upperBound)
                let p = b.probabilities.part(at: place, rows: tokens, columns: stride)
                let transposed = b.transposed.part(at: 0, rows: size, columns: stride)
                kernels.transpose(key, into: transposed)
                base.numerics.multiplyHead(query, transposed.read, into: p, scale: scale)
                kernels.softmax(p, columns: tokens)
                base.numerics.multiplyHead(
                    p.read.columns(0..<tokens), value, into: context.columns(columns))
                if b.kept != nil { place += tokens * stride }
            }
        }
    }
}
