import Tensor

/// Backward of `forward(layer:)`, from the top down, for the adapters alone.
///
/// Nothing is computed that only frozen weights would need, nor below the lowest adapted matrix.
extension Workspace {
    /// Turns d of the topmost output, in `backward.dy`, into gradients, added to `sums`.
    func backwardThroughLayers(lowest: Int) {
        guard let backward = training.backward, let sums = training.sums else {
            preconditionFailure("no room for backward")
        }
        backward.ones.fill(1)
        for index in stride(from: base.layerCount - 1, through: lowest, by: -1) {
            let layer = weights.layers[index]
            guard let matrices = layer.backward else { preconditionFailure("a frozen layer") }
            let step = LayerBackward(
                work: self, index: index, layer: layer, matrices: matrices,
                b: training.kept[index - lowest],
                d: backward,
                sums: sums, deepest: index == lowest ? .deepest(of: layer) : .input)
            step.run()
        }
    }
}

/// The places in a layer where a backward pass may end, from the bottom up.
private enum Depth: Int, Comparable {
    case input, projections, attentionOutput, attentionBottleneck, intermediate, output
    case outputBottleneck

    static func < (a: Depth, b: Depth) -> Bool { a.rawValue < b.rawValue }

    /// The lowest place where something is trained.
    static func deepest(of layer: AdaptedWeights.Layer) -> Depth {
        func isAdapted(_ target: AdapterTarget) -> Bool { layer.lowRank[target.index] != nil }
        if isAdapted(.query) || isAdapted(.key) || isAdapted(.value) { return .projections }
        if isAdapted(.attentionOutput) { return .attentionOutput }
        if layer.attentionBottleneck != nil { return .attentionBottleneck }
        if isAdapted(.intermediate) { return .intermediate }
        return isAdapted(.output) ? .output : .outputBottleneck
    }
}

/// One layer's backward pass: `d.dy` holds d of its output and is left with d of its input.
private struct LayerBackward {
    let work: Workspace
    let index: Int
    let layer: AdaptedWeights.Layer
    let matrices: LayerMatrices<Multiplier>
    let b: LayerBuffers
    let d: BackwardBuffers
    let sums: GradientSums
    let deepest: Depth

    private var kernels: Kernels { work.kernels }
    private var frozen: FrozenLayer { layer.frozen }

    func run() {
        guard let kept = b.kept else { preconditionFailure("nothing was kept of the layer") }
        // y = LayerNorm(bottleneck(activated · downᵀ + bias) + middle)
        kernels.normalizeBackward(
            d.dy.read, gamma: frozen.outputNorm.gamma, normalized: kept.output.normalized.read,
            inverse: kept.output.inverse.read, into: d.dsum)
        if deepest < .output { d.dmiddle.copy(from: d.dsum.read) }
        squeezeBackward(d.dsum, layer.outputBottleneck, b.bottlenecks?.output)
        if deepest == .outputBottleneck || !feedForwardBackward() { return }

        // middle = LayerNorm(bottleneck(context · attentionᵀ + bias) + x)
        kernels.normalizeBackward(
            d.dmiddle.read, gamma: frozen.attentionNorm.gamma,
            normalized: kept.attention.normalized.read, inverse: kept.attention.inverse.read,
            into: d.dsum)
        if deepest == .input { d.dy.copy(from: d.dsum.read) }
        squeezeBackward(d.dsum, layer.attentionBottleneck, b.bottlenecks?.attention)
        if deepest == .attentionBottleneck { return }

        // The matrix after the heads.
        let goesOn = deepest < .attentionOutput
        if goesOn {
            work.product(d.dsum.read, matrices.attention, into: d.dcontext)
        }
        lowRankBackward(
            .attentionOutput, b.context.read, d.dsum.read, into: goesOn ? d.dcontext : nil)
        if !goesOn { return }
        attentionBackward()
        projectionBackward()
    }

    /// activated = act(middle · upᵀ + bias), then · downᵀ: d of middle is added to `d.dmiddle`.
    ///
    /// - Returns: false when nothing below is trained.
    private func feedForwardBackward() -> Bool {
        let activation = work.base.shape.activation
        if deepest < .intermediate && layer.lowRank[AdapterTarget.output.index] == nil
            && layer.lowRank[AdapterTarget.intermediate.index] == nil
        {
            frozenFeedForwardBackward()
            return true
        }
        if layer.lowRank[AdapterTarget.output.index] != nil {
            // The activation's output is not kept: it is computed again, with the same bits.
            kernels.activate(activation, b.raised.read, bias: frozen.upBias, into: b.activated)
        }
        let reachesActivation = deepest < .output
        if reachesActivation {
            work.product(d.dsum.read, matrices.down, into: d.draised)
        }
        lowRankBackward(
            .output, b.activated.read, d.dsum.read, into: reachesActivation ? d.draised : nil)
        if !reachesActivation { return false }
        kernels.activateBackward(
            activation, b.raised.read, bias: frozen.upBias, d.draised.read, into: d.draised)

        let reachesMiddle = deepest < .intermediate
        if reachesMiddle {
            work.product(d.draised.read, matrices.up, into: d.dsum)
            kernels.add(d.dsum.read, to: d.dmiddle)
        }
        lowRankBackward(
            .intermediate, b.middle.read, d.draised.read, into: reachesMiddle ? d.dmiddle : nil)
        return reachesMiddle
    }

    /// The same where nothing is trained on the two matrices: some rows at a time, which stay in
    /// the cache between the products.
    private func frozenFeedForwardBackward() {
        let most = work.base.numerics.rowsAtOnce
        for start in stride(from: 0, to: d.dsum.rows, by: most) {
            let rows = start..<min(start + most, d.dsum.rows)
            let (dsum, draised) = (d.dsum.rows(rows), d.draised.rows(0..<rows.count))
            work.product(dsum.read, matrices.down, into: draised)
            kernels.activateBackward(
                work.base.shape.activation, b.raised.read.rows(rows), bias: frozen.upBias,
                draised.read, into: draised)
            work.product(draised.read, matrices.up, into: dsum)
            kernels.add(dsum.read, to: d.dmiddle.rows(rows))
        }
    }

    /// projected = x · [q k v]ᵀ: d of x is added to `d.dy` when somebody below needs it.
    private func projectionBackward() {
        if deepest == .input {
            work.product(d.dprojected.read, matrices.projection, into: d.dsum)
            kernels.add(d.dsum.read, to: d.dy)
        }
        let hidden = work.base.hiddenSize
        for target in [AdapterTarget.query, .key, .value] {
            let columns = target.index * hidden..<(target.index + 1) * hidden
            lowRankBackward(
                target, b.x.read, d.dprojected.read.columns(columns),
                into: deepest == .input ? d.dy : nil)
        }
    }

    /// LoRA's y = s · dropout(x) · Aᵀ · Bᵀ: adds to dA and dB, and to dx what passes through a
    /// path computed apart. Merged into the matrix, it is in the product's dx already.
    private func lowRankBackward(
        _ target: AdapterTarget, _ x: Matrix, _ dy: Matrix, into dx: MutableMatrix?
    ) {
        guard let low = layer.lowRank[target.index] else { return }
        var input = x
        if let dropout = work.training.dropout {
            let dropped = d.dropped(rows: x.rows, columns: x.columns)
            kernels.dropout(
                x, chance: dropout.chance, key: dropout.key(layer: index, target: target),
                firstRow: dropout.firstRow, into: dropped)
            input = dropped.read
        }
        kernels.project(input, low.a.read, into: d.low.input)
        kernels.project(dy, low.bTransposed.read, into: d.low.gradient)
        kernels.outer(d.low.input.read, dy, scale: low.scaling, addingTo: sums[low.slotB])
        kernels.outer(d.low.gradient.read, input, scale: low.scaling, addingTo: sums[low.slotA])
        if let dropout = work.training.dropout, let dx {
            let through = d.droppedGradient(rows: x.rows, columns: x.columns)
            through.fill(0)
            kernels.expand(
                d.low.gradient.read, low.a.read, scale: low.scaling, addingTo: through)
            kernels.dropoutBackward(
                through.read, chance: dropout.chance,
                key: dropout.key(layer: index, target: target), firstRow: dropout.firstRow,
                addingTo: dx)
        }
    }

    /// y = f + act(f · downᵀ + bias) · upᵀ + bias: turns d of y into d of f, in place.
    private func squeezeBackward(
        _ dy: MutableMatrix, _ bottleneck: AdaptedWeights.Bottleneck?,
        _ buffers: LayerBuffers.BottleneckBuffers?
    ) {
        guard let bottleneck, let buffers else { return }
        let (down, downBias) = (sums[bottleneck.slots[0]], sums[bottleneck.slots[1]])
        let (up, upBias) = (sums[bottleneck.slots[2]], sums[bottleneck.slots[3]])
        kernels.outer(d.ones.read, dy.read, scale: 1, addingTo: upBias)
        kernels.outer(buffers.activated.read, dy.read, scale: 1, addingTo: up)
        kernels.project(dy.read, bottleneck.upTransposed.read, into: d.low.gradient)
        kernels.activateBackward(
            bottleneck.activation, buffers.lowered.read, bias: bottleneck.downBias.read,
            d.low.gradient.read, into: d.low.gradient)
        kernels.outer(d.ones.read, d.low.gradient.read, scale: 1, addingTo: downBias)
        kernels.outer(d.low.gradient.read, buffers.input.read, scale: 1, addingTo: down)
        kernels.expand(d.low.gradient.read, bottleneck.down.read, scale: 1, addingTo: dy)
    }

    /// context = softmax(q kᵀ / sqrt d) v, sequence by sequence and head by head.
    private func attentionBackward() {
        let shape = work.base.shape
        let numerics = work.base.numerics
        let size = shape.headSize
        let scale = 1 / Float(size).squareRoot()
        func isNeeded(_ target: AdapterTarget) -> Bool {
            deepest == .input || layer.lowRank[target.index] != nil
        }
        let needs = (isNeeded(.query), isNeeded(.key), isNeeded(.value))
        var place = 0
        for sequence in work.sequences {
            let tokens = sequence.rows.count
            let stride = LayerBuffers.probabilityStride(tokens)
            let rows = b.projected.read.rows(sequence.rows)
            let drows = d.dprojected.rows(sequence.rows)
            let dcontext = d.dcontext.read.rows(sequence.rows)
            for head in 0..<shape.headCount {
                let q = head * size..<(head + 1) * size
                let k = q.lowerBound + shape.hiddenSize..<q.upperBound + shape.hiddenSize
                let v = k.lowerBound + shape.hiddenSize..<k.upperBound + shape.hiddenSize
                let p = b.probabilities.read.part(at: place, rows: tokens, columns: stride)
                place += tokens * stride
                let dout = dcontext.columns(q)
                if needs.2 {
                    numerics.multiplyHead(
                        p.columns(0..<tokens), transposed: true, dout, into: drows.columns(v))
                }
                if !needs.0 && !needs.1 { continue }
                let dp = d.dprobabilities.part(at: 0, rows: tokens, columns: stride)
                let transposed = d.transposed.part(at: 0, rows: size, columns: stride)
                kernels.transpose(rows.columns(v), into: transposed)
                numerics.multiplyHead(dout, transposed.read, into: dp)
                kernels.softmaxBackward(p, dp, columns: tokens, scale: scale)
                let dlogits = dp.read.columns(0..<tokens)
                if needs.0 {
                    numerics.multiplyHead(dlogits, rows.columns(k), into: drows.columns(q))
                }
                if needs.1 {
                    numerics.multiplyHead(
                        dlogits, transposed: true, rows.columns(q), into: drows.columns(k))
                }
            }
        }
    }
}
