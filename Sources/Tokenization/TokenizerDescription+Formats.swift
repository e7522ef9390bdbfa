extension TokenizerDescription {
    /// Reads the library's own format, of which the parts a BERT tokenizer has are supported.
    ///
    /// Truncation and padding are not read: the caller of `encode` decides on the length.
    init(
        tokenizerJSON file: ModelFile, _ settings: TokenizerSettings
    ) throws(TokenizationError) {
        self.init(vocabularyFile: file.path)
        let json = try file.json()
        guard case .object = json else { throw file.malformed("it holds no JSON object") }
        try readModel(json["model"], file)
        try readNormalizer(json["normalizer"], file)
        let cutter = json["pre_tokenizer"]?["type"]?.text
        guard cutter == "BertPreTokenizer" else {
            throw file.unsupported("the pre-tokenizer \(cutter ?? "none")")
        }
        try readPostProcessor(json["post_processor"], file)
        try readAdded(json["added_tokens"], file)
        try apply(settings)
    }

    /// Reads a vocabulary of one token a line, whose ids are the numbers of the lines.
    init(
        lines file: ModelFile, _ settings: TokenizerSettings, extra: ModelFile
    ) throws(TokenizationError) {
        self.init(vocabularyFile: file.path)
        let bytes = try file.bytes()
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw file.malformed("it holds text that is not UTF-8")
        }
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard lines.count < Self.idMax else { throw file.malformed("it has too many lines") }
        tokens = lines.enumerated().map { index, line in
            Entry(bytes: Array(line.last == 0x0D ? line.dropLast() : line), id: Int32(index))
        }
        try apply(settings)
        let mask = try settings.token("mask_token") ?? Array("[MASK]".utf8)
        for special in [unknown, separator, padding, classification, mask] {
            // The last line counts when two hold the same token.
            guard let entry = tokens.last(where: { $0.bytes == special }) else { continue }
            added.append(Added(entry: entry, isNormalized: false))
        }
        added += try settings.addedTokens()
        if extra.exists, case .object(let members) = try extra.json() {
            for (key, value) in members {
                let entry = Entry(bytes: key, id: try Self.id(value, extra))
                if !added.contains(where: { $0.entry.bytes == key }) {
                    added.append(Added(entry: entry, isNormalized: true))
                }
            }
        }
    }

    /// Lets `tokenizer_config.json` have the last word, as it has in the reference.
    private mutating func apply(_ settings: TokenizerSettings) throws(TokenizationError) {
        if let lowercases = try settings.flag("do_lower_case") {
            if lowercases != options.lowercases { options.stripsAccents = lowercases }
            options.lowercases = lowercases
        }
        if let strips = try settings.flag("strip_accents") { options.stripsAccents = strips }
        if let spaces = try settings.flag("tokenize_chinese_chars") {
            options.spacesIdeographs = spaces
        }
        if let token = try settings.token("unk_token") { unknown = token }
        if let token = try settings.token("cls_token") { classification = token }
        if let token = try settings.token("sep_token") { separator = token }
        if let token = try settings.token("pad_token") { padding = token }
    }

    private mutating func readModel(
        _ model: JSONValue?, _ file: ModelFile
    ) throws(TokenizationError) {
        guard let model else { throw file.malformed("it has no model") }
        // Files of old releases do not name the model.
        if let type = model["type"]?.text, type != "WordPiece" {
            throw file.unsupported("the tokenizer model \(type)")
        }
        guard case .object(let members) = model["vocab"], model["merges"] == nil else {
            throw model["type"] == nil
                ? file.unsupported("a tokenizer model that is no WordPiece")
                : file.malformed("its vocabulary is no JSON object")
        }
        tokens.reserveCapacity(members.count)
        for (key, value) in members {
            tokens.append(Entry(bytes: key, id: try Self.id(value, file)))
        }
        if let token = model["unk_token"]?.bytes { unknown = token }
        if let prefix = model["continuing_subword_prefix"]?.bytes { continuationPrefix = prefix }
        if let value = model["max_input_chars_per_word"] {
            guard let count = value.integer, (1...10_000).contains(count) else {
                throw file.malformed("max_input_chars_per_word is no number from 1 to 10000")
            }
            wordScalarsMax = count
        }
    }

    private mutating func readNormalizer(
        _ normalizer: JSONValue?, _ file: ModelFile
    ) throws(TokenizationError) {
        let type = normalizer?["type"]?.text
        guard let normalizer, type == "BertNormalizer" else {
            throw file.unsupported("the normalizer \(type ?? "none")")
        }
        func flag(_ key: String) throws(TokenizationError) -> Bool? {
            guard let value = normalizer[key], !value.isNull else { return nil }
            guard let flag = value.bool else { throw file.malformed("\(key) is no flag") }
            return flag
        }
        options.cleansText = try flag("clean_text") ?? true
        options.spacesIdeographs = try flag("handle_chinese_chars") ?? true
        options.lowercases = try flag("lowercase") ?? true
        options.stripsAccents = try flag("strip_accents") ?? options.lowercases
    }

    /// Finds out which tokens stand before and behind a text.
    private mutating func readPostProcessor(
        _ processor: JSONValue?, _ file: ModelFile
    ) throws(TokenizationError) {
        switch processor?["type"]?.text {
        case "BertProcessing":
            guard case .array(let cls) = processor?["cls"], let first = cls.first?.bytes,
                case .array(let sep) = processor?["sep"], let last = sep.first?.bytes
            else { throw file.malformed("its post-processor names no special tokens") }
            (classification, separator) = (first, last)
        case "TemplateProcessing":
            guard case .array(let pieces) = processor?["single"], pieces.count == 3,
                let first = pieces[0]["SpecialToken"]?["id"]?.bytes, pieces[1]["Sequence"] != nil,
                let last = pieces[2]["SpecialToken"]?["id"]?.bytes
            else {
                throw file.unsupported("a post-processor other than one token, the text, one token")
            }
            (classification, separator) = (first, last)
        case let type: throw file.unsupported("the post-processor \(type ?? "none")")
        }
    }

    private mutating func readAdded(
        _ list: JSONValue?, _ file: ModelFile
    ) throws(TokenizationError) {
        guard let list, !list.isNull else { return }
        guard case .array(let elements) = list else {
            throw file.malformed("added_tokens is no array")
        }
        for element in elements {
            added.append(try Added(element, id: try Self.id(element["id"], file), file))
        }
    }
}
