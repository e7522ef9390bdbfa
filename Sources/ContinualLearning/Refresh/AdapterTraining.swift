import Encoder
import Records

/// One training of adapters: passes over texts that came one after the other, in chunks.
///
/// What a chunk's vectors should explain is what its counts say beyond the level of its neighbours;
/// the weights they are trained towards were fitted without the chunk (`TextRegression`). The loss of
/// a chunk is ½ r' B⁻¹ r a text, with r = target - weights · vector - level and B the covariance of
/// what vectors cannot explain.
struct AdapterTraining {
    private let configuration: RefreshConfiguration
    private let encoder: TextEncoder
    private let texts: [TextEvidence]
    let level: Double
    /// The texts' vectors: as the adapters in service give them, and as they were last seen.
    private let served: [[Float]]
    private var vectors: [[Float]]
    private var random: SeededRandom

    private(set) var adapters: Adapters
    private(set) var optimizer: AdamW
    private(set) var held: Held
    private var fitted: Fitted?
    private(set) var steps = Steps()

    /// What keeps the adapters near to where they were; each is empty where it is not asked for.
    struct Held {
        /// Remembered texts that a step must not do harm to.
        let reference: [TextEvidence]
        let anchor: FisherAnchor
        var average: WeightAverage?
        var fisher: FisherMeasure?

        init(_ job: RefreshJob) {
            let guards = job.configuration.guards
            reference = guards.contains(.agem) ? job.reference : []
            anchor = FisherAnchor(
                anchor: job.start.adapters.values,
                importance: guards.contains(.ewc) ? job.start.importance : [],
                strength: job.configuration.ewcStrength)
            guard guards.contains(.averaging) else { return }
            average = WeightAverage(
                values: job.start.adapters.values, rate: job.configuration.averagingRate)
        }
    }

    /// The texts cut into chunks, and the weights that go with their vectors.
    private struct Fitted {
        let ranges: [Range<Int>]
        let chunks: [TextChunk]
        let regression: TextRegression
    }

    /// What became of the steps.
    struct Steps {
        var taken = 0
        var clipped = 0
        var skipped = 0
    }

    /// - Parameters:
    ///   - texts: in the order in which they came.
    init(
        _ job: RefreshJob, texts: [TextEvidence], seed: UInt64, encoder: TextEncoder,
        isCancelled: () -> Bool
    ) throws {
        configuration = job.configuration
        self.encoder = encoder
        self.texts = texts
        held = Held(job)
        level = TextEvidence.logit(texts)
        random = SeededRandom(seed: seed)
        adapters = job.start.adapters
        optimizer = job.start.optimizer
        try encoder.setAdapters(adapters)
        served = try encoder.vectors(of: texts.map(\.text), isCancelled: isCancelled)
        vectors = served
    }

    /// The adapters that a stop now would give.
    var result: Adapters {
        guard let average = held.average else { return adapters }
        var averaged = adapters
        averaged.values = average.values
        return averaged
    }

    /// Text weights and, last, the level, as they were fitted last.
    var weights: [Double] { fitted?.regression.weights ?? [] }

    /// Fits the text weights to the vectors as they were last seen: before the first pass, and
    /// before each other one.
    mutating func fit() throws(TrainingDiverged) {
        let ranges = cuts()
        let chunks = ranges.map { TextChunk(Array(texts[$0]), baseLogit: level) }
        let regression = try TextRegression(
            chunks, vectors: ranges.map { Array(vectors[$0].joined()) },
            width: encoder.base.hiddenSize, prior: configuration.prior, level: level)
        fitted = Fitted(ranges: ranges, chunks: chunks, regression: regression)
    }

    /// Once over the texts.
    ///
    /// - Parameter measuring: also measures how much each weight matters.
    mutating func pass(measuring: Bool, isCancelled: () -> Bool) throws {
        guard let fitted else { preconditionFailure("fit() goes before each pass") }
        if measuring { held.fisher = FisherMeasure(count: adapters.values.count) }
        try encoder.setAdapters(adapters)
        var order = Array(fitted.ranges.indices)
        order.shuffle(using: &random)
        for number in order {
            if isCancelled() { throw RefreshCancelled() }
            let target = ChunkLoss(
                chunk: fitted.chunks[number], noise: fitted.regression.noise[number],
                weights: fitted.regression.leftOut[number],
                taught: configuration.guards.contains(.lwf)
                    ? Array(served[fitted.ranges[number]].joined()) : nil,
                strength: configuration.distillationStrength)
            try step(target, fitted.ranges[number])
        }
    }

    private mutating func step(_ loss: ChunkLoss, _ range: Range<Int>) throws {
        let width = encoder.base.hiddenSize
        var seen: [Float] = []
        var gradient = try gradient(loss, seeing: &seen)
        for (row, place) in range.enumerated() {
            vectors[place] = Array(seen[row * width..<(row + 1) * width])
        }
        held.fisher?.add(gradient.values, texts: range.count)
        if let reference = try referenceGradient() {
            _ = GradientProjection.project(&gradient.values, along: reference.values)
        }
        held.anchor.addGradient(adapters.values, to: &gradient.values)
        let outcome = optimizer.step(&adapters, gradient)
        steps.taken += 1
        if outcome.clipped { steps.clipped += 1 }
        if outcome.skippedNonFinite { steps.skipped += 1 }
        held.average?.add(adapters.values)
        try encoder.setAdapters(adapters)
    }

    /// The gradient on some of the remembered texts.
    private mutating func referenceGradient() throws -> AdapterGradient? {
        let reference = held.reference
        guard !reference.isEmpty else { return nil }
        let count = min(configuration.batchTexts, reference.count)
        let first = Int(random.next() % UInt64(reference.count - count + 1))
        let chunk = TextChunk(Array(reference[first..<first + count]), baseLogit: level)
        let texts = chunk.texts.map(\.text)
        let noise = try TextRegression.factor(
            chunk.noise(try encoder.encode(texts), configuration.prior), count)
        let loss = ChunkLoss(
            chunk: chunk, noise: noise, weights: weights, taught: nil, strength: 0)
        var seen: [Float] = []
        return try gradient(loss, seeing: &seen)
    }

    /// d(loss) / d(adapters).
    ///
    /// - Parameter vectors: receives the chunk's vectors under the adapters.
    private mutating func gradient(
        _ loss: ChunkLoss, seeing vectors: inout [Float]
    ) throws -> AdapterGradient {
        var seen: [Float] = []
        defer { vectors = seen }
        return try unsafe encoder.trainStep(
            texts: loss.chunk.texts.map(\.text), dropoutSeed: random.next()
        ) { vectors, upstream in
            seen = unsafe Array(vectors)
            let gradient = loss.gradient(seen)
            for index in gradient.indices { unsafe upstream[index] = gradient[index] }
        }
    }

    /// Chunks of `batchTexts`, the first one of chance length, so that each pass cuts elsewhere.
    private mutating func cuts() -> [Range<Int>] {
        let size = configuration.batchTexts
        var ranges: [Range<Int>] = []
        var first = 0
        var next = 1 + Int(random.next() % UInt64(size))
        while first < texts.count {
            ranges.append(first..<min(next, texts.count))
            first = min(next, texts.count)
            next += size
        }
        return ranges
    }
}

extension TextEncoder {
    /// One vector a text, given up once it is not wanted any more.
    func vectors(of texts: [String], isCancelled: () -> Bool) throws -> [[Float]] {
        try vectors(of: texts) { if isCancelled() { throw RefreshCancelled() } }
    }
}

/// What a chunk's vectors should be, and how far they are from it.
package struct ChunkLoss: Sendable {
    /// The texts, with what their vectors should explain.
    package let chunk: TextChunk
    /// The factor of the covariance of what vectors cannot explain.
    package let noise: Cholesky
    /// Text weights and, last, the level.
    package let weights: [Double]
    /// The vectors of the adapters in service: with them, logits are also drawn to theirs
    /// (learning without forgetting, Li and Hoiem 2016, on logits).
    package let taught: [Float]?
    /// What the distance to `taught` counts beside the loss.
    package let strength: Double

    /// Takes each field as it is.
    package init(
        chunk: TextChunk, noise: Cholesky, weights: [Double], taught: [Float]?, strength: Double
    ) {
        self.chunk = chunk
        self.noise = noise
        self.weights = weights
        self.taught = taught
        self.strength = strength
    }

    /// - Parameter vectors: shape (texts, H).
    package func value(_ vectors: [Float]) -> Double {
        let own = residuals(vectors)
        var sum = dot(own, noise.solving(own))
        if let taught {
            let apart = zip(own, residuals(taught)).map { $0 - $1 }
            sum += strength * dot(apart, noise.solving(apart))
        }
        return sum / (2 * Double(chunk.texts.count))
    }

    /// d(value) / d(vectors), of the same shape; the noise is taken as given.
    package func gradient(_ vectors: [Float]) -> [Float] {
        let own = residuals(vectors)
        var pull = noise.solving(own)
        if let taught {
            let apart = zip(own, residuals(taught)).map { $0 - $1 }
            for (row, value) in noise.solving(apart).enumerated() { pull[row] += strength * value }
        }
        let width = weights.count - 1
        var gradient = [Float](repeating: 0, count: vectors.count)
        for row in pull.indices {
            let scale = -pull[row] / Double(pull.count)
            for d in 0..<width { gradient[row * width + d] = Float(scale * weights[d]) }
        }
        return gradient
    }

    private func residuals(_ vectors: [Float]) -> [Double] {
        let width = weights.count - 1
        return chunk.targets.indices.map { row in
            var logit = weights[width]
            for d in 0..<width { logit += weights[d] * Double(vectors[row * width + d]) }
            return chunk.targets[row] - logit
        }
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for (x, y) in zip(a, b) { sum += x * y }
        return sum
    }
}

extension TextRegression {
    /// Mean loss a text under weights fitted to these very texts.
    package static func loss(
        _ texts: [TextEvidence], vectors: [[Float]], chunk size: Int, prior: TextPrior
    ) throws(TrainingDiverged) -> Double {
        let level = TextEvidence.logit(texts)
        let starts = Array(stride(from: 0, to: texts.count, by: size))
        let ranges = starts.map { $0..<min($0 + size, texts.count) }
        let chunks = ranges.map { TextChunk(Array(texts[$0]), baseLogit: level) }
        let rows = ranges.map { Array(vectors[$0].joined()) }
        let fitted = try TextRegression(
            chunks, vectors: rows, width: vectors.first?.count ?? 0, prior: prior, level: level)
        var sum = 0.0
        for place in ranges.indices {
            let loss = ChunkLoss(
                chunk: chunks[place], noise: fitted.noise[place], weights: fitted.weights,
                taught: nil, strength: 0)
            sum += loss.value(rows[place]) * Double(ranges[place].count)
        }
        return sum / Double(texts.count)
    }
}
