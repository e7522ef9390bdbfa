import Tensor

/// The matrices a pass computes with: the base's own, or copies with the adapters merged in.
///
/// LoRA's product s·B·A is added to a copy of the matrix it sits on, so that a forward or backward
/// product costs what it costs without adapters; the copies are made anew when the adapters change.
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
        var projection: MutableMatrix?
        var attention: MutableMatrix?
        var up: MutableMatrix?
        var down: MutableMatrix?
        /// By `AdapterTarget.index`.
        var lowRank: [LowRank?] = Array(repeating: nil, count: AdapterTarget.allCases.count)
        var attentionBottleneck: Bottleneck?
        var outputBottleneck: Bottleneck?
    }

    let configuration: AdapterConfiguration?
    let layout: AdapterLayout?
    private(set) var layers: [Layer]
    private let buffer: FloatBuffer?
    private let kernels: Kernels

    /// Room for adapters of a configuration; `nil` for the bare base.
    ///
    /// - Throws: when the system refuses the memory.
    init(_ base: BaseModel, _ adapters: Adapters?) throws(EncoderError) {
        kernels = base.numerics.kernels
        configuration = adapters?.configuration
        layout = adapters?.layout
        guard let adapters else {
            layers = base.weights.layers.map { Layer(frozen: $0) }
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
        set(adapters)
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
        if let projection = layer.projection {
            projection.copy(from: layer.frozen.projection)
            let hidden = projection.columns
            for target in [AdapterTarget.query, .key, .value] {
                let rows = target.index * hidden..<(target.index + 1) * hidden
                add(layer.lowRank[target.index], to: projection.rows(rows))
            }
        }
        if let attention = layer.attention {
            attention.copy(from: layer.frozen.attention)
            add(layer.lowRank[AdapterTarget.attentionOutput.index], to: attention)
        }
        if let up = layer.up {
            up.copy(from: layer.frozen.up)
            add(layer.lowRank[AdapterTarget.intermediate.index], to: up)
        }
        if let down = layer.down {
            down.copy(from: layer.frozen.down)
            add(layer.lowRank[AdapterTarget.output.index], to: down)
        }
    }

    /// W + s·B·A: row n of the result is row n of W plus s times row n of B through A.
    private func add(_ low: LowRank?, to matrix: MutableMatrix) {
        guard let low else { return }
        kernels.expand(low.b.read, low.a.read, scale: low.scaling, addingTo: matrix)
    }

    private static func planned(
        _ base: BaseModel, _ adapters: Adapters, _ arena: inout Arena
    ) -> [Layer] {
        let configuration = adapters.configuration
        let hidden = base.shape.hiddenSize
        let inner = base.shape.intermediateSize
        return base.weights.layers.enumerated().map { index, frozen in
            var layer = Layer(frozen: frozen)
            guard configuration.layers.contains(index) else { return layer }
            let slots = adapters.layout.slots.filter { $0.layer == index }
            for target in configuration.targets {
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
                    if layer.projection == nil { layer.projection = arena.take(3 * hidden, hidden) }
                case .attentionOutput: layer.attention = arena.take(hidden, hidden)
                case .intermediate: layer.up = arena.take(inner, hidden)
                case .output: layer.down = arena.take(hidden, inner)
                }
            }
            return layer
        }
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
