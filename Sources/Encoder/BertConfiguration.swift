import Tensor

/// The shape of a BERT encoder, from a model's `config.json`.
public struct BertConfiguration: Sendable, Hashable {
    /// Rows of the token embeddings.
    public let vocabularySize: Int
    /// H: columns of a token's vector; a multiple of `headCount`.
    public let hiddenSize: Int
    /// Layers after the embeddings, 1 to 1024.
    public let layerCount: Int
    /// Attention heads of a layer.
    public let headCount: Int
    /// Columns between the two feed-forward matrices.
    public let intermediateSize: Int
    /// Positions that have an embedding: the longest sequence.
    public let positionCount: Int
    /// Rows of the token type embeddings.
    public let typeCount: Int
    /// Between the two feed-forward matrices.
    public let activation: Activation
    /// Added to the variance in layer normalization.
    public let normEpsilon: Float

    /// Columns a head has.
    public var headSize: Int { hiddenSize / headCount }

    /// - Throws: for what is not a BERT encoder, or is one of a kind not computed here.
    static func read(_ file: String) throws(EncoderError) -> BertConfiguration {
        try BertConfiguration(try JSONFile.read(Fields.self, file), file)
    }

    private init(_ fields: Fields, _ file: String) throws(EncoderError) {
        try fields.refuseUnsupported(file)
        guard let activation = Self.activations[fields.hidden_act ?? "gelu"] else {
            throw .unsupported(
                file: file,
                what: "the activation '\(fields.hidden_act ?? "")' is not supported; "
                    + "gelu, gelu_new and relu are")
        }
        self.activation = activation
        vocabularySize = fields.vocab_size
        hiddenSize = fields.hidden_size
        layerCount = fields.num_hidden_layers
        headCount = fields.num_attention_heads
        intermediateSize = fields.intermediate_size
        positionCount = fields.max_position_embeddings
        typeCount = fields.type_vocab_size ?? 2
        normEpsilon = Float(fields.layer_norm_eps ?? 1e-12)
        try checkRanges(file)
    }

    private static let activations: [String: Activation] = [
        "gelu": .gelu, "gelu_python": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
        "gelu_fast": .geluTanh, "relu": .relu,
    ]

    private func checkRanges(_ file: String) throws(EncoderError) {
        // Far beyond any BERT, and small enough that no product of two overflows.
        let limit = 1 << 24
        let extents = [
            ("vocab_size", vocabularySize), ("hidden_size", hiddenSize),
            ("num_attention_heads", headCount), ("intermediate_size", intermediateSize),
            ("max_position_embeddings", positionCount), ("type_vocab_size", typeCount),
        ]
        for (name, value) in extents where value < 1 || value > limit {
            throw .malformed(file: file, reason: "'\(name)' is \(value)")
        }
        guard (1...1024).contains(layerCount) else {
            throw .malformed(file: file, reason: "'num_hidden_layers' is \(layerCount)")
        }
        guard hiddenSize % headCount == 0, hiddenSize > 1 else {
            throw .malformed(
                file: file,
                reason: "hidden_size \(hiddenSize) cannot be shared by \(headCount) heads")
        }
        guard positionCount >= 2, normEpsilon >= 0, normEpsilon < 1 else {
            throw .malformed(file: file, reason: "positions or layer_norm_eps out of range")
        }
    }
}

/// `config.json` as Transformers writes it.
private struct Fields: Decodable {
    let model_type: String?
    let vocab_size: Int
    let hidden_size: Int
    let num_hidden_layers: Int
    let num_attention_heads: Int
    let intermediate_size: Int
    let max_position_embeddings: Int
    let type_vocab_size: Int?
    let hidden_act: String?
    let layer_norm_eps: Double?
    let position_embedding_type: String?
    let is_decoder: Bool?
    let add_cross_attention: Bool?
    let pruned_heads: [String: [Int]]?
    let quantization_config: Present?

    /// A key that must not be there; what it holds does not matter.
    struct Present: Decodable {
        init(from decoder: any Decoder) {}
    }

    func refuseUnsupported(_ file: String) throws(EncoderError) {
        func refuse(_ what: String) -> EncoderError { .unsupported(file: file, what: what) }
        if let model_type, model_type != "bert" {
            throw refuse("the model type '\(model_type)' is not supported, only 'bert' is")
        }
        if let kind = position_embedding_type, kind != "absolute" {
            throw refuse("position embeddings of type '\(kind)' are not supported")
        }
        if is_decoder == true || add_cross_attention == true {
            throw refuse("a decoder is not supported, only an encoder is")
        }
        if let pruned_heads, !pruned_heads.isEmpty {
            throw refuse("pruned attention heads are not supported")
        }
        if quantization_config != nil {
            throw refuse("quantised weights are not supported")
        }
    }
}
