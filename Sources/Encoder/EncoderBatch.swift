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
        /// Whether the cache holds the frozen projections of the lowest adapted layer.
        let isProjected: Bool
    }

    private(set) var texts: [Text] = []
    private(set) var tokens: [Int32] = []
    let cache: PrefixCache?
    private let tokenizer: WordPieceTokenizer
    let maxTokens: Int

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
                Text(
                    tokenCount: handle.tokenCount,
                    tokens: 0..<0, handle: handle, isFresh: false,
                    isProjected: handle.hasProjections))
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
                tokenCount: ids.count, tokens: start..<tokens.count, handle: nil, isFresh: true,
                isProjected: false))
    }

    /// Makes room in the cache for what is not there of a text, and will now be written.
    ///
    /// - Parameter projected: whether a layer will ask for the text's projections.
    func reserveCache(_ index: Int, _ key: TextKey, projected: Bool) {
        guard let cache else { return }
        if texts[index].isFresh {
            texts[index].handle = cache.reserve(key, tokenCount: texts[index].tokenCount)
        }
        if projected, var handle = texts[index].handle {
            cache.reserveProjections(&handle)
            texts[index].handle = handle
        }
    }
}

/// Numbers in the order of falling lengths, equal lengths as they came. Sorting allocates nothing
/// once as many were sorted before.
struct LengthOrder {
    private(set) var order: [Int] = []
    /// Where the next of each length goes.
    private var places: [Int] = []

    mutating func sort(_ count: Int, longest: Int, length: (Int) -> Int) {
        if places.count < longest + 2 { places = Array(repeating: 0, count: longest + 2) }
        for place in places.indices { places[place] = 0 }
        order.removeAll(keepingCapacity: true)
        for number in 0..<count {
            order.append(0)
            places[longest - length(number) + 1] += 1
        }
        for place in 1..<places.count { places[place] += places[place - 1] }
        for number in 0..<count {
            let place = longest - length(number)
            order[places[place]] = number
            places[place] += 1
        }
    }
}
