import ContinualLearning
import Encoder
import Events
import Pricing
import Records
import ResponseModel

extension Engine {
    /// Emits every row that changed since the last call. It belongs into the commit that also
    /// moves the offsets.
    public mutating func collectChanges(into changes: inout StateChanges) {
        for (owner, erasedMs) in erasedUsers.sorted(by: { $0.key < $1.key }) {
            var row = ByteWriter(capacity: 8)
            row.integer(erasedMs)
            changes.erase(owner)
            changes.put(Self.erasedTable, owner.bytes, row.bytes)
        }
        erasedUsers = [:]
        catalog.collectChanges(into: &changes)
        shoppers.collectChanges(into: &changes)
        var clock = ByteWriter(capacity: 64)
        clock.integer(1 as UInt8)
        catalog.writeClock(&clock)
        shoppers.uses.writeClock(&clock)
        changes.put(Self.stateTable, Self.usesKey, clock.bytes)
        if let row = catalog.vectors.changedClock() {
            changes.put(Self.weightsTable, Self.vectorClockKey, row)
        }
        if let row = contextKeys.changedRow() {
            changes.put(Self.stateTable, Self.contextKeysKey, row)
        }
        join.collectChanges(into: &changes)
        for label in Label.allCases {
            guard var head = heads.removeValue(forKey: label) else { continue }
            head.collectChanges(into: &changes)
            heads[label] = head
        }
        effect.collectChanges(into: &changes)
        viewEffect.collectChanges(into: &changes)
        apprentice.collectChanges(into: &changes)
        quantity.collectChanges(into: &changes)
        for (label, monitor) in drift.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            changes.put(DriftMonitor.table, Array(label.rawValue.utf8), monitor.record)
        }
        memory.collectChanges(into: &changes)
        if configuration.headGate.anchors.every > 0 {
            anchors.memory.collectChanges(into: &changes)
        }
        changes.put(Self.stateTable, Self.headGateKey, headGate.encoded)
        if let row = labelWatch.changedRow() {
            changes.put(Self.stateTable, Self.labelWatchKey, row)
        }
        var marks = ByteWriter(capacity: 32)
        memory.mark.write(to: &marks)
        anchors.memory.mark.write(to: &marks)
        changes.put(Self.weightsTable, Self.memoryKey, marks.bytes)
        metrics.collectChanges(into: &changes)
        if adaptersChanged {
            changes.put(Self.weightsTable, Self.adaptersKey, adapters.record)
            changes.put(Self.weightsTable, Self.optimizerKey, optimizer.record)
            if importance.isEmpty {
                changes.remove(Self.weightsTable, Self.importanceKey)
            } else {
                var writer = ByteWriter(capacity: 4 * importance.count + 8)
                writer.floats(importance)
                changes.put(Self.weightsTable, Self.importanceKey, writer.bytes)
            }
            adaptersChanged = false
        }
        changes.put(Self.stateTable, Self.countersKey, counters.encoded())
        changes.put(Self.stateTable, Self.delaysKey, delays.encoded())
        changes.put(Self.stateTable, Self.clickDelaysKey, clickDelays.encoded())
        changes.put(
            Self.stateTable, Self.refreshKey, refresh.encoded(encoderVersion: encoderVersion))
        if refreshJobChanged {
            if case .running(let candidate) = refresh {
                changes.put(Self.stateTable, Self.jobKey, candidate.job.record)
            } else {
                changes.remove(Self.stateTable, Self.jobKey)
            }
            refreshJobChanged = false
        }
    }

    /// The state that was collected, bit for bit.
    ///
    /// A refresh that was under way starts again from the job it was given.
    /// - Parameter present: an engine whose keyed state is the state's already, all of it collected, as
    ///   after a rollback of weights alone: what many rows would tell is taken from it.
    /// - Throws: `EngineError.stateMismatch` where the rows do not fit the configuration.
    public init(
        _ configuration: EngineConfiguration, base: BaseModel, reading state: any StateReader,
        keepingKeyed present: Engine? = nil
    ) throws {
        let dimension = base.hiddenSize
        guard let adapters = try Self.adapters(configuration, base: base, reading: state) else {
            try self.init(
                configuration,
                adapters: Adapters(
                    configuration: configuration.adapters, base: base, seed: configuration.seed),
                dimension: dimension)
            return
        }
        try self.init(configuration, adapters: adapters, dimension: dimension)
        if let row = try state.value(Self.weightsTable, Self.optimizerKey) {
            optimizer = try AdamW(
                record: row, configuration: configuration.refresh.optimizer, for: adapters)
        }
        if let row = try state.value(Self.weightsTable, Self.importanceKey) {
            var reader = ByteReader(row)
            importance = try reader.floats()
            try reader.finish()
            guard importance.count == adapters.values.count else {
                throw EngineError.stateMismatch(
                    "importance of \(importance.count) weights, of which there are \(adapters.values.count)"
                )
            }
        }
        try restoreBounded(from: state)
        for label in Label.allCases {
            heads[label] = try ResponseHead(
                restoring: label.rawValue, dimension: dimension, configuration: configuration.head,
                from: state)
        }
        effect = try EffectModel(.visits, dimension: dimension, from: state)
        viewEffect = try EffectModel(.views, dimension: dimension, from: state)
        apprentice = try Apprentice(from: state)
        quantity = try QuantityModel(configuration.head, from: state)
        for label in Label.allCases {
            let key = Array(label.rawValue.utf8)
            drift[label] = try state.value(DriftMonitor.table, key).map {
                try DriftMonitor(record: $0, key: key)
            }
        }
        if let present {
            (join, memory, metrics) = (present.join, present.memory, present.metrics)
            (anchors, headGate) = (present.anchors, present.headGate)
            labelWatch = present.labelWatch
        } else {
            try restoreKeyed(from: state)
        }
        if let row = try state.value(Self.stateTable, Self.countersKey) {
            counters = try Counters(encoded: row)
        }
        if let row = try state.value(Self.stateTable, Self.delaysKey) {
            delays = try PurchaseDelays(windowMs: configuration.join.windowMs, encoded: row)
        }
        if let row = try state.value(Self.stateTable, Self.clickDelaysKey) {
            clickDelays = try PurchaseDelays(
                windowMs: configuration.join.clickWindowMs, encoded: row)
        }
        if let row = try state.value(Self.stateTable, Self.refreshKey) {
            let job = try state.value(Self.stateTable, Self.jobKey).map { bytes in
                try RefreshJob(
                    record: bytes, base: base, optimizer: configuration.refresh.optimizer,
                    configuration: configuration.training)
            }
            (refresh, encoderVersion) = try RefreshProgress.decode(row, job: job)
            if case .running = refresh {
                try catalog.resumeHold(heldItemIDs(), reading: state)
            }
            forgetForeignRefresh()
        }
        try forgetWhatWasGoneBackFrom(state)
        adaptersChanged = false
    }

    private mutating func restoreBounded(from state: any StateReader) throws {
        let bounds = configuration.bounds
        var clock = try state.value(Self.stateTable, Self.usesKey).map(ByteReader.init)
        if var reader = clock {
            guard try reader.integer(UInt8.self) == 1 else {
                throw ByteCodingError.badValue(at: 0, "uses of another version")
            }
            clock = reader
        }
        catalog = try ItemCatalog(
            dimension: dimension, bounds: bounds, reading: state, clock: &clock,
            vectorClock: try state.value(Self.weightsTable, Self.vectorClockKey))
        shoppers = try Shoppers(bounds: bounds, reading: state, clock: &clock)
        try clock?.finish()
        if let row = try state.value(Self.stateTable, Self.contextKeysKey) {
            contextKeys = try ContextKeys(countMax: bounds.contextKeysMax, row: row)
        }
    }

    private mutating func restoreKeyed(from state: any StateReader) throws {
        join = try AttributionJoin(configuration: configuration.effectiveJoin, from: state)
        memory =
            try ReplayMemory.restore(configuration: configuration.memory, from: state) ?? memory
        anchors = try AnchorSet(configuration: configuration.headGate.anchors, from: state)
        if let row = try state.value(Self.stateTable, Self.headGateKey) {
            headGate = try HeadGate(encoded: row)
        }
        if let row = try state.value(Self.stateTable, Self.labelWatchKey) {
            labelWatch = try LabelWatch(row: row)
        }
        metrics =
            try ProgressiveMetrics.restore(heads: Label.allCases.map(\.rawValue), from: state)
            ?? metrics
    }

    /// The adapters of a state; `nil` in a fresh one.
    ///
    /// - Throws: `EngineError.stateMismatch` where they are others than the configuration asks for.
    private static func adapters(
        _ configuration: EngineConfiguration, base: BaseModel, reading state: any StateReader
    ) throws -> Adapters? {
        guard let stored = try state.value(weightsTable, adaptersKey) else { return nil }
        let adapters = try Adapters(record: stored, base: base)
        guard adapters.configuration == configuration.adapters else {
            throw EngineError.stateMismatch(
                configuration.adapters.differences(from: adapters.configuration)
                    .joined(separator: ", "))
        }
        return adapters
    }

    /// Whether an engine of this configuration can go on from a state, without loading it.
    ///
    /// - Throws: `EngineError.stateMismatch` with what does not fit.
    public static func requireFit(
        _ configuration: EngineConfiguration, base: BaseModel, reading state: any StateReader
    ) throws {
        _ = try adapters(configuration, base: base, reading: state)
    }

    private static let adaptersKey = Array("adapters".utf8)

    /// Where the adapters' record lies.
    public static var adapterRow: (table: StateTable, key: [UInt8]) { (weightsTable, adaptersKey) }
    private static let optimizerKey = Array("optimizer".utf8)
    private static let importanceKey = Array("importance".utf8)
    private static let countersKey = Array("counters".utf8)
    private static let delaysKey = Array("purchase delays".utf8)
    private static let clickDelaysKey = Array("click delays".utf8)
    private static let refreshKey = Array("refresh".utf8)
    private static let jobKey = Array("refresh job".utf8)
    private static let headGateKey = Array("head gate".utf8)
    private static let labelWatchKey = Array("label watch".utf8)
    private static let usesKey = Array("uses".utf8)
    private static let vectorClockKey = Array("vector clock".utf8)
    private static let contextKeysKey = Array("context keys".utf8)
    private static let memoryKey = Array("replay memory".utf8)

    /// After a rollback of the weights, what is trained from the ones rolled back is not wanted.
    private mutating func forgetForeignRefresh() {
        guard case .running(let candidate) = refresh, candidate.job.adapters != adapters else {
            return
        }
        endRefresh()
    }

    /// After a rollback of the weights, replay memory holds examples that the weights rolled back had
    /// learned and these have not. A refresh must not bring back what was gone back from: they go, and
    /// so does a refresh that was trained on them. Anchors of that time go too, as their labels are no
    /// better than its other ones.
    private mutating func forgetWhatWasGoneBackFrom(_ state: any StateReader) throws {
        guard let row = try state.value(Self.weightsTable, Self.memoryKey) else { return }
        var reader = ByteReader(row)
        let (learned, kept) = (
            try ReplayMemory.Mark(from: &reader), try ReplayMemory.Mark(from: &reader)
        )
        if anchors.memory.hasPassed(kept) { anchors.memory.remove(from: kept.inserted) }
        guard memory.hasPassed(learned) else { return }
        endRefresh()
        memory.remove(from: learned.inserted)
        headGate.owed = nil
        labelWatch.goBack(to: learned.inserted)
    }

    /// The scores of what was served, since the store began.
    public var scores: ProgressiveReport { metrics.report() }

    /// How often each drift detector sounded, by head.
    public var driftAlarms: [String: DriftAlarms] {
        Dictionary(uniqueKeysWithValues: drift.map { ($0.key.rawValue, $0.value.alarms) })
    }

    /// What discounts are found to do to purchases; `nil` until there was one.
    public var effects: EffectReport? { effect.isAwake ? effect.report : nil }

    /// What they are found to do to whether a view is bought; `nil` until a view had one.
    public var viewEffects: EffectReport? { viewEffect.isAwake ? viewEffect.report : nil }

    /// How well the merchant's discounts are predicted; `nil` where none was learned.
    public var agreement: ApprenticeReport? {
        apprentice.report.count > 0 ? apprentice.report : nil
    }

    /// How well the units of purchases are predicted; `nil` before there were any.
    public var quantities: QuantityReport? { quantity.report }

    /// Takes all that is known of items to hand, for an engine that is asked without its state.
    public mutating func loadItems(reading state: any StateReader) throws {
        try catalog.loadAll(reading: state)
    }

    /// What is known of an item, if anything; of an engine that has them at hand.
    public func item(_ itemID: String) throws -> Item? { try catalog.peek(itemID) }

    public var itemCount: Int { catalog.count }
    public var openOffers: Int { join.openCount }
    /// What the join has seen since the store began.
    public var joinCounts: JoinCounts { join.counts }
    /// Events before this time are late; `nil` before there is any.
    public var watermarkMs: Int64? { join.watermarkMs }
    /// The newest event time that events have agreed on; `nil` before there is any.
    public var newestMs: Int64? { join.newestMs }
    /// The newest leap of event time that was taken.
    public var lastLeap: TimeLeap? { join.lastLeap }
    /// Events held back until none older can come.
    public var pendingEvents: Int { join.pendingCount }
    /// Whether windows wait for a first event of this partition.
    public func isAwaiting(_ position: TopicPartition) -> Bool { join.isAwaiting(position) }
    public var rememberedExamples: Int { memory.count }
    public var anchorCount: Int { anchors.memory.count }
    /// Examples that a label's head has learned.
    public func eventCount(_ label: String) -> UInt64 {
        Label(rawValue: label).flatMap { heads[$0]?.eventCount } ?? 0
    }
}
