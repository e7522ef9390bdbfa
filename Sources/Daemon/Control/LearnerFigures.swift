import ContinualLearning
import Engine
import Events

/// How the learner stood between two steps.
struct LearnerFigures: Sendable {
    let counters: Counters
    let join: JoinCounts
    let openExamples: Int
    let pendingEvents: Int
    let rememberedExamples: Int
    let items: Int
    let kept: BoundReport
    let watermarkMs: Int64?
    let lateShare: LateShare
    let unusableShare: UnusableShare
    let published: Int
    let unchanged: Int
    let expired: Int
    /// Messages that are committed and not known to have arrived; nil where the store did not say.
    let outbox: Int?
    let snapshot: String
    let lineage: Int
    let stateSHA256: String
    /// Over the newest window of examples, by head.
    let recent: [String: ScoreReport]

    init(_ learner: Learner) {
        let engine = learner.engine
        counters = engine.counters
        join = engine.joinCounts
        openExamples = engine.openOffers
        pendingEvents = engine.pendingEvents
        rememberedExamples = engine.rememberedExamples
        items = engine.itemCount
        kept = engine.bounded
        watermarkMs = engine.watermarkMs
        lateShare = learner.lateShare
        unusableShare = learner.unusableShare
        published = learner.published
        unchanged = learner.unchanged
        expired = learner.expired
        outbox = try? learner.store.outboxCount()
        snapshot = engine.snapshot
        lineage = engine.lineage
        stateSHA256 = learner.stateDigest.hex
        recent = engine.scores.windows.last?.progressive ?? [:]
    }
}
