import ContinualLearning
import Engine
import Events

/// How the learner stood between two steps.
struct LearnerFigures: Sendable {
    let counters: Counters
    let join: JoinCounts
    let held: Held
    let watermarkMs: Int64?
    let lateShare: LateShare
    let sent: Sent
    let state: State
    /// Over the newest window of examples, by head.
    let recent: [String: ScoreReport]

    /// What the state holds.
    struct Held {
        let openExamples: Int
        let pendingEvents: Int
        let rememberedExamples: Int
        let items: Int
        let bounded: BoundReport
    }

    /// Recommendations of this process that said something new, and those that did not.
    struct Sent {
        let new: Int
        let unchanged: Int
        /// Messages that are committed and not known to have arrived; nil where the store did not say.
        let outbox: Int?
    }

    /// Which state it is.
    struct State {
        let snapshot: String
        let lineage: Int
        let digest: String
    }

    init(_ learner: Learner) {
        let engine = learner.engine
        counters = engine.counters
        join = engine.joinCounts
        held = Held(
            openExamples: engine.openOffers, pendingEvents: engine.pendingEvents,
            rememberedExamples: engine.rememberedExamples, items: engine.itemCount,
            bounded: engine.bounded)
        watermarkMs = engine.watermarkMs
        lateShare = learner.lateShare
        sent = Sent(
            new: learner.published, unchanged: learner.unchanged,
            outbox: try? learner.store.outboxCount())
        state = State(
            snapshot: engine.snapshot, lineage: engine.lineage, digest: learner.stateDigest.hex)
        recent = engine.scores.windows.last?.progressive ?? [:]
    }
}
