import ContinualLearning
import Encoder
import Events
import Records
import ResponseModel

/// What the engine's owner may know of its state.
extension Engine {
    /// The adapters in service.
    public var adapters: Adapters { refresh.adapters }

    /// What is kept, and what was left out for a bound.
    public var bounded: BoundReport { stream.report(counters) }

    /// Whether views were learned, clicked and bought, so that one can be asked about.
    public var knowsViews: Bool { models.knowsViews }

    /// The scores of what was served, since the store began.
    public var scores: ProgressiveReport { metrics.report() }

    /// How often each drift detector sounded, by head.
    public var driftAlarms: [String: DriftAlarms] {
        Dictionary(uniqueKeysWithValues: safety.drift.map { ($0.key.rawValue, $0.value.alarms) })
    }

    /// What discounts are found to do to purchases; `nil` until there was one.
    public var effects: EffectReport? { models.effect.isAwake ? models.effect.report : nil }

    /// What they are found to do to whether a view is bought; `nil` until a view had one.
    public var viewEffects: EffectReport? {
        models.viewEffect.isAwake ? models.viewEffect.report : nil
    }

    /// How well the merchant's discounts are predicted; `nil` where none was learned.
    public var agreement: LoggingPolicyReport? {
        models.loggingPolicy.report.count > 0 ? models.loggingPolicy.report : nil
    }

    /// How well the units of purchases are predicted; `nil` before there were any.
    public var quantities: QuantityReport? { models.quantity.report }

    /// Takes all that is known of items to hand, for an engine that is asked without its state.
    public mutating func loadItems(reading state: any StateReader) throws {
        try stream.catalog.loadAll(reading: state)
    }

    /// What is known of an item, if anything; of an engine that has them at hand.
    public func item(_ itemID: String) throws -> Item? { try stream.catalog.peek(itemID) }

    /// Items of the catalogue, those that are only in the state among them.
    public var itemCount: Int { stream.catalog.count }
    /// Offers that wait for their outcome.
    public var openOffers: Int { stream.join.openCount }
    /// What the join has seen since the store began.
    public var joinCounts: JoinCounts { stream.join.counts }
    /// Events before this time are late; `nil` before there is any.
    public var watermarkMs: Int64? { stream.join.watermarkMs }
    /// The newest event time that events have agreed on; `nil` before there is any.
    public var newestMs: Int64? { stream.join.newestMs }
    /// The newest leap of event time that was taken.
    public var lastLeap: TimeLeap? { stream.join.lastLeap }
    /// Events held back until none older can come.
    public var pendingEvents: Int { stream.join.pendingCount }
    /// Whether windows wait for a first event of this partition.
    public func isAwaiting(_ position: TopicPartition) -> Bool { stream.join.isAwaiting(position) }
    /// Examples in replay memory.
    public var rememberedExamples: Int { memory.replay.count }
    /// Anchors kept.
    public var anchorCount: Int { memory.anchors.memory.count }
    /// Examples that a label's head has learned.
    public func eventCount(_ label: String) -> UInt64 {
        Label(rawValue: label).flatMap { models.heads[$0]?.eventCount } ?? 0
    }
}
