import Tensor

extension Workspace {
    /// Rows and longest text of a list of packed texts.
    private func extent(_ list: [PackedSequence]) -> (tokens: Int, longest: Int) {
        (list.last?.rows.upperBound ?? 0, list.reduce(0) { max($0, $1.rows.count) })
    }

    /// The lowest layer that is adapted; `nil` with the bare base.
    var lowestAdapted: Int? { weights.configuration?.layers[0] }

    // MARK: Without training

    /// The floats `encode` needs for the texts it was given.
    func encodeFloats() -> Int {
        var arena = Arena.measuring
        _ = layoutFresh(&arena)
        _ = layoutEncode(&arena)
        return arena.peak
    }

    /// Encodes this share's texts: returns the last layer's output, packed. Shape: (T, H).
    func encode(_ batch: EncoderBatch, lowest: Int) -> MutableMatrix {
        var arena = freshArena()
        let x = fillInputs(batch, lowest: lowest, &arena)
        var buffers = layoutTop(x, &arena)
        if lowest < base.layerCount { fillProjections(batch, lowest, buffers) }
        for index in lowest..<base.layerCount {
            forward(layer: index, sequences, buffers)
            swap(&buffers.x, &buffers.y)
        }
        return buffers.x
    }

    private func layoutTop(_ x: MutableMatrix, _ arena: inout Arena) -> LayerBuffers {
        LayerBuffers.passing(
            base.shape, x: x, longest: extent(sequences).longest, weights.configuration, &arena)
    }

    private func layoutEncode(_ arena: inout Arena) -> LayerBuffers {
        layoutTop(arena.take(extent(sequences).tokens, base.hiddenSize), &arena)
    }

    // MARK: The frozen part

    /// Room for the frozen part of fresh texts, taken back at once.
    private func layoutFresh(_ arena: inout Arena) -> LayerBuffers {
        let mark = arena.used
        defer { arena.reset(to: mark) }
        _ = arena.take(extent(sequences).tokens, base.hiddenSize)
        let (tokens, longest) = extent(fresh)
        let x = arena.take(tokens, base.hiddenSize)
        return LayerBuffers.passing(base.shape, x: x, longest: longest, nil, &arena)
    }

    /// The input of the lowest adapted layer: from the cache, or through the frozen layers.
    ///
    /// Fresh texts go into the cache on the way. Shape: (T, H).
    private func fillInputs(
        _ batch: EncoderBatch, lowest: Int, _ arena: inout Arena
    ) -> MutableMatrix {
        let mark = arena.used
        let freshOutput = runFresh(batch, lowest: lowest, layoutFresh(&arena))
        precondition(arena.used == mark)
        let x = arena.take(extent(sequences).tokens, base.hiddenSize)
        var next = 0
        for sequence in sequences {
            let text = batch.texts[sequence.text]
            let rows = x.rows(sequence.rows)
            if text.isFresh {
                let output = freshOutput.read.rows(fresh[next].rows)
                next += 1
                rows.copy(from: output)
                if let handle = text.handle { batch.cache?.write(handle, from: output) }
            } else if let handle = text.handle {
                batch.cache?.read(handle, into: rows)
            }
        }
        return x
    }

    /// Query, key and value of the lowest adapted layer, as far as they are frozen: from the cache,
    /// or by products over all rows that lie between such texts.
    private func fillProjections(_ batch: EncoderBatch, _ lowest: Int, _ b: LayerBuffers) {
        let layer = weights.layers[lowest]
        var first = 0
        for sequence in sequences {
            let text = batch.texts[sequence.text]
            if text.isProjected, let handle = text.handle {
                batch.cache?.readProjections(handle, into: b.projected.rows(sequence.rows))
            }
            let end = text.isProjected ? sequence.rows.lowerBound : sequence.rows.upperBound
            let isLast = sequence.rows.upperBound == tokenCount
            if end > first && (text.isProjected || isLast) {
                project(
                    b.x.read.rows(first..<end), layer.frozenForward.projection, layer.frozen,
                    into: b.projected.rows(first..<end))
            }
            if text.isProjected { first = sequence.rows.upperBound }
        }
        for sequence in sequences {
            let text = batch.texts[sequence.text]
            guard !text.isProjected, let handle = text.handle, handle.hasProjections else {
                continue
            }
            batch.cache?.writeProjections(handle, from: b.projected.read.rows(sequence.rows))
        }
    }

    private func runFresh(
        _ batch: EncoderBatch, lowest: Int, _ buffers: LayerBuffers
    ) -> MutableMatrix {
        var buffers = buffers
        if fresh.isEmpty { return buffers.x }
        let frozen = base.weights
        for sequence in fresh {
            let tokens = batch.tokens.span.extracting(batch.texts[sequence.text].tokens)
            kernels.embed(
                tokens, words: frozen.words, types: frozen.type, positions: frozen.positions,
                into: buffers.x.rows(sequence.rows))
        }
        kernels.normalize(
            buffers.x.read, bias: nil, residual: nil, norm: frozen.embeddingNorm, into: buffers.x)
        for index in 0..<lowest {
            forward(layer: index, fresh, buffers)
            swap(&buffers.x, &buffers.y)
        }
        return buffers.x
    }

    // MARK: Training

    /// The floats a training step needs for the texts this share was given.
    func trainingFloats(_ configuration: AdapterConfiguration) -> Int {
        var arena = Arena.measuring
        _ = layoutFresh(&arena)
        let x = arena.take(extent(sequences).tokens, base.hiddenSize)
        layoutTraining(configuration, x, &arena)
        return arena.peak
    }

    /// Forward over this share's texts, keeping what backward needs. Shape of the result: (T, H).
    func trainForward(_ batch: EncoderBatch, _ configuration: AdapterConfiguration)
        -> MutableMatrix
    {
        let lowest = configuration.layers[0]
        var arena = freshArena()
        let x = fillInputs(batch, lowest: lowest, &arena)
        layoutTraining(configuration, x, &arena)
        fillProjections(batch, lowest, training.kept[0])
        let whole = training.dropout
        for index in lowest..<base.layerCount {
            forEachGroup { first, place in
                guard let last = group.last else { return }
                training.dropout = whole?.from(row: first)
                forward(
                    layer: index, group,
                    training.kept[index - lowest].rows(
                        first..<first + last.rows.upperBound, probabilitiesFrom: place))
            }
        }
        training.dropout = whole
        return training.kept[training.kept.count - 1].y
    }

    /// Fills `group` with some sequences after the others, about as many tokens as are best worked
    /// on at once; the body takes the first row and the place of the first attention weight.
    private func forEachGroup(_ body: (_ firstRow: Int, _ place: Int) -> Void) {
        var (first, place, placeAfter) = (0, 0, 0)
        group.removeAll(keepingCapacity: true)
        for sequence in sequences {
            if sequence.rows.upperBound - first > base.numerics.rowsAtOnce && !group.isEmpty {
                body(first, place)
                group.removeAll(keepingCapacity: true)
                (first, place) = (sequence.rows.lowerBound, placeAfter)
            }
            let rows = sequence.rows.lowerBound - first..<sequence.rows.upperBound - first
            group.append(PackedSequence(rows: rows, text: sequence.text))
            placeAfter += probabilityFloats(of: sequence)
        }
        body(first, place)
    }

    private func layoutTraining(
        _ configuration: AdapterConfiguration, _ x: MutableMatrix, _ arena: inout Arena
    ) {
        let (tokens, longest) = extent(sequences)
        let shared = LayerBuffers.Shared(
            activated: arena.take(tokens, base.shape.intermediateSize),
            transposed: arena.take(
                base.shape.headSize, LayerBuffers.probabilityStride(longest)),
            lowered: configuration.kind == .lora ? arena.take(tokens, configuration.rank) : nil)
        let probabilities = probabilityFloats
        training.kept.removeAll(keepingCapacity: true)
        var input = x
        for _ in configuration.layers[0]..<base.layerCount {
            let layer = LayerBuffers.keeping(
                base.shape, x: input, shared, probabilityFloats: probabilities, configuration,
                &arena)
            input = layer.y
            training.kept.append(layer)
        }
        training.backward = BackwardBuffers(
            base.shape, configuration, tokens: tokens, longest: longest, &arena)
    }
}
