import Encoder
import Records
import ResponseModel

/// What a refresh came to.
public struct RefreshResult: Sendable {
    public internal(set) var adapters: Adapters
    public internal(set) var optimizer: AdamW
    public internal(set) var steps = 0
    public internal(set) var clippedSteps = 0
    /// Steps dropped because their gradient was no finite number.
    public internal(set) var skippedSteps = 0
    /// Mean log-loss of the validation texts before training and after each epoch.
    public internal(set) var validationLosses: [Double] = []
    /// The texts of the job and of its rebuild under the new adapters.
    public internal(set) var vectors: [String: [Float]] = [:]
    /// The heads that learned replay memory again under them, by name.
    public internal(set) var heads: [String: ResponseHead] = [:]
}

/// The refresh was not wanted any more.
public struct RefreshCancelled: Error {}

extension RefreshJob {
    /// Trains the adapters on the texts' counts; nothing but adapters, optimiser and a linear head
    /// that is thrown away is changed.
    ///
    /// Each text counts by its examples: the loss is the log-loss of its successes under
    /// `sigmoid(base rate + w · vector)`. With enough validation texts, the epoch with the lowest
    /// loss on them is what comes back; that may be the start.
    /// - Parameter isCancelled: asked between steps.
    /// - Throws: `RefreshCancelled`, and what the encoder throws.
    /// - Complexity: O(epochs · texts); seconds to minutes.
    public func run(
        base: BaseModel, maxTokens: Int, threads: Int, prefixCacheBytes: Int,
        isCancelled: () -> Bool
    ) throws -> RefreshResult {
        let encoder = try TextEncoder(
            base: base, adapters: adapters, maxTokens: maxTokens, threads: threads,
            prefixCacheBytes: prefixCacheBytes)
        let (training, validation) = split()
        var head = TextHead(weights: headWeights, offset: baseRate(training))
        var result = RefreshResult(adapters: adapters, optimizer: optimizer)
        var best = result
        var lowest = try validationLoss(validation, encoder, head, &result)
        var random = SeededRandom(seed: seed)
        var order = Array(training.indices)
        for _ in 0..<configuration.epochs {
            order.shuffle(using: &random)
            for start in stride(from: 0, to: order.count, by: configuration.batchTexts) {
                if isCancelled() { throw RefreshCancelled() }
                let end = min(start + configuration.batchTexts, order.count)
                try step(
                    order[start..<end].map { training[$0] }, encoder, &head, &result, random.next())
            }
            let loss = try validationLoss(validation, encoder, head, &result)
            if let loss, let before = lowest, loss >= before { continue }
            lowest = loss
            best = result
        }
        best.steps = result.steps
        best.clippedSteps = result.clippedSteps
        best.skippedSteps = result.skippedSteps
        best.validationLosses = result.validationLosses
        if best.adapters != adapters {
            best.vectors = try vectors(encoder, best, isCancelled)
            best.heads = try rebuild?.run(best.vectors, isCancelled: isCancelled) ?? [:]
        }
        return best
    }

    /// Encodes the texts anew, here beside serving rather than when everything waits for them.
    private func vectors(
        _ encoder: TextEncoder, _ result: RefreshResult, _ isCancelled: () -> Bool
    ) throws -> [String: [Float]] {
        try encoder.setAdapters(result.adapters)
        let width = encoder.base.hiddenSize
        var vectors: [String: [Float]] = [:]
        let all = Array(Set(evidence.map(\.text)).union(rebuild?.texts ?? []))
        for start in stride(from: 0, to: all.count, by: 256) {
            if isCancelled() { throw RefreshCancelled() }
            let texts = all[start..<min(start + 256, all.count)]
            let flat = try encoder.encode(Array(texts))
            for (row, text) in texts.enumerated() {
                vectors[text] = Array(flat[row * width..<(row + 1) * width])
            }
        }
        return vectors
    }

    private func step(
        _ batch: [TextEvidence], _ encoder: TextEncoder, _ head: inout TextHead,
        _ result: inout RefreshResult, _ dropoutSeed: UInt64
    ) throws {
        var headGradient: [Double] = []
        let gradient = try unsafe encoder.trainStep(
            texts: batch.map(\.text), dropoutSeed: dropoutSeed
        ) { vectors, upstream in
            headGradient = unsafe head.gradient(batch, vectors, into: upstream)
        }
        let outcome = result.optimizer.step(&result.adapters, gradient)
        result.steps += 1
        if outcome.clipped { result.clippedSteps += 1 }
        if outcome.skippedNonFinite {
            result.skippedSteps += 1
            return
        }
        head.step(headGradient, learningRate: configuration.headLearningRate)
        try encoder.setAdapters(result.adapters)
    }

    /// By the text itself, so that a text is on the same side in every refresh.
    private func split() -> (training: [TextEvidence], validation: [TextEvidence]) {
        let every = UInt64(configuration.validationEvery)
        let validation = evidence.filter { StableHash.of("validation", $0.text) % every == 0 }
        guard validation.count >= configuration.validationMin else { return (evidence, []) }
        return (evidence.filter { StableHash.of("validation", $0.text) % every != 0 }, validation)
    }

    private func baseRate(_ texts: [TextEvidence]) -> Double {
        let trials = texts.reduce(0) { $0 + $1.trials }
        let rate = texts.reduce(0) { $0 + $1.positives } / trials
        return Elementary.log(rate) - Elementary.log(1 - rate)
    }

    /// - Returns: `nil` without validation texts.
    private func validationLoss(
        _ texts: [TextEvidence], _ encoder: TextEncoder, _ head: TextHead,
        _ result: inout RefreshResult
    ) throws -> Double? {
        guard !texts.isEmpty else { return nil }
        let vectors = try encoder.encode(texts.map(\.text))
        let loss = head.loss(texts, vectors)
        result.validationLosses.append(loss)
        return loss
    }
}

/// A linear head on the vectors, trained beside the adapters by Adam and thrown away.
private struct TextHead {
    private(set) var weights: [Double]
    let offset: Double
    private var mean: [Double]
    private var square: [Double]
    private var steps = 0

    init(weights: [Double], offset: Double) {
        self.weights = weights
        self.offset = offset
        mean = [Double](repeating: 0, count: weights.count)
        square = mean
    }

    /// d(loss)/d(vectors) into `upstream`, both of shape (count, H); returns d(loss)/d(weights).
    func gradient(
        _ batch: [TextEvidence], _ vectors: UnsafeBufferPointer<Float>,
        into upstream: UnsafeMutableBufferPointer<Float>
    ) -> [Double] {
        let width = weights.count
        let trials = batch.reduce(0) { $0 + $1.trials }
        var own = [Double](repeating: 0, count: width)
        for (row, entry) in batch.enumerated() {
            var logit = offset
            for d in 0..<width {
                logit += weights[d] * Double(unsafe vectors[row * width + d])
            }
            let error = (entry.trials * Elementary.sigmoid(logit) - entry.positives) / trials
            for d in 0..<width {
                own[d] += error * Double(unsafe vectors[row * width + d])
                unsafe upstream[row * width + d] = Float(error * weights[d])
            }
        }
        return own
    }

    /// Mean log-loss an example.
    func loss(_ texts: [TextEvidence], _ vectors: [Float]) -> Double {
        let width = weights.count
        var sum = 0.0
        var trials = 0.0
        for (row, entry) in texts.enumerated() {
            var logit = offset
            for d in 0..<width { logit += weights[d] * Double(vectors[row * width + d]) }
            sum += entry.positives * Elementary.logLoss(logit: logit, label: true)
            sum += (entry.trials - entry.positives) * Elementary.logLoss(logit: logit, label: false)
            trials += entry.trials
        }
        return sum / trials
    }

    /// One step of Adam (Kingma, Ba 2015).
    mutating func step(_ gradient: [Double], learningRate: Double) {
        steps += 1
        let meanScale = 1 - power(0.9, steps)
        let squareScale = 1 - power(0.999, steps)
        for d in weights.indices {
            mean[d] = 0.9 * mean[d] + 0.1 * gradient[d]
            square[d] = 0.999 * square[d] + 0.001 * gradient[d] * gradient[d]
            weights[d] -=
                learningRate * (mean[d] / meanScale)
                / ((square[d] / squareScale).squareRoot() + 1e-8)
        }
    }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<min(exponent, 20_000) { result *= base }
        return result
    }
}
