import ContinualLearning
import Engine
import Events
import ResponseModel

/// How the learner stood between two steps.
struct LearnerFigures: Sendable {
    let counters: Counters
    let join: JoinCounts
    let held: Held
    let watermarkMs: Int64?
    let lateShare: LateShare
    let unusableShare: UnusableShare
    let sent: Sent
    let state: State
    /// Of everything, over time and by slice.
    let scores: ProgressiveReport
    let effects: Effects
    /// The newest decisions, the newest last.
    let offers: [Recommendation]

    /// How the budgets stand; empty where the store did not say.
    let budgets: [BudgetReport]

    /// Over the newest window of examples, by head.
    var recent: [String: ScoreReport] { scores.windows.last?.progressive ?? [:] }

    /// What discounts are found to do, as the report has it.
    struct Effects: Encodable {
        /// To purchases; nil until there was a discount.
        let effects: EffectReport?
        /// To whether a view is bought; nil until a view had a discount.
        let viewEffects: EffectReport?
        /// How well the shop's own discounts are predicted; nil unless they are learned.
        let loggingPolicy: LoggingPolicyReport?
        /// How well the units of purchases are predicted; nil until there were any.
        let quantity: QuantityReport?

        init(_ engine: Engine) {
            effects = engine.effects
            viewEffects = engine.viewEffects
            loggingPolicy = engine.agreement
            quantity = engine.quantities
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(effects, forKey: .effects)
            try container.encode(viewEffects, forKey: .viewEffects)
            try container.encode(loggingPolicy, forKey: .loggingPolicy)
            try container.encode(quantity, forKey: .quantity)
        }

        enum CodingKeys: String, CodingKey {
            case effects, quantity
            case loggingPolicy = "apprentice"
            case viewEffects = "view_effects"
        }
    }

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
        /// Before their records were read.
        let expired: Int
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
        unusableShare = learner.unusableShare
        sent = Sent(
            new: learner.published, unchanged: learner.unchanged,
            expired: learner.outgoing.offers.expired,
            outbox: try? learner.store.outboxCount())
        state = State(
            snapshot: engine.origin.snapshot, lineage: engine.origin.lineage,
            digest: learner.stateDigest.hex)
        scores = engine.scores
        effects = Effects(engine)
        offers = learner.outgoing.newest
        budgets = (try? learner.budgets()) ?? []
    }
}
