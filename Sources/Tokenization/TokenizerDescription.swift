import FoundationEssentials

/// What the files of a model say about its tokenizer.
struct TokenizerDescription: Sendable {
    struct Entry: Sendable {
        var bytes: [UInt8]
        var id: Int32
    }

    /// A token that is looked for in the text before words are cut.
    struct Added: Sendable {
        var entry: Entry
        /// Looked for in the normalised text, in its own normal form.
        var isNormalized: Bool
    }

    /// The file that errors about tokens name.
    var vocabularyFile: String
    var tokens: [Entry] = []
    var added: [Added] = []
    var options = NormalizerOptions()
    var unknown = Array("[UNK]".utf8)
    var classification = Array("[CLS]".utf8)
    var separator = Array("[SEP]".utf8)
    var padding = Array("[PAD]".utf8)
    var continuationPrefix = Array("##".utf8)
    var wordScalarsMax = 100

    /// Ids stay small enough that a hostile file cannot ask for gigabytes.
    static let idMax = 1 << 22

    init(vocabularyFile: String) {
        self.vocabularyFile = vocabularyFile
    }

    /// Reads the folder; `tokenizer.json` goes before `vocab.txt`.
    init(directory: String) throws(TokenizationError) {
        let json = ModelFile(directory, "tokenizer.json")
        let lines = ModelFile(directory, "vocab.txt")
        let config = ModelFile(directory, "tokenizer_config.json")
        let settings = try TokenizerSettings(config)
        if json.exists {
            self = try TokenizerDescription(tokenizerJSON: json, settings)
        } else if lines.exists {
            let extra = ModelFile(directory, "added_tokens.json")
            self = try TokenizerDescription(lines: lines, settings, extra: extra)
        } else {
            throw .noVocabulary(directory: directory)
        }
    }

    /// The id of a token, checked; `nil` in the JSON is an error as well.
    static func id(_ value: JSONValue?, _ file: ModelFile) throws(TokenizationError) -> Int32 {
        guard let id = value?.integer, (0..<idMax).contains(id) else {
            throw file.malformed("a token has an id that is no whole number from 0 to \(idMax - 1)")
        }
        return Int32(id)
    }
}

/// A file that belongs to a model.
struct ModelFile {
    let path: String

    init(_ directory: String, _ name: String) {
        path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }

    var exists: Bool { FileManager.default.fileExists(atPath: path) }

    func malformed(_ reason: String) -> TokenizationError { .malformed(file: path, reason: reason) }

    func unsupported(_ what: String) -> TokenizationError { .unsupported(file: path, what: what) }

    /// A vocabulary is a few megabytes; far more is some other file.
    static let byteCountMax = 1 << 28

    func bytes() throws(TokenizationError) -> [UInt8] {
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size]
            if let size = size as? Int, size > Self.byteCountMax {
                throw unsupported("a file of \(size) bytes")
            }
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch let error as TokenizationError {
            throw error
        } catch {
            throw .unreadable(
                file: path,
                reason: FileManager.default.fileExists(atPath: path)
                    ? "it is no file that this user may read" : "there is no such file")
        }
    }

    func json() throws(TokenizationError) -> JSONValue {
        let bytes = try bytes()
        do {
            return try JSONParser.parse(bytes)
        } catch {
            throw malformed("\(error)")
        }
    }
}

/// What `tokenizer_config.json` says; where it is silent, the tokenizer's own file counts.
struct TokenizerSettings {
    let file: ModelFile
    private let json: JSONValue

    init(_ file: ModelFile) throws(TokenizationError) {
        self.file = file
        json = file.exists ? try file.json() : .object([])
        guard case .object = json else { throw file.malformed("it holds no JSON object") }
    }

    func flag(_ key: String) throws(TokenizationError) -> Bool? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let flag = value.bool else {
            throw file.malformed("\(key) is neither true nor false")
        }
        return flag
    }

    /// A special token, given as a string or as an object with `content`.
    func token(_ key: String) throws(TokenizationError) -> [UInt8]? {
        guard let value = json[key], !value.isNull else { return nil }
        guard let bytes = value.bytes ?? value["content"]?.bytes, !bytes.isEmpty else {
            throw file.malformed("\(key) is no token")
        }
        return bytes
    }

    /// The members of `added_tokens_decoder`: ids as keys, tokens as values.
    func addedTokens() throws(TokenizationError) -> [TokenizerDescription.Added] {
        guard let value = json["added_tokens_decoder"], !value.isNull else { return [] }
        guard case .object(let members) = value else {
            throw file.malformed("added_tokens_decoder is no object")
        }
        var added: [TokenizerDescription.Added] = []
        for (key, token) in members {
            let number = Double(String(decoding: key, as: UTF8.self)).map(JSONValue.number)
            let id = try TokenizerDescription.id(number, file)
            added.append(try .init(token, id: id, file))
        }
        return added
    }
}

extension TokenizerDescription.Added {
    /// Reads one added token.
    ///
    /// `lstrip` and `rstrip` make it take in the white space beside it. White space belongs to no
    /// token of a BERT tokenizer, so they change no id and are not looked at.
    init(_ json: JSONValue, id: Int32, _ file: ModelFile) throws(TokenizationError) {
        guard let content = json["content"]?.bytes else {
            throw file.malformed("an added token has no content")
        }
        if json["single_word"]?.bool == true {
            let text = String(decoding: content, as: UTF8.self)
            throw file.unsupported("an added token that matches whole words only (\(text))")
        }
        entry = .init(bytes: content, id: id)
        let isSpecial = json["special"]?.bool ?? false
        isNormalized = json["normalized"]?.bool ?? !isSpecial
    }
}
