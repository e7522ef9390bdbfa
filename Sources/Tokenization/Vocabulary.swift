/// The tokens of a WordPiece model.
struct Vocabulary: Sendable {
    /// All tokens, by their bytes; those that go on inside a word lie under `continuation`.
    private let tokens: TokenTrie
    private let continuation: TokenTrie.Node?
    let unknown: Int32
    let classification: Int32
    let separator: Int32
    let padding: Int32
    /// A word of more scalars is unknown as a whole.
    let wordScalarsMax: Int
    /// Every token's bytes one after the other, and where each id's start and end.
    private var spelling: [UInt8] = []
    private var spans: [Range<Int32>] = []

    /// One more than the largest id.
    var idCount: Int { spans.count }

    init(_ description: TokenizerDescription) throws(TokenizationError) {
        let file = description.vocabularyFile
        var tokens = TokenTrie()
        for entry in description.tokens {
            try Self.insert(entry, into: &tokens, file)
        }
        func required(_ content: [UInt8]) throws(TokenizationError) -> Int32 {
            if let id = tokens.id(of: content) { return id }
            throw .missingToken(file: file, token: String(decoding: content, as: UTF8.self))
        }
        unknown = try required(description.unknown)
        classification = try required(description.classification)
        separator = try required(description.separator)
        padding = try required(description.padding)
        continuation = tokens.node(of: description.continuationPrefix)
        wordScalarsMax = description.wordScalarsMax
        self.tokens = tokens
        for entry in description.tokens + description.added.map(\.entry) { spell(entry) }
    }

    /// Enters a token that came from a file.
    static func insert(
        _ entry: TokenizerDescription.Entry, into trie: inout TokenTrie, _ file: String
    ) throws(TokenizationError) {
        guard trie.insert(entry.bytes, id: entry.id) else {
            throw .unsupported(file: file, what: "a vocabulary of this size")
        }
    }

    private mutating func spell(_ entry: TokenizerDescription.Entry) {
        let id = Int(entry.id)
        if id >= spans.count {
            spans.append(contentsOf: repeatElement(0..<0, count: id + 1 - spans.count))
        }
        let start = Int32(spelling.count)
        spelling.append(contentsOf: entry.bytes)
        spans[id] = start..<Int32(spelling.count)
    }

    /// The token's text, or `nil` when the vocabulary has no such id.
    func text(of id: Int32) -> String? {
        guard spans.indices.contains(Int(id)) else { return nil }
        let span = spans[Int(id)]
        guard !span.isEmpty else { return nil }
        return String(
            decoding: spelling[Int(span.lowerBound)..<Int(span.upperBound)], as: UTF8.self)
    }

    /// Appends the tokens of one word: always the longest that fits, or one `unknown` if at some
    /// place none does.
    ///
    /// Complexity: linear in the word for natural vocabularies; at worst word × longest token.
    @inline(__always)
    func appendPieces(of word: [UInt8], to ids: inout [Int32]) {
        let count = ids.count
        var start = 0
        var top: TokenTrie.Node? = TokenTrie.root
        while start < word.count {
            guard let node = top,
                let match = tokens.longestMatch(word.span, from: start, under: node)
            else {
                ids.removeLast(ids.count - count)
                ids.append(unknown)
                return
            }
            ids.append(match.id)
            start = match.end
            top = continuation
        }
    }
}
