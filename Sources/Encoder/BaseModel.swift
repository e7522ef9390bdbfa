import Foundation
import Records
import Tensor
import Tokenization

/// A frozen pre-trained encoder of BERT's architecture, in Hugging Face layout.
///
/// Its weights are on read-only pages: no code, training code least of all, can change them.
///
/// Thread: any number at once.
public final class BaseModel: Sendable {
    /// The folder's own name, for people.
    public let name: String
    /// SHA-256 of the weight file's bytes; of several files, of their digests in order of names.
    public let fingerprint: Digest256
    /// Its extents.
    public let shape: BertConfiguration
    /// How token vectors become one vector.
    public let pooling: SentencePooling
    /// Its own tokenizer; its ids all have embeddings.
    public let tokenizer: WordPieceTokenizer
    /// The arithmetic it computes with.
    public let numerics: Numerics
    let weights: FrozenWeights
    /// What this is a merged copy of.
    private let origin: BaseModel?

    /// H: the length of a text's vector.
    public var hiddenSize: Int { shape.hiddenSize }
    /// Layers after the embeddings.
    public var layerCount: Int { shape.layerCount }

    /// The longest sequence it takes, special tokens included.
    public var maxTokens: Int { min(pooling.maxTokens ?? shape.positionCount, shape.positionCount) }

    /// Reads `config.json`, the weights, the tokenizer and the sentence-transformers files.
    ///
    /// - Throws: when a file is missing or damaged, naming it and the tensor, or when the model is
    ///   of a kind that is not computed here.
    public static func load(directory: String) throws(EncoderError) -> BaseModel {
        try BaseModel(directory: directory)
    }

    private init(directory: String) throws(EncoderError) {
        let path = directory.hasSuffix("/") ? String(directory.dropLast()) : directory
        do {
            numerics = try Numerics.current()
        } catch {
            throw .tensor(error)
        }
        pooling = try SentencePooling.read(directory: path) { inside throws(EncoderError) in
            try BertConfiguration.read(inside + "/config.json").hiddenSize
        }
        let inside = pooling.encoderPath.isEmpty ? path : path + "/" + pooling.encoderPath
        shape = try BertConfiguration.read(inside + "/config.json")
        do {
            tokenizer = try WordPieceTokenizer(directory: inside)
        } catch {
            throw .tokenizer(error)
        }
        guard tokenizer.vocabularySize <= shape.vocabularySize else {
            throw .vocabulary(
                directory: inside, tokenizerIds: tokenizer.vocabularySize,
                embeddings: shape.vocabularySize)
        }
        if pooling.lowersText && !tokenizer.isUncased {
            throw .unsupported(
                file: inside + "/sentence_bert_config.json",
                what: "lower-casing before a cased tokenizer is not supported")
        }
        weights = try FrozenWeights(directory: inside, shape, numerics)
        fingerprint = weights.fingerprint
        name = URL(fileURLWithPath: path).lastPathComponent
        origin = nil
    }

    /// A copy for serving with LoRA merged into its matrices: it costs what the bare base does.
    ///
    /// Its vectors have the bits an encoder with these adapters gives. Its fingerprint is another
    /// one, so that no adapter of the base loads on it.
    /// - Throws: for adapters of another base, or bottlenecks, which no matrix can take in.
    public func merging(_ adapters: Adapters) throws(EncoderError) -> BaseModel {
        try BaseModel(merging: adapters, into: self)
    }

    /// The base this was merged from, bit for bit as it was; itself if it is no merged copy.
    public var unmerged: BaseModel { origin ?? self }

    private init(merging adapters: Adapters, into base: BaseModel) throws(EncoderError) {
        guard adapters.baseFingerprint == base.fingerprint else {
            throw .otherBase(
                adapter: "the adapter", expected: base.fingerprint.hex,
                found: adapters.baseFingerprint.hex)
        }
        guard adapters.configuration.kind == .lora else {
            throw .configuration("a bottleneck adapter cannot be merged into a matrix")
        }
        numerics = base.numerics
        pooling = base.pooling
        shape = base.shape
        tokenizer = base.tokenizer
        name = base.name
        origin = base
        fingerprint = SHA256.hash(base.fingerprint.bytes + adapters.record)
        // The matrices as the encoder itself merges them.
        let merged = try AdaptedWeights(base, adapters)
        let kernels = base.numerics.kernels
        let low = merged.layers.enumerated().flatMap { index, layer in
            AdapterTarget.allCases.compactMap { target in
                layer.lowRank[target.index].map {
                    ("encoder.layer.\(index).\(target.moduleName).weight", $0)
                }
            }
        }
        let byName = Dictionary(uniqueKeysWithValues: low)
        weights = try FrozenWeights(
            copying: base.weights, base.shape, numerics, fingerprint: fingerprint
        ) { name, matrix in
            guard let low = byName[name] else { return }
            kernels.expand(low.b.read, low.a.read, scale: low.scaling, addingTo: matrix)
        }
    }
}

extension BaseModel {
    /// A copy of every tensor the encoder uses, to prove that nothing moved them.
    package var tensors: [AdapterTensor] {
        weights.places.map { place in
            AdapterTensor(name: place.name, shape: place.shape, values: weights.values(place))
        }
    }
}
