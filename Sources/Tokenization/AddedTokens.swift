/// Tokens that are looked for in the text itself, before any word is cut.
struct AddedTokens: Sendable {
    private var tokens = TokenTrie()
    private var firstBytes = [Bool](repeating: false, count: 256)
    private let isEmpty: Bool

    init(_ entries: [TokenizerDescription.Entry], _ file: String) throws(TokenizationError) {
        isEmpty = entries.allSatisfy(\.bytes.isEmpty)
        for entry in entries {
            guard let first = entry.bytes.first else { continue }
            firstBytes[Int(first)] = true
            try Vocabulary.insert(entry, into: &tokens, file)
        }
    }

    /// The leftmost token from `start` on, the longest of those that start there.
    func firstMatch(
        _ bytes: borrowing Span<UInt8>, from start: Int
    ) -> (id: Int32, range: Range<Int>)? {
        guard !isEmpty else { return nil }
        for index in start..<bytes.count where firstBytes[Int(bytes[index])] {
            if let match = tokens.longestMatch(bytes, from: index) {
                return (match.id, index..<match.end)
            }
        }
        return nil
    }
}
