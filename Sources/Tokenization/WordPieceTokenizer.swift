/// Splits texts as Hugging Face's BERT tokenizers do, token for token.
///
/// Made from the files of a model, it never changes. Text is cleaned, ideographs are set apart,
/// accents are stripped and letters lowered as the files say; words are then cut at white space
/// and punctuation, and each into the longest pieces the vocabulary has. A special token's text
/// (`[SEP]`) inside a text is that token, as in the reference.
///
/// Thread: any number at once.
/// Source: Devlin et al., BERT (2019), and the behaviour of the library `tokenizers`.
public struct WordPieceTokenizer: Sendable {
    private let vocabulary: Vocabulary
    private let table: ScalarTable
    /// For text that has been normalised, where only words have to be found.
    private let normalizedTable: ScalarTable?
    private let added: AddedTokens
    private let normalizedAdded: AddedTokens

    /// The id of the token that starts every sequence, `[CLS]`.
    public var classificationId: Int32 { vocabulary.classification }
    /// The id of the token that ends every sequence, `[SEP]`.
    public var separatorId: Int32 { vocabulary.separator }
    /// The id that fills up short sequences, `[PAD]`.
    public var paddingId: Int32 { vocabulary.padding }
    /// The id of words that the vocabulary cannot spell, `[UNK]`.
    public var unknownId: Int32 { vocabulary.unknown }
    /// Whether upper and lower case are the same to it.
    public let isUncased: Bool
    /// One more than the largest id: an embedding table needs as many rows.
    public var vocabularySize: Int { vocabulary.idCount }

    /// Reads `tokenizer.json`, or else `vocab.txt`, and `tokenizer_config.json` where there is one.
    ///
    /// Throws: `TokenizationError`, naming the file.
    public init(directory: String) throws(TokenizationError) {
        try self.init(TokenizerDescription(directory: directory))
    }

    init(_ description: TokenizerDescription) throws(TokenizationError) {
        vocabulary = try Vocabulary(description)
        isUncased = description.options.lowercases
        table = ScalarTable(description.options)

        let file = description.vocabularyFile
        let entries = description.added.filter { !$0.isNormalized }.map(\.entry)
        added = try AddedTokens(entries, file)
        var normalized: [TokenizerDescription.Entry] = []
        for token in description.added where token.isNormalized {
            var normalization = Normalization(table, into: TextSink())
            normalization.run(token.entry.bytes.span, token.entry.bytes.indices)
            normalized.append(.init(bytes: normalization.sink.bytes, id: token.entry.id))
        }
        normalizedAdded = try AddedTokens(normalized, file)
        normalizedTable = normalized.isEmpty ? nil : ScalarTable(.none)
    }

    /// The text's ids between `[CLS]` and `[SEP]`, cut to `maxTokens` with both counted.
    ///
    /// `maxTokens` is at least 2. Work stops where the cut is.
    public func encode(_ text: String, maxTokens: Int) -> [Int32] {
        precondition(maxTokens >= 2, "a sequence has two special tokens at least")
        var ids = [classificationId]
        append(text, to: &ids, limit: maxTokens - 1)
        ids.append(separatorId)
        return ids
    }

    /// The text's tokens as the vocabulary spells them, without `[CLS]` and `[SEP]`.
    public func tokens(_ text: String) -> [String] {
        var ids: [Int32] = []
        append(text, to: &ids, limit: .max)
        return ids.map { token($0) ?? "" }
    }

    /// How the vocabulary spells an id, or `nil` when it has no such id.
    public func token(_ id: Int32) -> String? { vocabulary.text(of: id) }

    /// Appends the text's ids until there are `limit` in all.
    private func append(_ text: String, to ids: inout [Int32], limit: Int) {
        let sink = WordSink(vocabulary, ids: ids, limit: limit)
        var words = Normalization(normalizedTable ?? table, into: sink)
        appendSegments(of: text.utf8Span.span, to: &words)
        ids = words.sink.ids
        if ids.count > limit { ids.removeLast(ids.count - limit) }
    }

    private func appendSegments(
        of bytes: borrowing Span<UInt8>, to words: inout Normalization<WordSink>
    ) {
        var start = 0
        while start < bytes.count, !words.sink.isFull {
            let match = added.firstMatch(bytes, from: start)
            let range = start..<(match?.range.lowerBound ?? bytes.count)
            if normalizedTable == nil {
                words.run(bytes, range)
                words.sink.endWord()
            } else {
                appendNormalized(bytes, range, to: &words)
            }
            guard let match else { return }
            words.sink.accept(id: match.id)
            start = match.range.upperBound
        }
    }

    /// Appends a stretch of text in whose normal form further tokens are looked for.
    private func appendNormalized(
        _ bytes: borrowing Span<UInt8>, _ range: Range<Int>,
        to words: inout Normalization<WordSink>
    ) {
        var normalization = Normalization(table, into: TextSink())
        normalization.run(bytes, range)
        let text = normalization.sink.bytes
        var start = 0
        while start < text.count, !words.sink.isFull {
            let match = normalizedAdded.firstMatch(text.span, from: start)
            words.run(text.span, start..<(match?.range.lowerBound ?? text.count))
            words.sink.endWord()
            guard let match else { return }
            words.sink.accept(id: match.id)
            start = match.range.upperBound
        }
    }
}
