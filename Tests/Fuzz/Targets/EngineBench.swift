import ContinualLearning
import Encoder
import Engine
import Events
import Foundation
import Pricing
import Records
import ResponseModel

/// A small engine for targets: a committed base of 32 dimensions, heads of few effects.
enum EngineBench {
    static let base: BaseModel = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "EncoderTests/Fixtures/gelu-mean")
        do { return try BaseModel.load(directory: folder.path) } catch {
            preconditionFailure("the base at \(folder.path): \(error)")
        }
    }()

    static let topic = TopicPartition(topic: "t", partition: 0)

    static let configuration: EngineConfiguration = {
        var head = HeadConfiguration()
        head.slotCountMax = 8
        head.denseCountMax = 16
        head.tailPageCountMax = 1024
        head.blockEventCount = 4
        head.priorEventCount = 3
        head.bounds.after = 3
        head.bounds.event = 1
        head.bounds.user = 1
        head.bounds.hour = 2
        var configuration = EngineConfiguration(
            seed: 7, head: head,
            adapters: AdapterConfiguration(
                rank: 1, layers: AdapterConfiguration.topLayers(1, of: base)),
            refresh: RefreshSchedule(
                events: 0, judgeEvents: 10,
                training: RefreshConfiguration(epochs: 1, batchTexts: 1),
                optimizer: AdamW.Configuration(learningRate: 1e-3),
                gate: RefreshGate.Configuration(), gateSlices: 2),
            memory: ReplayMemory.Configuration(capacity: 8, recent: 4, seed: 7),
            join: AttributionConfiguration(
                windowMs: 3_600_000, waitMs: 60_000, latenessMs: 1_000),
            pricing: PricingConfiguration(
                exploration: .epsilonGreedy, epsilon: 0.5, holdoutFraction: 0, confidence: 0.5))
        configuration.join.openMax = 4
        configuration.join.pendingMax = 4
        configuration.join.purchasesMax = 4
        configuration.join.duplicatesMax = 8
        configuration.pricing.costFraction = 0.5
        configuration.learnsMerchant = true
        configuration.offersAtViews = true
        configuration.delayedFeedback = .elapsedTime
        configuration.inline.standard = .all
        configuration.headGate.intervalMs = 1
        configuration.headGate.examplesMin = 1
        configuration.headGate.anchors.every = 4
        return configuration
    }()

    static func input(_ event: Event, offset: Int64) -> EngineInput {
        EngineInput(
            record: SourceRecord(position: topic, offset: offset, value: nil),
            event: .success(event))
    }
}

/// Vectors made of the text's hash.
final class HashEmbedding: TextEmbedding {
    func vectors(of texts: [String]) throws -> [[Float]] {
        texts.map { text in
            var random = SeededRandom(seed: StableHash.of(text))
            let raw = (0..<EngineBench.base.hiddenSize).map { _ in random.normal() }
            let length = raw.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return raw.map { Float($0 / max(length, 1e-9)) }
        }
    }

    func use(_ adapters: Adapters) throws {}
}

/// For engines that never refresh.
final class NoTraining: RefreshTraining {
    struct Never: Error {}

    func start(_ job: RefreshJob) { preconditionFailure("a refresh was not to begin") }
    func finish() throws -> RefreshResult { throw Never() }
}
