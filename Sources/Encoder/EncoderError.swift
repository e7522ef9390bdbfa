import Tensor
import Tokenization

/// Why a base, an adapter or a batch cannot be used.
public enum EncoderError: Error, Equatable, CustomStringConvertible {
    /// The file is missing, or the system refuses it.
    case unreadable(file: String, reason: String)
    /// The file's bytes are not what its name promises.
    case malformed(file: String, reason: String)
    /// A kind of model or adapter that is not computed here.
    case unsupported(file: String, what: String)
    /// The arithmetic, or a file of tensors.
    case tensor(TensorError)
    /// The tokenizer's files.
    case tokenizer(TokenizationError)
    /// The tokenizer knows ids for which the base has no embedding.
    case vocabulary(directory: String, tokenizerIds: Int, embeddings: Int)
    /// A value that does not fit; the text is the whole sentence.
    case configuration(String)
    /// Adapters of another base; the two are fingerprints.
    case otherBase(adapter: String, expected: String, found: String)
    /// The system refuses that much memory.
    case memory(bytes: Int)
    /// The file could not be written whole.
    case writeFailed(file: String, reason: String)

    /// A sentence that names the file or the value.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .malformed(let file, let reason): "\(file) is damaged: \(reason)"
        case .unsupported(let file, let what): "\(file): \(what)"
        case .tensor(let error): error.description
        case .tokenizer(let error): error.description
        case .vocabulary(let directory, let ids, let embeddings):
            "\(directory): the tokenizer has ids up to \(ids - 1), the model embeddings for "
                + "\(embeddings) tokens; they do not belong together"
        case .configuration(let what): what
        case .otherBase(let adapter, let expected, let found):
            "\(adapter) was made for the base with SHA-256 \(found), this one has \(expected)"
        case .memory(let bytes): "the system refuses \(bytes) bytes of memory"
        case .writeFailed(let file, let reason): "\(file) cannot be written: \(reason)"
        }
    }
}
