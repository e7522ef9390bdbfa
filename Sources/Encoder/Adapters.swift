import Records
import Tensor

/// One trainable tensor of the adapters, by the name PEFT gives it.
public struct AdapterTensor: Sendable, Equatable {
    /// `encoder.layer.N.MODULE.lora_A.weight` and the like.
    public let name: String
    /// Extents of its rows and columns, or its length.
    public let shape: [Int]
    /// Row-major, as many as the extents' product.
    public let values: [Float]

    /// Takes each field as it is; `Adapters` checks that they fit.
    public init(name: String, shape: [Int], values: [Float]) {
        self.name = name
        self.shape = shape
        self.values = values
    }
}

/// Where each adapter tensor lies among the flat values: one order for weights, gradients and
/// optimiser state.
struct AdapterLayout: Sendable, Equatable {
    struct Slot: Sendable, Equatable {
        /// Its number in the layout.
        let index: Int
        let name: String
        let shape: [Int]
        let offset: Int
        let layer: Int
        let target: AdapterTarget
        let part: Part

        var count: Int { shape.reduce(1, *) }
        var range: Range<Int> { offset..<offset + count }
    }

    enum Part: String, Sendable {
        /// LoRA: (rank, in) and (out, rank).
        case a = "lora_A.weight"
        case b = "lora_B.weight"
        /// Bottleneck: (rank, H), (rank), (H, rank), (H).
        case down = "adapter_down.weight"
        case downBias = "adapter_down.bias"
        case up = "adapter_up.weight"
        case upBias = "adapter_up.bias"
    }

    private(set) var slots: [Slot] = []
    private(set) var count = 0

    init(_ configuration: AdapterConfiguration, _ shape: BertConfiguration) {
        let rank = configuration.rank
        for layer in configuration.layers {
            for target in configuration.targets {
                let (input, output) = target.extents(shape)
                let parts: [(Part, [Int])] =
                    switch configuration.kind {
                    case .lora: [(.a, [rank, input]), (.b, [output, rank])]
                    case .houlsby:
                        [
                            (.down, [rank, output]), (.downBias, [rank]), (.up, [output, rank]),
                            (.upBias, [output]),
                        ]
                    }
                for (part, extents) in parts {
                    let name = "encoder.layer.\(layer).\(target.moduleName).\(part.rawValue)"
                    slots.append(
                        Slot(
                            index: slots.count, name: name, shape: extents, offset: count,
                            layer: layer,
                            target: target, part: part))
                    count += extents.reduce(1, *)
                }
            }
        }
    }
}

/// The weights that are trained, and nothing else is: a value, copied when changed.
public struct Adapters: Sendable, Equatable {
    /// Kind, size and place.
    public let configuration: AdapterConfiguration
    /// The base they were made for.
    public let baseFingerprint: Digest256
    let layout: AdapterLayout
    /// All tensors one after the other, in the layout's order.
    public package(set) var values: [Float]

    /// Fresh adapters that change nothing yet: the side next to the output starts at zero.
    ///
    /// - Throws: when the configuration does not fit the base.
    public init(
        configuration: AdapterConfiguration, base: BaseModel, seed: UInt64
    ) throws(EncoderError) {
        try configuration.check(base.shape)
        self.configuration = configuration
        baseFingerprint = base.fingerprint
        layout = AdapterLayout(configuration, base.shape)
        values = [Float](repeating: 0, count: layout.count)
        var random = SeededRandom(seed: seed)
        for slot in layout.slots where slot.part == .a || slot.part == .down {
            // Uniform within 1/sqrt(in), which is PEFT's Kaiming initialisation.
            let bound = 1 / Double(slot.shape[1]).squareRoot()
            for index in slot.range { values[index] = Float((2 * random.unit() - 1) * bound) }
        }
    }

    /// Adapters with the given tensors, in any order.
    ///
    /// - Throws: when one is missing, too many, of another shape or not finite.
    public init(
        configuration: AdapterConfiguration, base: BaseModel, tensors: [AdapterTensor]
    ) throws(EncoderError) {
        try configuration.check(base.shape)
        self.configuration = configuration
        baseFingerprint = base.fingerprint
        layout = AdapterLayout(configuration, base.shape)
        values = [Float](repeating: 0, count: layout.count)
        var given: [String: AdapterTensor] = [:]
        for tensor in tensors where given.updateValue(tensor, forKey: tensor.name) != nil {
            throw .configuration("the adapter tensor '\(tensor.name)' is given twice")
        }
        for slot in layout.slots {
            guard let tensor = given.removeValue(forKey: slot.name) else {
                throw .configuration("the adapter tensor '\(slot.name)' is missing")
            }
            guard tensor.shape == slot.shape, tensor.values.count == slot.count else {
                throw .configuration(
                    "the adapter tensor '\(slot.name)' has shape \(tensor.shape), expected "
                        + "\(slot.shape)")
            }
            guard tensor.values.allSatisfy(\.isFinite) else {
                throw .configuration("the adapter tensor '\(slot.name)' holds NaN or infinity")
            }
            values.replaceSubrange(slot.range, with: tensor.values)
        }
        if let extra = given.keys.min() {
            throw .configuration("the adapter tensor '\(extra)' belongs to no target")
        }
    }

    /// All of them, layer by layer, from the lowest on.
    public var tensors: [AdapterTensor] {
        layout.slots.map { slot in
            AdapterTensor(name: slot.name, shape: slot.shape, values: Array(values[slot.range]))
        }
    }

    /// The Euclidean length of each tensor, in the order of `tensors`.
    public var norms: [(name: String, norm: Double)] {
        layout.slots.map { slot in
            let sum = values[slot.range].reduce(0.0) { $0 + Double($1) * Double($1) }
            return (slot.name, sum.squareRoot())
        }
    }
}

/// d(loss) / d(adapter values), in the same order.
public struct AdapterGradient: Sendable, Equatable {
    let layout: AdapterLayout
    /// All tensors one after the other, in the layout's order.
    public package(set) var values: [Float]

    /// Zeros, with the shape of some adapters.
    public init(_ adapters: Adapters) {
        self.init(adapters.layout)
    }

    init(_ layout: AdapterLayout) {
        self.layout = layout
        values = [Float](repeating: 0, count: layout.count)
    }

    /// One gradient for each of the adapters' tensors, under its name.
    public var tensors: [AdapterTensor] {
        layout.slots.map { slot in
            AdapterTensor(name: slot.name, shape: slot.shape, values: Array(values[slot.range]))
        }
    }
}
