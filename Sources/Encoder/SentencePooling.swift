import Foundation

/// How token vectors become one vector of the text, from the sentence-transformers files.
public struct SentencePooling: Sendable, Hashable {
    /// What is made of the token vectors: their mean, the first one, or the maximum of each column.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// `cls` is the first token's vector.
        case mean, cls, max
    }

    /// What is made of the token vectors.
    public let mode: Mode
    /// Whether the vector is scaled to unit length.
    public let isNormalized: Bool
    /// The longest sequence the model was made for, when the files say.
    public let maxTokens: Int?
    /// Whether text is lowered before it is split, which an uncased tokenizer does anyway.
    let lowersText: Bool
    /// Where the encoder's own files are, below the model's folder; empty for the folder itself.
    let encoderPath: String

    /// Reads `modules.json` and what it points at; without it the mean, as it is.
    ///
    /// - Throws: for modules that are not computed here, with their names.
    static func read(directory: String, hiddenSize: (String) throws(EncoderError) -> Int)
        throws(EncoderError) -> SentencePooling
    {
        let file = directory + "/modules.json"
        guard let modules = try JSONFile.readIfPresent([Module].self, file) else {
            let limits = try limits(directory)
            return SentencePooling(
                mode: .mean, isNormalized: false, maxTokens: limits.max_seq_length,
                lowersText: limits.do_lower_case ?? false, encoderPath: "")
        }
        let kinds = modules.map(\.kind)
        guard
            kinds == ["Transformer", "Pooling"] || kinds == ["Transformer", "Pooling", "Normalize"]
        else {
            throw .unsupported(
                file: file,
                what: "the modules \(kinds.joined(separator: ", ")) are not supported; "
                    + "Transformer, Pooling and an optional Normalize are")
        }
        for module in modules where module.path.split(separator: "/").contains("..") {
            throw .malformed(file: file, reason: "the path '\(module.path)' leaves the folder")
        }
        let encoder = modules[0].path
        let inside = encoder.isEmpty ? directory : directory + "/" + encoder
        let pooling = directory + "/" + modules[1].path + "/config.json"
        let limits = try limits(inside)
        return SentencePooling(
            mode: try mode(pooling, hidden: try hiddenSize(inside)), isNormalized: kinds.count == 3,
            maxTokens: limits.max_seq_length, lowersText: limits.do_lower_case ?? false,
            encoderPath: encoder)
    }

    private static func mode(_ file: String, hidden: Int) throws(EncoderError) -> Mode {
        let fields = try JSONFile.read(PoolingFields.self, file)
        if let dimension = fields.word_embedding_dimension, dimension != hidden {
            throw .malformed(
                file: file, reason: "it pools \(dimension) columns, the encoder has \(hidden)")
        }
        let modes = fields.modes
        guard modes.count == 1, let mode = Mode(rawValue: modes[0]) else {
            throw .unsupported(
                file: file,
                what: "pooling by \(modes.joined(separator: " and ")) is not supported; "
                    + "one of mean, cls and max is")
        }
        return mode
    }

    private static func limits(_ directory: String) throws(EncoderError) -> LimitFields {
        let file = directory + "/sentence_bert_config.json"
        guard let fields = try JSONFile.readIfPresent(LimitFields.self, file) else {
            return LimitFields(max_seq_length: nil, do_lower_case: nil)
        }
        if let limit = fields.max_seq_length, limit < 2 {
            throw .malformed(file: file, reason: "'max_seq_length' is \(limit)")
        }
        return fields
    }
}

private struct Module: Decodable {
    let type: String
    let path: String

    /// The class without its Python package, which moves between releases.
    var kind: String { type.split(separator: ".").last.map(String.init) ?? type }
}

private struct PoolingFields: Decodable {
    let word_embedding_dimension: Int?
    let pooling_mode: String?
    let pooling_mode_cls_token: Bool?
    let pooling_mode_mean_tokens: Bool?
    let pooling_mode_max_tokens: Bool?
    let pooling_mode_mean_sqrt_len_tokens: Bool?
    let pooling_mode_weightedmean_tokens: Bool?
    let pooling_mode_lasttoken: Bool?

    var modes: [String] {
        if let pooling_mode { return [pooling_mode] }
        let all = [
            ("cls", pooling_mode_cls_token), ("mean", pooling_mode_mean_tokens),
            ("max", pooling_mode_max_tokens), ("mean_sqrt_len", pooling_mode_mean_sqrt_len_tokens),
            ("weightedmean", pooling_mode_weightedmean_tokens),
            ("lasttoken", pooling_mode_lasttoken),
        ]
        return all.filter { $0.1 == true }.map(\.0)
    }
}

private struct LimitFields: Decodable {
    let max_seq_length: Int?
    let do_lower_case: Bool?
}
