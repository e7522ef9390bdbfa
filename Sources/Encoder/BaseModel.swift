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
    public let shape: BertConfiguration
    public let pooling: SentencePooling
    public let tokenizer: WordPieceTokenizer
    /// The arithmetic it computes with.
    public let numerics: Numerics
    let weights: FrozenWeights

    public var hiddenSize: Int { shape.hiddenSize }
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
        weights = try FrozenWeights(directory: inside, shape)
        fingerprint = weights.fingerprint
        name = URL(fileURLWithPath: path).lastPathComponent
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
