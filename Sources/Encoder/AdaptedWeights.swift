import Tensor

/// The matrices a pass computes with: the base's own, or copies with the adapters merged in.
///
/// LoRA's product s·B·A is added to a copy of the matrix it sits on, so that a forward or backward
/// product costs what it costs without adapters; the copies are made anew when the adapters change.
/// Apart from the base's own matrix the low-rank path is computed when training with dropout, and
/// always on query, key and value of the lowest adapted layer: their input is frozen, so that the
/// prefix cache can hold their frozen part.
/// The base's own pages are never written.
///
/// Thread: written by `set`, by one thread while no pass runs.
final class AdaptedWeights {
    /// LoRA beside one matrix. Shapes: a (r, in), b transposed (r, out).
    struct LowRank {
        let a: MutableMatrix
        let bTransposed: MutableMatrix
        let b: MutableMatrix
        let slotA: AdapterLayout.Slot
        let slotB: AdapterLayout.Slot
        let scaling: Float
    }

    /// A bottleneck after one matrix. Shapes: down (m, H), up transposed (m, H).
    struct Bottleneck {
        let down: MutableMatrix
        let downBias: MutableMatrix
        let upTransposed: MutableMatrix
        let upBias: MutableMatrix
        /// down, downBias, up, upBias.
        let slots: [AdapterLayout.Slot]
        let activation: Activation
    }

    /// One layer: the matrices to multiply by, and what is trained on them.
    struct Layer {
        let frozen: FrozenLayer
        /// Copies with LoRA merged in, where a target is on them.
        var merged = LayerMatrices<MutableMatrix?>(
            projection: nil, attention: nil, up: nil, down: nil)
        /// What a forward pass multiplies by: the transposes of the base's own matrices, and of
        /// the merged ones where there are some.
        let frozenForward: LayerMatrices<Multiplier>
        var forward: LayerMatrices<Multiplier>
        /// What a backward pass multiplies by; none below the lowest adapter.
        var backward: LayerMatrices<Multiplier>?
        /// By `AdapterTarget.index`.
        var lowRank: [LowRank?] = Array(repeating: nil, count: AdapterTarget.allCases.count)
        var attentionBottleneck: Bottleneck?
        var outputBottleneck: Bottleneck?
    }

    let configuration: AdapterConfiguration?
    let layout: AdapterLayout?
    private(set) var layers: [Layer]
    private let buffer: FloatBuffer?
    private let numerics: Numerics
    private var kernels: Kernels { numerics.kernels }

    /// Room for adapters of a configuration; `nil` for the bare base.
    ///
    /// - Throws: when the system refuses the memory.
    init(_ base: BaseModel, _ adapters: Adapters?) throws(EncoderError) {
        numerics = base.numerics
        configuration = adapters?.configuration
        layout = adapters?.layout
        guard let adapters else {
            layers = base.weights.layers.indices.map { Self.plain(base, $0) }
            buffer = nil
            return
        }
        var measure = Arena.measuring
        _ = Self.planned(base, adapters, &measure)
        guard let buffer = FloatBuffer(count: measure.used) else {
            throw .memory(bytes: measure.used * MemoryLayout<Float>.stride)
        }
        var arena = Arena(buffer)
        layers = Self.planned(base, adapters, &arena)
        self.buffer = buffer
        for layer in layers {
            layer.backward?.with(layer.frozen.matrices).forEach { numerics.fill($0.0, from: $0.1) }
        }
        set(adapters)
    }

    private static func plain(_ base: BaseModel, _ index: Int) -> Layer {
        let forward = base.weights.forward[index]
        return Layer(
            frozen: base.weights.layers[index], frozenForward: forward, forward: forward)
    }

    /// Takes over the adapters' values; their configuration must be the one this was made for.
    func set(_ adapters: Adapters) {
        precondition(adapters.configuration == configuration, "another configuration")
        for layer in layers {
            for case let low? in layer.lowRank {
                low.a.copy(from: adapters.values[low.slotA.range])
                low.b.copy(from: adapters.values[low.slotB.range])
                low.bTransposed.copyTransposed(from: low.b.read)
            }
            if let bottleneck = layer.attentionBottleneck { fill(bottleneck, adapters) }
            if let bottleneck = layer.outputBottleneck { fill(bottleneck, adapters) }
            merge(layer)
        }
    }

    private func fill(_ bottleneck: Bottleneck, _ adapters: Adapters) {
        let slots = bottleneck.slots
        bottleneck.down.copy(from: adapters.values[slots[0].range])
        bottleneck.downBias.copy(from: adapters.values[slots[1].range])
        bottleneck.upTransposed.copyTransposed(fromRows: adapters.values[slots[2].range])
        bottleneck.upBias.copy(from: adapters.values[slots[3].range])
    }

    private func merge(_ layer: Layer) {
        func copy(_ matrix: MutableMatrix?, _ frozen: Matrix) { matrix?.copy(from: frozen) }
        layer.merged.with(layer.frozen.matrices).forEach { copy($0.0, $0.1) }
        if let projection = layer.merged.projection {
            let hidden = projection.columns
            for target in [AdapterTarget.query, .key, .value] {
                let rows = target.index * hidden..<(target.index + 1) * hidden
                add(layer.lowRank[target.index], to: projection.rows(rows))
            }
        }
        add(layer.lowRank[AdapterTarget.attentionOutput.index], to: layer.merged.attention)
        add(layer.lowRank[AdapterTarget.intermediate.index], to: layer.merged.up)
        add(layer.lowRank[AdapterTarget.output.index], to: layer.merged.down)
        refill(layer.forward, layer.merged)
        if let backward = layer.backward, configuration?.dropout == 0 {
            refill(backward, layer.merged)
        }
    }

    private func refill(
        _ multipliers: LayerMatrices<Multiplier>, _ merged: LayerMatrices<MutableMatrix?>
    ) {
        multipliers.with(merged).forEach { multiplier, matrix in
            if let matrix { numerics.fill(multiplier, from: matrix.read) }
        }
    }

    /// W + s·B·A: row n of the result is row n of W plus s times row n of B through A.
    private func add(_ low: LowRank?, to matrix: MutableMatrix?) {
        guard let low, let matrix else { return }
        kernels.expand(low.b.read, low.a.read, scale: low.scaling, addingTo: matrix)
    }

    private static func planned(
        _ base: BaseModel, _ adapters: Adapters, _ arena: inout Arena
    ) -> [Layer] {
        let configuration = adapters.configuration
        let hidden = base.shape.hiddenSize
        let inner = base.shape.intermediateSize
        return base.weights.layers.enumerated().map { index, frozen in
            var layer = plain(base, index)
            if index < configuration.layers[0] { return layer }
            let slots = adapters.layout.slots.filter { $0.layer == index }
            for target in configuration.targets where !slots.isEmpty {
                let own = slots.filter { $0.target == target }
                if configuration.kind == .houlsby {
                    let made = bottleneck(own, configuration, hidden, &arena)
                    if target == .output {
                        layer.outputBottleneck = made
                    } else {
                        layer.attentionBottleneck = made
                    }
                    continue
                }
                layer.lowRank[target.index] = lowRank(own, configuration, &arena)
                switch target {
                case .query, .key, .value:
                    // In the lowest layer what is frozen is computed apart, for the prefix cache.
                    if index > configuration.layers[0], layer.merged.projection == nil {
                        layer.merged.projection = arena.take(3 * hidden, hidden)
                    }
                case .attentionOutput: layer.merged.attention = arena.take(hidden, hidden)
                case .intermediate: layer.merged.up = arena.take(inner, hidden)
                case .output: layer.merged.down = arena.take(hidden, inner)
                }
            }
            place(&layer, base.numerics, configuration, &arena)
            return layer
        }
    }

    private static func place(
        _ layer: inout Layer, _ numerics: Numerics, _ configuration: AdapterConfiguration,
        _ arena: inout Arena
    ) {
        layer.forward = layer.merged.with(layer.frozenForward).map { merged, frozen in
            merged.map { numerics.place($0.read, transposed: true, in: &arena) } ?? frozen
        }
        let trained = layer.merged.with(layer.frozen.matrices).map { merged, frozen in
            configuration.dropout == 0 ? merged?.read ?? frozen : frozen
        }
        layer.backward = trained.map { numerics.place($0, transposed: false, in: &arena) }
    }

    private static func lowRank(
        _ slots: [AdapterLayout.Slot], _ configuration: AdapterConfiguration, _ arena: inout Arena
    ) -> LowRank {
        let (a, b) = (slots[0], slots[1])
        return LowRank(
            a: arena.take(a.shape[0], a.shape[1]),
            bTransposed: arena.take(b.shape[1], b.shape[0]),
            b: arena.take(b.shape[0], b.shape[1]), slotA: a, slotB: b,
            scaling: configuration.scaling)
    }

    private static func bottleneck(
        _ slots: [AdapterLayout.Slot], _ configuration: AdapterConfiguration, _ hidden: Int,
        _ arena: inout Arena
    ) -> Bottleneck {
        let width = configuration.rank
        return Bottleneck(
            down: arena.take(width, hidden), downBias: arena.take(1, width),
            upTransposed: arena.take(width, hidden), upBias: arena.take(1, hidden), slots: slots,
            activation: configuration.activation)
    }
}
