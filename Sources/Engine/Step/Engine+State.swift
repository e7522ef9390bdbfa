import ContinualLearning
import Encoder
import Records

extension Engine {
    private static let countersKey = Array("counters".utf8)

    /// Emits every row that changed since the last call. It belongs into the commit that also
    /// moves the offsets.
    public mutating func collectChanges(into changes: inout StateChanges) {
        stream.collectChanges(into: &changes)
        ruleLedger.collectChanges(into: &changes)
        models.collectChanges(into: &changes)
        memory.collectChanges(into: &changes)
        refresh.collectChanges(into: &changes)
        safety.collectChanges(into: &changes)
        metrics.collectChanges(into: &changes)
        changes.put(EngineTables.state, Self.countersKey, counters.encoded())
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
        let stored = try Refresh.adapters(configuration, base: base, reading: state)
        try self.init(
            configuration,
            adapters: try stored
                ?? Adapters(
                    configuration: configuration.adapters, base: base, seed: configuration.seed),
            dimension: base.hiddenSize)
        guard stored != nil else { return }
        try stream.restore(configuration, from: state, keepingKeyed: present?.stream)
        try models.restore(from: state)
        try memory.restore(from: state, keepingKeyed: present?.memory)
        try refresh.restore(from: state, base: base, training: configuration.training)
        try safety.restore(from: state, keepingKeyed: present?.safety)
        try restoreMetrics(from: state, keepingKeyed: present?.metrics)
        try resumeRefresh(from: state)
        try forgetWhatWasGoneBackFrom(state)
    }

    private mutating func restoreMetrics(
        from state: any StateReader, keepingKeyed present: ProgressiveMetrics?
    ) throws {
        if let row = try state.value(EngineTables.state, Self.countersKey) {
            counters = try Counters(encoded: row)
        }
        metrics =
            try present
            ?? ProgressiveMetrics.restore(heads: Label.allCases.map(\.rawValue), from: state)
            ?? metrics
    }

    /// Goes on with the refresh that was under way. After a rollback of the weights, what is trained from
    /// the ones rolled back is not wanted.
    private mutating func resumeRefresh(from state: any StateReader) throws {
        guard let candidate = refresh.candidate else { return }
        try stream.catalog.resumeHold(memory.heldItemIDs, reading: state)
        if candidate.job.start.adapters != refresh.adapters { endRefresh() }
    }

    /// After a rollback of the weights, replay memory holds examples that the weights rolled back had
    /// learned and these have not. A refresh must not bring back what was gone back from: they go, and
    /// so does a refresh that was trained on them.
    private mutating func forgetWhatWasGoneBackFrom(_ state: any StateReader) throws {
        guard let learned = try memory.markGoneBackTo(state) else { return }
        endRefresh()
        memory.replay.remove(from: learned)
        safety.goBack(to: learned)
        // Of decisions made since, some labels were told to the state that was left.
        if let nowMs = stream.join.newestMs { models.listenAnew(fromMs: nowMs) }
    }

    /// Whether an engine of this configuration can go on from a state, without loading it.
    ///
    /// - Throws: `EngineError.stateMismatch` with what does not fit.
    public static func requireFit(
        _ configuration: EngineConfiguration, base: BaseModel, reading state: any StateReader
    ) throws {
        _ = try Refresh.adapters(configuration, base: base, reading: state)
    }

    /// Where the adapters' record lies.
    public static var adapterRow: (table: StateTable, key: [UInt8]) { Refresh.adapterRow }
}
