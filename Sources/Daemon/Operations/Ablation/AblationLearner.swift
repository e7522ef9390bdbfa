import ContinualLearning
import Encoder
import Engine
import Records

/// Takes fresh engines over the rows of a log, without a store.
struct AblationLearner {
    let log: AblationLog
    let base: BaseModel
    let wiring: Wiring
    let configuration: EngineConfiguration
    private let vectors = FrozenVectors()

    init(_ log: AblationLog, base: BaseModel, wiring: Wiring) throws {
        self.log = log
        self.base = base
        self.wiring = wiring
        var configuration = try wiring.engineConfiguration(base)
        configuration.issuesDecisions = false
        self.configuration = configuration
    }

    /// What a variant came to.
    struct Outcome {
        /// After each phase, the scores on each phase's rows kept apart; where none are, of what was
        /// predicted before it was learned.
        var scores: [[ScoreReport]] = []
        /// What was predicted last of the rows compared: those kept apart, or else all.
        var predictions: [ServedPrediction] = []
        var progressive = ScoreReport.none
        var counters = Counters()
    }

    /// - Parameter progress: called now and then with the rows done and all rows to do.
    func run(_ variant: AblationVariant, progress: (Int, Int) -> Void) throws -> Outcome {
        var outcome = Outcome()
        var learner = try start(variant)
        var done = 0
        let all =
            variant.isJoint
            ? log.phases.indices.reduce(0) { $0 + rowCount(upTo: $1) }
            : rowCount(upTo: log.phases.count - 1)
        for phase in log.phases.indices {
            if variant.isJoint, phase > 0 { learner = try start(variant) }
            let rows =
                variant.isJoint
                ? log.shuffled(upTo: phase, seed: configuration.seed) : log.learned[phase]
            var served: [ServedPrediction] = []
            for batch in batches(rows) {
                served += try learner.step(batch, reading: MemoryState()).predictions
                done += batch.count
                progress(done, all)
                if StopSignal.isReceived { throw Interrupted(outcome: "there is no result") }
            }
            let isLast = phase == log.phases.count - 1
            outcome.progressive = learner.engine.score()
            outcome.counters = learner.engine.counters
            if log.heldOut[phase].isEmpty {
                outcome.scores.append([outcome.progressive])
                outcome.predictions = served
            } else {
                let judged = try judge(learner)
                outcome.scores.append(judged.map(\.score))
                if isLast { outcome.predictions = judged.flatMap(\.predictions) }
            }
        }
        return outcome
    }

    private func rowCount(upTo phase: Int) -> Int {
        log.learned[...phase].reduce(0) { $0 + $1.count }
    }

    private func start(_ variant: AblationVariant) throws -> RunningEngine {
        var own = configuration
        variant.configure(&own)
        own.keepsPredictions = log.heldOut.allSatisfy(\.isEmpty)
        let adapters = try Adapters(
            configuration: own.adapters, base: base, seed: own.seed)
        let dimension = variant.usesTexts ? base.hiddenSize : 0
        let embedding = VariantEmbedding(
            variant.usesTexts ? try wiring.encoder(base, adapters: adapters) : nil,
            frozen: adapters, vectors: vectors)
        var learner = RunningEngine(
            engine: try Engine(own, adapters: adapters, dimension: dimension),
            embedding: embedding, training: wiring.training(base))
        for batch in batches(log.items) { _ = try learner.step(batch, reading: MemoryState()) }
        return learner
    }

    /// Predicts each phase's rows kept apart, learning nothing.
    private func judge(_ learner: RunningEngine) throws -> [(
        score: ScoreReport, predictions: [ServedPrediction]
    )] {
        try log.heldOut.map { rows in
            var judge = learner
            judge.engine = learner.engine.forEvaluation(keepsPredictions: true)
            var predictions: [ServedPrediction] = []
            for batch in batches(rows) {
                predictions += try judge.step(batch, reading: MemoryState()).predictions
            }
            return (judge.engine.score(), predictions)
        }
    }

    private func batches(_ rows: [EngineInput]) -> [[EngineInput]] {
        let size = wiring.configuration.batch.events
        return stride(from: 0, to: rows.count, by: size).map {
            Array(rows[$0..<min($0 + size, rows.count)])
        }
    }
}

extension Engine {
    /// The score of the label with the most examples; purchases where there are as many of both.
    func score() -> ScoreReport {
        let scores = self.scores.progressive
        return scores.max { a, b in (a.value.count, a.key) < (b.value.count, b.key) }?.value
            ?? ScoreReport.none
    }
}

/// Vectors under adapters that change nothing yet: the same for every variant.
final class FrozenVectors {
    var byText: [String: [Float]] = [:]
}

/// A variant's view of the encoder, if it has one.
final class VariantEmbedding: TextEmbedding {
    private let encoder: EncoderEmbedding?
    private let frozen: Adapters
    private let vectors: FrozenVectors
    private var isFrozen = true

    init(_ encoder: TextEncoder?, frozen: Adapters, vectors: FrozenVectors) {
        self.encoder = encoder.map { EncoderEmbedding($0) }
        self.frozen = frozen
        self.vectors = vectors
    }

    func vectors(of texts: [String]) throws -> [[Float]] {
        guard let encoder else { return texts.map { _ in [] } }
        guard isFrozen else { return try encoder.vectors(of: texts) }
        let missing = texts.filter { vectors.byText[$0] == nil }
        for (text, vector) in zip(missing, try encoder.vectors(of: missing)) {
            vectors.byText[text] = vector
        }
        return texts.map { vectors.byText[$0] ?? [] }
    }

    func use(_ adapters: Adapters) throws {
        isFrozen = adapters == frozen
        try encoder?.use(adapters)
    }
}
