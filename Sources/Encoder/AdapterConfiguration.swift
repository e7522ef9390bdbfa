import Tensor

/// A matrix of a layer that an adapter can sit on.
public enum AdapterTarget: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The matrices before the heads.
    case query, key, value
    /// The matrix after the heads.
    case attentionOutput = "attention_output"
    /// The feed-forward matrix up.
    case intermediate
    /// The feed-forward matrix down.
    case output

    /// The module's name inside a layer, as Transformers has it.
    public var moduleName: String {
        switch self {
        case .query: "attention.self.query"
        case .key: "attention.self.key"
        case .value: "attention.self.value"
        case .attentionOutput: "attention.output.dense"
        case .intermediate: "intermediate.dense"
        case .output: "output.dense"
        }
    }

    var index: Int {
        switch self {
        case .query: 0
        case .key: 1
        case .value: 2
        case .attentionOutput: 3
        case .intermediate: 4
        case .output: 5
        }
    }

    /// In the order in which a layer computes them.
    public static func < (a: Self, b: Self) -> Bool { a.index < b.index }

    /// Columns in and out.
    func extents(_ shape: BertConfiguration) -> (input: Int, output: Int) {
        switch self {
        case .intermediate: (shape.hiddenSize, shape.intermediateSize)
        case .output: (shape.intermediateSize, shape.hiddenSize)
        default: (shape.hiddenSize, shape.hiddenSize)
        }
    }
}

/// What is trained beside the frozen base: kind, size and place.
public struct AdapterConfiguration: Sendable, Hashable {
    /// How an adapter changes its layer.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A low-rank change of the matrix itself (Hu et al. 2021).
        case lora
        /// A bottleneck with a residual after the matrix (Houlsby et al. 2019); on the attention
        /// output and the feed-forward output alone.
        case houlsby

        /// The projections that it can change.
        public var targets: [AdapterTarget] {
            self == .lora ? AdapterTarget.allCases : [.attentionOutput, .output]
        }
    }

    /// How an adapter changes its layer.
    public var kind: Kind
    /// The low rank, or the width of the bottleneck.
    public var rank: Int
    /// LoRA's change is scaled by `alpha / rank`, or `alpha / sqrt(rank)`; 1 where there is none.
    public private(set) var alpha: Float
    /// Whether the scale is `alpha / sqrt(rank)` (Kalajdzievski 2023).
    public var isRankStabilized: Bool
    /// Chance that an input of a LoRA path is zeroed in training.
    public var dropout: Float
    /// The bottleneck's activation.
    public var activation = Activation.gelu
    /// Ascending, without repeats.
    public private(set) var targets: [AdapterTarget]
    /// Ascending, without repeats; layer 0 is the first after the embeddings.
    public private(set) var layers: [Int]

    /// Puts targets and layers in order; whether they fit a base is checked when adapters are made. A
    /// bottleneck has no alpha: what is given as one does not count.
    public init(
        kind: Kind = .lora, rank: Int = 8, alpha: Float = 16, isRankStabilized: Bool = false,
        dropout: Float = 0, targets: some Sequence<AdapterTarget> = [.query, .value],
        layers: some Sequence<Int>
    ) {
        self.kind = kind
        self.rank = rank
        self.alpha = kind == .lora ? alpha : 1
        self.isRankStabilized = kind == .lora && isRankStabilized
        self.dropout = dropout
        self.targets = Set(targets).sorted()
        self.layers = Set(layers).sorted()
    }

    /// The topmost `count` layers of a base, or all it has.
    public static func topLayers(_ count: Int, of base: BaseModel) -> Range<Int> {
        max(0, base.layerCount - count)..<base.layerCount
    }

    /// The factor on LoRA's product.
    public var scaling: Float {
        let rank = Float(rank)
        return alpha / (isRankStabilized ? rank.squareRoot() : rank)
    }

    /// - Throws: when it does not fit the base, saying which value and why.
    func check(_ shape: BertConfiguration) throws(EncoderError) {
        func refuse(_ what: String) -> EncoderError { .configuration(what) }
        guard rank >= 1, rank <= shape.hiddenSize else {
            throw refuse("the adapter's rank \(rank) is not between 1 and \(shape.hiddenSize)")
        }
        guard alpha.isFinite, alpha > 0 else {
            throw refuse("the adapter's alpha \(alpha) is not a positive number")
        }
        guard dropout >= 0, dropout < 1 else {
            throw refuse("the adapter's dropout \(dropout) is not in [0, 1)")
        }
        guard !targets.isEmpty, let first = layers.first, let last = layers.last else {
            throw refuse("the adapter has no target or no layer")
        }
        guard first >= 0, last < shape.layerCount else {
            throw refuse(
                "the adapter's layers \(layers) are not all among the base's \(shape.layerCount)")
        }
        if kind == .houlsby {
            guard targets.allSatisfy(kind.targets.contains) else {
                throw refuse(
                    "a bottleneck adapter sits on attention_output and output, not on "
                        + targets.map(\.rawValue).joined(separator: ", "))
            }
            guard dropout == 0 else { throw refuse("a bottleneck adapter has no dropout") }
        }
    }
}

extension AdapterConfiguration {
    /// What is another one here than in what was `stored`, by the names of the configuration's keys.
    public func differences(from stored: AdapterConfiguration) -> [String] {
        func list(_ items: [some CustomStringConvertible]) -> String {
            items.map(\.description).joined(separator: ", ")
        }
        func compare<Value: Equatable>(
            _ key: String, _ path: KeyPath<AdapterConfiguration, Value>, _ text: (Value) -> String
        ) -> String? {
            let (asked, found) = (self[keyPath: path], stored[keyPath: path])
            return asked == found
                ? nil : "\(key) is \(text(asked)), and its adapters have \(text(found))"
        }
        return [
            compare("lora.method", \.kind) { $0.rawValue },
            compare("lora.rank", \.rank) { "\($0)" },
            compare("lora.alpha", \.alpha) { "\($0)" },
            compare("the scaling by rank", \.isRankStabilized) { $0 ? "stabilised" : "plain" },
            compare("lora.dropout", \.dropout) { "\($0)" },
            compare("the activation", \.activation) { "\($0)" },
            compare("lora.targets", \.targets) { list($0.map(\.rawValue)) },
            compare("lora.layers", \.layers) { "for layers " + list($0) },
        ].compactMap { $0 }
    }
}
