import Tensor

/// The passes over a batch: shares it out, runs them on the pool, and puts results together.
///
/// Thread: its owner's; the pool's threads come in through `perform` alone, each with a workspace
/// of its own.
final class EncoderCore: PoolWork {
    let base: BaseModel
    let batch: EncoderBatch
    private(set) var weights: AdaptedWeights
    private let workspaces: [Workspace]
    private let pool: WorkerPool
    private var phase = Phase.encode
    /// Ranges of texts, one a work item, when encoding.
    private var slices: [Range<Int>] = []
    /// The texts from the longest to the shortest, when training.
    private var byLength = LengthOrder()
    private var vectors: VectorRoom
    /// Where the current texts' vectors start, when they are encoded group by group.
    private var firstVector = 0
    /// Hidden states, wanted instead of vectors by checks against other implementations.
    private var hiddenRoom: FloatBuffer?

    private enum Phase { case encode, trainForward, trainBackward }

    /// Texts are encoded in groups of about this many tokens, which bounds memory.
    private static let groupTokens = 1 << 15

    init(
        _ base: BaseModel, _ adapters: Adapters?, maxTokens: Int, threads: Int, cacheBytes: Int
    ) throws(EncoderError) {
        self.base = base
        let weights = try AdaptedWeights(base, adapters)
        self.weights = weights
        let cache = cacheBytes > 0 ? PrefixCache(bytes: cacheBytes, columns: base.hiddenSize) : nil
        batch = EncoderBatch(base.tokenizer, maxTokens: maxTokens, cache: cache)
        var made: [Workspace] = []
        for _ in 0..<max(TextEncoder.shareCount, threads) {
            made.append(try Workspace(base, weights))
        }
        workspaces = made
        pool = WorkerPool(threads: threads)
        vectors = VectorRoom(columns: base.hiddenSize)
        if let adapters { try prepareSums(adapters.layout) }
    }

    /// The layers below this one are frozen.
    private var lowest: Int { weights.configuration?.layers[0] ?? base.layerCount }

    func setAdapters(_ adapters: Adapters?) throws(EncoderError) {
        if let adapters, adapters.configuration == weights.configuration {
            weights.set(adapters)
            return
        }
        let made = try AdaptedWeights(base, adapters)
        if let adapters { try prepareSums(adapters.layout) }
        // What the cache holds is the output of another number of layers.
        if (made.configuration?.layers[0] ?? base.layerCount) != lowest { batch.cache?.removeAll() }
        weights = made
        for workspace in workspaces { workspace.weights = made }
    }

    private func prepareSums(_ layout: AdapterLayout) throws(EncoderError) {
        for workspace in workspaces.prefix(TextEncoder.shareCount) {
            workspace.training.sums = try GradientSums(layout)
        }
    }

    func perform(item: Int, worker: Int) {
        switch phase {
        case .encode: encodeSlice(slices[item], workspaces[worker])
        case .trainForward:
            let workspace = workspaces[item]
            guard let configuration = weights.configuration, !workspace.sequences.isEmpty else {
                return
            }
            let hidden = workspace.trainForward(batch, configuration)
            workspace.pool(hidden.read, into: vectors.rows, lengths: vectors.lengths)
        case .trainBackward:
            let workspace = workspaces[item]
            workspace.training.sums?.zero()
            if workspace.sequences.isEmpty { return }
            workspace.poolBackward(
                vectors.rows.read, lengths: vectors.lengths.read, vectors.gradients)
            workspace.backwardThroughLayers(lowest: lowest)
        }
    }

    // MARK: Encoding

    /// Encodes distinct texts; `rows` then gives their vectors.
    func encode(_ texts: [TextKey]) throws(EncoderError) {
        try vectors.reserve(texts: texts.count)
        phase = .encode
        var next = 0
        while next < texts.count {
            let first = next
            batch.clear()
            var tokens = 0
            while next < texts.count && tokens < Self.groupTokens {
                batch.append(texts[next])
                tokens += batch.texts[next - first].tokenCount
                next += 1
            }
            try prepareSlices()
            for index in batch.texts.indices {
                batch.reserveCache(
                    index, texts[first + index], projected: lowest < base.layerCount)
            }
            firstVector = first
            pool.run(self, count: slices.count)
        }
    }

    /// Encodes sequences of ids: vectors as `rows`, and the last layer's output packed, if wanted.
    func encode(
        sequences: [[Int32]], keepingHidden: Bool
    ) throws(EncoderError) -> [Float] {
        try vectors.reserve(texts: sequences.count)
        phase = .encode
        batch.clear()
        for ids in sequences { batch.append(tokens: ids) }
        try prepareSlices()
        if keepingHidden {
            let count = batch.tokenCount * base.hiddenSize
            guard let room = FloatBuffer(count: count) else {
                throw .memory(bytes: count * MemoryLayout<Float>.stride)
            }
            hiddenRoom = room
        }
        defer { hiddenRoom = nil }
        firstVector = 0
        pool.run(self, count: slices.count)
        return hiddenRoom.map { hidden(in: $0).read.values } ?? []
    }

    private func hidden(in room: FloatBuffer) -> MutableMatrix {
        room.mutableMatrix(at: 0, rows: batch.tokenCount, columns: base.hiddenSize)
    }

    /// Cuts the batch into slices and gives every thread room for the largest.
    private func prepareSlices() throws(EncoderError) {
        slices.removeAll(keepingCapacity: true)
        var start = 0
        var tokens = 0
        for (index, text) in batch.texts.enumerated() {
            if index > start && tokens + text.tokenCount > base.numerics.rowsAtOnce {
                slices.append(start..<index)
                (start, tokens) = (index, 0)
            }
            tokens += text.tokenCount
        }
        if start < batch.texts.count { slices.append(start..<batch.texts.count) }
        var floats = 0
        for slice in slices {
            load(slice, workspaces[0])
            floats = max(floats, workspaces[0].encodeFloats())
        }
        for workspace in workspaces.prefix(pool.threadCount) {
            try workspace.reserve(floats: floats)
        }
    }

    private func load(_ slice: Range<Int>, _ workspace: Workspace) {
        workspace.clear()
        for index in slice {
            let text = batch.texts[index]
            workspace.append(text: index, tokenCount: text.tokenCount, isFresh: text.isFresh)
        }
    }

    private func encodeSlice(_ slice: Range<Int>, _ workspace: Workspace) {
        load(slice, workspace)
        workspace.training.dropout = nil
        workspace.preparePooling()
        let hidden = workspace.encode(batch, lowest: lowest)
        let count = batch.texts.count
        workspace.pool(
            hidden.read, into: vectors.rows.rows(firstVector..<firstVector + count),
            lengths: vectors.lengths.columns(firstVector..<firstVector + count))
        if let hiddenRoom {
            let first = batch.texts[..<slice.lowerBound].reduce(0) { $0 + $1.tokenCount }
            self.hidden(in: hiddenRoom).rows(first..<first + hidden.rows).copy(from: hidden.read)
        }
    }

    /// The vectors of the last batch: row i is that of text `numbers[i]`.
    func rows(_ numbers: [Int]) -> [Float] { vectors.rows.read.values(rows: numbers) }

    // MARK: Training

    /// Shares the texts out and runs them forward, keeping what backward needs.
    func trainForward(_ texts: [TextKey], dropoutSeed: UInt64) throws(EncoderError) {
        batch.clear()
        for text in texts { batch.append(text) }
        try prepareTraining(dropoutSeed)
        for index in texts.indices {
            batch.reserveCache(index, texts[index], projected: true)
        }
        phase = .trainForward
        pool.run(self, count: TextEncoder.shareCount)
    }

    /// The same for sequences of ids, for checks.
    func trainForward(sequences: [[Int32]], dropoutSeed: UInt64) throws(EncoderError) {
        batch.clear()
        for ids in sequences { batch.append(tokens: ids) }
        try prepareTraining(dropoutSeed)
        phase = .trainForward
        pool.run(self, count: TextEncoder.shareCount)
    }

    private func prepareTraining(_ dropoutSeed: UInt64) throws(EncoderError) {
        guard let configuration = weights.configuration else {
            preconditionFailure("the caller has checked that there are adapters")
        }
        share()
        try vectors.reserve(texts: batch.texts.count)
        for workspace in workspaces.prefix(TextEncoder.shareCount) {
            workspace.training.dropout =
                configuration.dropout > 0
                ? Dropout(
                    chance: configuration.dropout, seed: dropoutSeed, firstRow: workspace.firstRow)
                : nil
            workspace.preparePooling()
            try workspace.reserve(floats: workspace.trainingFloats(configuration))
        }
    }

    /// Gives each text to the share that has the fewest tokens yet, the longest texts first: shares
    /// come out equal to about the shortest text.
    private func share() {
        let shares = workspaces.prefix(TextEncoder.shareCount)
        for workspace in shares { workspace.clear() }
        byLength.sort(batch.texts.count, longest: batch.maxTokens) { batch.texts[$0].tokenCount }
        for index in byLength.order {
            let text = batch.texts[index]
            var least = shares[0]
            for workspace in shares where workspace.tokenCount < least.tokenCount {
                least = workspace
            }
            least.append(text: index, tokenCount: text.tokenCount, isFresh: text.isFresh)
        }
        var done = 0
        for workspace in shares {
            workspace.firstRow = done
            done += workspace.tokenCount
        }
    }

    /// Shows the caller one vector a text given and takes the gradients back.
    func exchange(
        _ numbers: [Int],
        _ upstream: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) -> Void
    ) throws(EncoderError) {
        try vectors.reserveExchange(rows: numbers.count)
        unsafe vectors.exchange(numbers, base.numerics.kernels, upstream)
    }

    /// Runs backward and sums the shares in their order.
    func trainBackward(into gradient: inout AdapterGradient) {
        phase = .trainBackward
        pool.run(self, count: TextEncoder.shareCount)
        guard let total = workspaces[0].training.sums else {
            preconditionFailure("nothing to train")
        }
        for workspace in workspaces[1..<TextEncoder.shareCount] {
            if let sums = workspace.training.sums { total.add(sums, base.numerics.kernels) }
        }
        total.copy(to: &gradient.values)
    }
}
