import Tensor

/// Turns texts into vectors with a base and adapters, and trains the adapters.
///
/// A text's vector has the same bits whatever is encoded beside it, on however many threads, with
/// the prefix cache on or off; so have gradients, for the same batch, but for the texts beside.
///
/// Thread: one owner at a time. It runs threads of its own, which `deinit` joins.
public final class TextEncoder {
    /// The frozen base; it never changes.
    public let base: BaseModel
    /// Longer texts are cut to this many tokens, special ones included.
    public let maxTokens: Int
    /// What kind of adapters it uses. It keeps no copy of their values beside its working ones:
    /// a second owner would cost the optimiser a copy at every step.
    public var adapterConfiguration: AdapterConfiguration? { core.weights.configuration }

    /// Gradients are summed in this many shares, in order, whatever the number of threads.
    static let shareCount = 4

    let core: EncoderCore
    var distinct: [TextKey] = []
    /// For each text given, the number of the distinct one.
    var numbers: [Int] = []
    private var known: [TextKey: Int] = [:]

    /// - Parameters:
    ///   - adapters: `nil` encodes with the bare base.
    ///   - maxTokens: longer texts are cut; `nil` takes what the base was made for.
    ///   - threads: how many work on a batch, the caller's own included.
    ///   - prefixCacheBytes: bound of the cache of the frozen layers' output; 0 is off.
    /// - Throws: when the adapters are not for this base or a value is out of range.
    public init(
        base: BaseModel, adapters: Adapters?, maxTokens: Int? = nil, threads: Int = 1,
        prefixCacheBytes: Int = 0
    ) throws(EncoderError) {
        let limit = maxTokens ?? base.maxTokens
        guard (2...base.shape.positionCount).contains(limit) else {
            throw .configuration(
                "\(limit) tokens are not between 2 and the base's \(base.shape.positionCount)")
        }
        guard (1...256).contains(threads) else {
            throw .configuration("\(threads) threads are not between 1 and 256")
        }
        guard prefixCacheBytes >= 0 else {
            throw .configuration("a prefix cache of \(prefixCacheBytes) bytes cannot be")
        }
        if let adapters { try Self.check(adapters, base) }
        self.base = base
        self.maxTokens = limit
        core = try EncoderCore(
            base, adapters, maxTokens: limit, threads: threads, cacheBytes: prefixCacheBytes)
    }

    /// Uses other adapters from now on. The cache stays as far as it still holds.
    ///
    /// - Throws: when they are not for this base; the old ones then stay.
    public func setAdapters(_ new: Adapters?) throws(EncoderError) {
        if let new { try Self.check(new, base) }
        try core.setAdapters(new)
    }

    /// Texts encoded at one go by `vectors`; bounds the memory of activations.
    private static let piece = 256

    /// One vector a text, encoded in pieces.
    ///
    /// - Parameter next: called before each piece; what it throws ends the encoding.
    public func vectors(of texts: [String], next: () throws -> Void = {}) throws -> [[Float]] {
        let width = base.hiddenSize
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        for start in stride(from: 0, to: texts.count, by: Self.piece) {
            try next()
            let part = Array(texts[start..<min(start + Self.piece, texts.count)])
            let flat = try encode(part)
            for row in part.indices {
                vectors.append(Array(flat[row * width..<(row + 1) * width]))
            }
        }
        return vectors
    }

    /// Texts to vectors.
    ///
    /// - Returns: one row a text, pooled and scaled as the base's files say. Shape: (count, H).
    /// - Throws: when the system refuses memory.
    public func encode(_ texts: [String]) throws(EncoderError) -> [Float] {
        collect(texts)
        try core.encode(distinct)
        return core.rows(numbers)
    }

    /// One training step's gradient: forward, the caller's d(loss)/d(vector), backward.
    ///
    /// - Parameter upstream: reads the vectors, row-major (count, H), and fills as many floats
    ///   with the gradient of the loss by them.
    /// - Returns: the gradient by the adapters; nothing is changed.
    /// - Throws: without adapters, or when the system refuses memory.
    public func trainStep(
        texts: [String], dropoutSeed: UInt64 = 0,
        upstream: (
            _ vectors: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
        ) -> Void
    ) throws(EncoderError) -> AdapterGradient {
        var gradient = try emptyGradient()
        try unsafe trainStep(
            texts: texts, dropoutSeed: dropoutSeed, into: &gradient, upstream: upstream)
        return gradient
    }

    /// The same, into a gradient that is there: allocates nothing once batches of this size were
    /// seen and their texts are cached.
    ///
    /// - Parameter dropoutSeed: which inputs dropout drops, when the adapters have dropout.
    public func trainStep(
        texts: [String], dropoutSeed: UInt64 = 0, into gradient: inout AdapterGradient,
        upstream: (
            _ vectors: UnsafeBufferPointer<Float>, _ gradient: UnsafeMutableBufferPointer<Float>
        ) -> Void
    ) throws(EncoderError) {
        guard gradient.layout == core.weights.layout else {
            throw .configuration("the gradient is not of the adapters in training")
        }
        collect(texts)
        try core.trainForward(distinct, dropoutSeed: dropoutSeed)
        try unsafe core.exchange(numbers, upstream)
        core.trainBackward(into: &gradient)
    }

    /// Texts found in the prefix cache and not, since the start.
    public var prefixCacheCounts: (hits: Int, misses: Int) {
        (core.batch.cache?.hits ?? 0, core.batch.cache?.misses ?? 0)
    }

    func emptyGradient() throws(EncoderError) -> AdapterGradient {
        guard let layout = core.weights.layout else {
            throw .configuration("there are no adapters to train")
        }
        return AdapterGradient(layout)
    }

    private static func check(_ adapters: Adapters, _ base: BaseModel) throws(EncoderError) {
        guard adapters.baseFingerprint == base.fingerprint else {
            throw .otherBase(
                adapter: "the adapter", expected: base.fingerprint.hex,
                found: adapters.baseFingerprint.hex)
        }
    }

    /// Finds the distinct texts, in the order of their first appearance.
    private func collect(_ texts: [String]) {
        distinct.removeAll(keepingCapacity: true)
        numbers.removeAll(keepingCapacity: true)
        known.removeAll(keepingCapacity: true)
        for text in texts {
            let key = TextKey(text)
            if let number = known[key] {
                numbers.append(number)
            } else {
                known[key] = distinct.count
                numbers.append(distinct.count)
                distinct.append(key)
            }
        }
    }
}
