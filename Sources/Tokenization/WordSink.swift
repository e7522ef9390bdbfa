/// Gathers letters to words and words to ids.
struct WordSink: ScalarSink {
    let vocabulary: Vocabulary
    private(set) var ids: [Int32]
    let limit: Int
    private var word: [UInt8] = []
    private var wordScalars = 0

    init(_ vocabulary: Vocabulary, ids: [Int32], limit: Int) {
        self.vocabulary = vocabulary
        self.ids = ids
        self.limit = limit
        word.reserveCapacity(64)
    }

    @inline(__always) var isFull: Bool { ids.count >= limit }

    @inline(__always)
    mutating func accept(_ kind: ScalarKind, _ scalar: UInt32) {
        if kind == .letter { return add(scalar) }
        endWord()
        if kind == .punctuation {
            add(scalar)
            endWord()
        }
    }

    mutating func accept(id: Int32) { ids.append(id) }

    @inline(__always)
    private mutating func add(_ scalar: UInt32) {
        // Of a word that is too long, its being too long is all that counts.
        if wordScalars < vocabulary.wordScalarsMax { appendUTF8(scalar, to: &word) }
        wordScalars += 1
    }

    @inline(__always)
    mutating func endWord() {
        guard wordScalars > 0 else { return }
        if wordScalars > vocabulary.wordScalarsMax {
            ids.append(vocabulary.unknown)
        } else {
            vocabulary.appendPieces(of: word, to: &ids)
        }
        word.removeAll(keepingCapacity: true)
        wordScalars = 0
    }
}
