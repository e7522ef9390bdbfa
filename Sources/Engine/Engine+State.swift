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
        catalog.collectChanges(into: &changes)
        shoppers.collectChanges(into: &changes)
        join.collectChanges(into: &changes)
        for label in Label.allCases {
            guard var head = heads.removeValue(forKey: label) else { continue }
            head.collectChanges(into: &changes)
            heads[label] = head
        }
        memory.collectChanges(into: &changes)
        metrics.collectChanges(into: &changes)
        if adaptersChanged {
            changes.put(Self.weightsTable, Self.adaptersKey, adapters.encoded())
            changes.put(Self.weightsTable, Self.optimizerKey, optimizer.encoded())
            adaptersChanged = false
        }
        changes.put(Self.stateTable, Self.countersKey, counters.encoded())
        changes.put(Self.stateTable, Self.refreshKey, refresh.encoded(encoderVersion))
    }

    /// The state that was collected, bit for bit.
    ///
    /// A refresh that was under way starts again from the job it was given.
    /// - Throws: `EngineError.stateMismatch` where the rows do not fit the configuration.
    public init(
        _ configuration: EngineConfiguration, base: BaseModel, reading state: any StateReader
    ) throws {
        let dimension = base.hiddenSize
        guard let stored = try state.value(Self.weightsTable, Self.adaptersKey) else {
            try self.init(
                configuration,
                adapters: Adapters(
                    configuration: configuration.adapters, base: base, seed: configuration.seed),
                dimension: dimension)
            return
        }
        let adapters = try Adapters(encoded: stored, base: base)
        guard adapters.configuration == configuration.adapters else {
            throw EngineError.stateMismatch(
                "its adapters are \(adapters.configuration), the configuration asks for \(configuration.adapters)"
            )
        }
        try self.init(configuration, adapters: adapters, dimension: dimension)
        if let row = try state.value(Self.weightsTable, Self.optimizerKey) {
            optimizer = try AdamW(encoded: row, configuration: configuration.refresh.optimizer)
        }
        catalog = try ItemCatalog(dimension: dimension, reading: state)
        join = try AttributionJoin(configuration.join, reading: state)
        for label in Label.allCases {
            heads[label] = try ResponseHead(
                name: label.rawValue, dimension: dimension, configuration: configuration.head,
                reading: state)
        }
        memory = try ReplayMemory(configuration: configuration.memory, reading: state)
        metrics = try ProgressiveMetrics(heads: Label.allCases.map(\.rawValue), reading: state)
        if let row = try state.value(Self.stateTable, Self.countersKey) {
            counters = try Counters(encoded: row)
        }
        if let row = try state.value(Self.stateTable, Self.refreshKey) {
            (refresh, encoderVersion) = try RefreshProgress.decode(row)
        }
        adaptersChanged = false
    }

    private static let adaptersKey = Array("adapters".utf8)
    private static let optimizerKey = Array("optimizer".utf8)
    private static let countersKey = Array("counters".utf8)
    private static let refreshKey = Array("refresh".utf8)

    /// The scores of what was served, since the store began.
    public var scores: ProgressiveReport { metrics.report() }

    /// What is known of an item, if anything.
    public func item(_ itemID: String) -> Item? { catalog[itemID] }

    public var itemCount: Int { catalog.items.count }
    public var openOffers: Int { join.openCount }
    public var rememberedExamples: Int { memory.count }
}
