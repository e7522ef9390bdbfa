import Encoder
import Records
import ResponseModel

/// What a refresh came to.
public struct RefreshResult: Sendable {
    /// Those to be judged; the job's own where training found nothing better.
    public internal(set) var adapters: Adapters
    /// The first fold's, after its last pass; the job's own where training found nothing better.
    public internal(set) var optimizer: AdamW
    /// How much each weight matters, for the refreshes to come; empty unless it is held.
    public internal(set) var importance: [Float] = []
    /// Steps taken, over all folds.
    public internal(set) var steps = 0
    /// Steps whose gradient was scaled down to the bound.
    public internal(set) var clippedSteps = 0
    /// Steps dropped because their gradient was no finite number.
    public internal(set) var skippedSteps = 0
    /// Mean log-loss of the texts kept apart, before training and after each pass; empty where
    /// none were.
    public internal(set) var validationLosses: [Double] = []
    /// The job's texts under adapters that were not trained on them, and the other texts of its
    /// rebuild.
    public internal(set) var vectors: [String: [Float]] = [:]
    /// The heads that learned replay memory again under them, by name.
    public internal(set) var heads: [String: ResponseHead] = [:]
}

/// The refresh was not wanted any more.
public struct RefreshCancelled: Error {
    /// Thrown by whoever asks `isCancelled` and is told so.
    package init() {}
}

extension RefreshJob {
    /// Trains the adapters on the texts' counts; nothing but adapters and optimiser is changed.
    ///
    /// With folds, each of them is trained without a part of the texts, and the mean of their
    /// adapters is what comes back. A text's own vector is that of the fold that did not see it: the
    /// posterior is then rebuilt from vectors that know nothing of their own labels, like those of the
    /// texts to come. The number of passes is the one after which the folds' losses on the texts they
    /// did not see were lowest; that may be none.
    /// - Parameter isCancelled: asked between steps.
    /// - Throws: `RefreshCancelled`, and what the encoder throws.
    /// - Complexity: O(folds · passes · texts); seconds to minutes.
    public func run(
        base: BaseModel, maxTokens: Int, threads: Int, prefixCacheBytes: Int,
        isCancelled: () -> Bool
    ) throws -> RefreshResult {
        let encoder = try TextEncoder(
            base: base, adapters: start.adapters, maxTokens: maxTokens, threads: threads,
            prefixCacheBytes: prefixCacheBytes)
        do {
            return try trained(encoder, isCancelled)
        } catch is TrainingDiverged {
            // The adapters in service are as good as they were.
            var result = unchanged
            result.skippedSteps += 1
            return result
        }
    }

    private var unchanged: RefreshResult {
        RefreshResult(
            adapters: start.adapters, optimizer: start.optimizer, importance: start.importance)
    }

    private func trained(
        _ encoder: TextEncoder, _ isCancelled: () -> Bool
    ) throws -> RefreshResult {
        let folds = folds()
        var runs = try folds.enumerated().map { number, fold in
            try FoldRun(
                self, fold, seed: StableHash.of("fold", "\(number)", seed: seed), encoder,
                isCancelled)
        }
        var result = unchanged
        result.validationLosses = try train(&runs, encoder, isCancelled)
        for run in runs {
            result.steps += run.training.steps.taken
            result.clippedSteps += run.training.steps.clipped
            result.skippedSteps += run.training.steps.skipped
        }
        let passes = bestPass(result.validationLosses)
        guard passes > 0 else { return result }
        result.adapters.values = Self.mean(runs.map { $0.adapters[passes].values })
        result.optimizer = runs[0].training.optimizer
        if configuration.guards.contains(.ewc) {
            result.importance = Self.mean(
                runs.map {
                    $0.training.held.fisher?.importance(
                        after: start.importance, decay: configuration.ewcDecay)
                        ?? start.importance
                })
        }
        guard result.adapters != start.adapters else { return result }
        guard result.adapters.values.allSatisfy(\.isFinite) else { throw TrainingDiverged() }
        for (fold, run) in zip(folds, runs) {
            let apart = fold.apart.isEmpty ? fold.training : fold.apart
            try encode(
                apart.map(\.text), run.adapters[passes], encoder, into: &result, isCancelled)
        }
        let others = (rebuild?.texts ?? []).filter { result.vectors[$0] == nil }
        try encode(others.sorted(), result.adapters, encoder, into: &result, isCancelled)
        result.heads = try rebuild?.run(result.vectors, isCancelled: isCancelled) ?? [:]
        return result
    }

    private func encode(
        _ texts: [String], _ adapters: Adapters, _ encoder: TextEncoder,
        into result: inout RefreshResult, _ isCancelled: () -> Bool
    ) throws {
        try encoder.setAdapters(adapters)
        let vectors = try encoder.vectors(of: texts, isCancelled: isCancelled)
        for (text, vector) in zip(texts, vectors) {
            guard vector.allSatisfy(\.isFinite) else { throw TrainingDiverged() }
            result.vectors[text] = vector
        }
    }

    /// Texts to train on, and texts kept apart.
    private struct Fold {
        var training: [TextEvidence] = []
        var apart: [TextEvidence] = []
    }

    /// Neighbours in time share a fold, since they tell of each other.
    private func folds() -> [Fold] {
        // At least four of them a fold, so that no time is one fold's alone.
        let block = min(
            configuration.batchTexts, max(1, evidence.count / (4 * configuration.folds)))
        let blocks = (evidence.count + block - 1) / block
        let count = min(configuration.folds, blocks)
        guard count > 1 else { return [Fold(training: evidence)] }
        return (0..<count).map { number in
            var fold = Fold()
            for (place, entry) in evidence.enumerated() {
                if (place / block) % count == number {
                    fold.apart.append(entry)
                } else {
                    fold.training.append(entry)
                }
            }
            return fold
        }
    }

    /// The training of one fold.
    private struct FoldRun {
        var training: AdapterTraining
        /// At the start and after each pass.
        private(set) var adapters: [Adapters]
        private let validation: ValidationLoss
        let apart: Int

        init(
            _ job: RefreshJob, _ fold: Fold, seed: UInt64, _ encoder: TextEncoder,
            _ isCancelled: () -> Bool
        ) throws {
            training = try AdapterTraining(
                job, texts: fold.training, seed: seed, encoder: encoder, isCancelled: isCancelled)
            validation = try ValidationLoss(
                fold.apart, served: job.start.adapters, level: training.level, encoder,
                job.configuration)
            adapters = [job.start.adapters]
            apart = fold.apart.count
        }

        /// Fits the text weights to the adapters as they are, and measures both on the texts kept apart.
        mutating func fit(_ encoder: TextEncoder) throws -> Double {
            try training.fit()
            return try validation.loss(adapters[adapters.count - 1], training.weights, encoder)
        }

        mutating func pass(measuring: Bool, _ isCancelled: () -> Bool) throws {
            try training.pass(measuring: measuring, isCancelled: isCancelled)
            adapters.append(training.result)
        }
    }

    /// Trains all folds pass by pass, until the texts kept apart are told worse than after an earlier pass.
    ///
    /// - Returns: the mean loss a text kept apart, at the start and after each pass; empty where none is.
    private func train(
        _ runs: inout [FoldRun], _ encoder: TextEncoder, _ isCancelled: () -> Bool
    ) throws -> [Double] {
        let apart = runs.reduce(0) { $0 + $1.apart }
        // How much weights matter is measured in the last pass.
        let measures = configuration.guards.contains(.ewc)
        let stops = configuration.guards.contains(.earlyStopping) && !measures
        var losses: [Double] = []
        for pass in 0...configuration.epochs {
            if pass == configuration.epochs, apart == 0 { break }
            var loss = 0.0
            for number in runs.indices { loss += try runs[number].fit(encoder) }
            if apart > 0 { losses.append(loss / Double(apart)) }
            if pass == configuration.epochs || stops && bestPass(losses) < losses.count - 1 {
                break
            }
            for number in runs.indices {
                try runs[number].pass(
                    measuring: measures && pass == configuration.epochs - 1, isCancelled)
            }
        }
        return losses
    }

    private func bestPass(_ losses: [Double]) -> Int {
        guard configuration.guards.contains(.earlyStopping) else { return configuration.epochs }
        return losses.indices.min { (losses[$0], $0) < (losses[$1], $1) } ?? configuration.epochs
    }

    private static func mean(_ values: [[Float]]) -> [Float] {
        guard values.count > 1 else { return values[0] }
        return values[0].indices.map { index in
            Float(values.reduce(0.0) { $0 + Double($1[index]) } / Double(values.count))
        }
    }
}

/// The loss of adapters on texts they were not trained on. What the texts share is taken as the adapters
/// in service tell it, so that all are held against the same.
private struct ValidationLoss {
    private var chunks: [(chunk: TextChunk, noise: Cholesky)] = []

    init(
        _ texts: [TextEvidence], served: Adapters, level: Double, _ encoder: TextEncoder,
        _ configuration: RefreshConfiguration
    ) throws {
        try encoder.setAdapters(served)
        for start in stride(from: 0, to: texts.count, by: configuration.batchTexts) {
            let end = min(start + configuration.batchTexts, texts.count)
            let chunk = TextChunk(Array(texts[start..<end]), baseLogit: level)
            let vectors = try encoder.encode(chunk.texts.map(\.text))
            let noise = chunk.noise(vectors, configuration.prior)
            chunks.append((chunk, try TextRegression.factor(noise, chunk.texts.count)))
        }
    }

    /// The loss, summed over the texts.
    func loss(_ adapters: Adapters, _ weights: [Double], _ encoder: TextEncoder) throws -> Double {
        guard !chunks.isEmpty else { return 0 }
        try encoder.setAdapters(adapters)
        return try chunks.reduce(0) { sum, part in
            let vectors = try encoder.encode(part.chunk.texts.map(\.text))
            let loss = ChunkLoss(
                chunk: part.chunk, noise: part.noise, weights: weights, taught: nil, strength: 0)
            return sum + loss.value(vectors) * Double(part.chunk.texts.count)
        }
    }
}
