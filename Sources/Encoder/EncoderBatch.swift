import Tensor
import Tokenization

/// The distinct texts of a batch, with their tokens or their place in the cache.
///
/// Thread: filled by the owner; while threads work on it, it does not change.
final class EncoderBatch {
    struct Text {
        let tokenCount: Int
        /// Where its tokens are, when its frozen part has to be computed.
        let tokens: Range<Int>
        /// Where its frozen part is, or will be, cached.
        var handle: PrefixCache.Handle?
        let isFresh: Bool
    }

    private(set) var texts: [Text] = []
    private(set) var tokens: [Int32] = []
    let cache: PrefixCache?
    private let tokenizer: WordPieceTokenizer
    private let maxTokens: Int

    init(_ tokenizer: WordPieceTokenizer, maxTokens: Int, cache: PrefixCache?) {
        self.tokenizer = tokenizer
        self.maxTokens = maxTokens
        self.cache = cache
    }

    var tokenCount: Int { texts.reduce(0) { $0 + $1.tokenCount } }

    func clear() {
        texts.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
        cache?.beginBatch()
    }

    /// Adds a text: from the cache, or split into tokens.
    func append(_ text: TextKey) {
        if let handle = cache?.find(text) {
            texts.append(
                Text(tokenCount: handle.tokenCount, tokens: 0..<0, handle: handle, isFresh: false))
        } else {
            append(tokens: tokenizer.encode(text.text, maxTokens: maxTokens))
        }
    }

    /// Adds a sequence of ids, which the caller has checked.
    func append(tokens ids: [Int32]) {
        let start = tokens.count
        tokens.append(contentsOf: ids)
        texts.append(
            Text(
                tokenCount: ids.count, tokens: start..<tokens.count, handle: nil, isFresh: true))
    }

    /// Makes room in the cache for a fresh text, whose rows will now be written.
    func reserveCache(_ index: Int, _ key: TextKey) {
        guard texts[index].isFresh else { return }
        texts[index].handle = cache?.reserve(key, tokenCount: texts[index].tokenCount)
    }
}
