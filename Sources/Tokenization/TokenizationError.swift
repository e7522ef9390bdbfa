/// Why a tokenizer could not be made from the files of a model.
public enum TokenizationError: Error, Equatable, CustomStringConvertible {
    /// The folder holds neither `tokenizer.json` nor `vocab.txt`.
    case noVocabulary(directory: String)
    /// The file is missing, or the system refuses it.
    case unreadable(file: String, reason: String)
    /// The file's bytes are not what its name promises.
    case malformed(file: String, reason: String)
    /// The vocabulary lacks a token that every text needs.
    case missingToken(file: String, token: String)
    /// The file describes a tokenizer of another kind than BERT's.
    case unsupported(file: String, what: String)

    /// A sentence that names the file or the folder.
    public var description: String {
        switch self {
        case .noVocabulary(let directory):
            "\(directory) holds no tokenizer: neither tokenizer.json nor vocab.txt is there"
        case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
        case .malformed(let file, let reason): "\(file) is damaged: \(reason)"
        case .missingToken(let file, let token):
            "\(file): the vocabulary has no token \(token)"
        case .unsupported(let file, let what): "\(file): \(what) is not supported"
        }
    }
}
