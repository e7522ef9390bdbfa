import ContinualLearning
import Encoder
import Events
import Pricing
import Records
import ResponseModel

/// The deterministic heart: `step(state, batch) → (state', outputs)`.
///
/// No I/O, no clock, no ambient randomness: the same state and the same batches give the same
/// bits. What it learns from a batch it predicted first. Rows that a step changed are collected
/// with `collectChanges` and belong into one commit with the batch's offsets.
///
/// Its state lies in rooms that know nothing of each other: `stream`, `models`, `memory`, `refresh`,
/// `safety` and `ruleLedger`. What takes several of them is an extension of the engine.
public struct Engine {
    /// What it was made with.
    public internal(set) var configuration: EngineConfiguration
    /// What happened so far, over the life of the store.
    public internal(set) var counters = Counters()
    /// Whose updates were reduced by the movement limit of a shopper's day since the engine was made.
    public internal(set) var boundedShoppers = BoundedShoppers()
    /// Where recommendations come from.
    public var origin = Origin()

    var stream: EventStream
    var models: Models
    var memory: ExampleMemory
    var refresh: Refresh
    var safety: Safety
    var metrics: ProgressiveMetrics
    var ruleLedger: RuleLedger
    let policy: DiscountPolicy

    /// What recommendations say of the store that they come from; part of nothing that is learned.
    public struct Origin: Sendable {
        /// The store's lineage; part of each recommendation's id.
        public var lineage = 0
        /// The snapshot that recommendations refer to.
        public var snapshot = ""
    }

    /// A fresh state.
    public init(_ configuration: EngineConfiguration, adapters: Adapters, dimension: Int) throws {
        self.configuration = configuration
        stream = EventStream(configuration, dimension: dimension)
        models = Models(
            configuration.head, dimension: dimension,
            followsMerchant: configuration.followsMerchant, labelsMs: configuration.join.windowMs)
        memory = ExampleMemory(configuration)
        refresh = Refresh(configuration.refresh, adapters: adapters)
        safety = Safety(configuration.headGate)
        metrics = ProgressiveMetrics(heads: Label.allCases.map(\.rawValue))
        ruleLedger = RuleLedger(configuration.pricing)
        policy = try DiscountPolicy(configuration.pricing)
    }

    /// Learns a batch and decides what its clicks ask for.
    ///
    /// - Parameters:
    ///   - state: the last commit's rows; all that was collected since must be in it.
    ///   - judging: whether a refresh may be judged before this batch; where not, it goes on as it
    ///     is. Whoever says no must say it again in a replay.
    ///   - clockMs: when the batch was read by the daemon's clock, epoch milliseconds; `nil` where
    ///     there is none, as in a log.
    public mutating func step(
        _ batch: [EngineInput], reading state: any StateReader, embedding: any TextEmbedding,
        training: any RefreshTraining, judging: Bool = true, clockMs: Int64? = nil
    ) throws -> StepOutput {
        stream.attach(state, embedding)
        ruleLedger.attach(state)
        defer {
            stream.detach()
            ruleLedger.detach()
        }
        var output = StepOutput()
        var joined: [JoinOutput] = []
        stream.join.read(atMs: clockMs, into: &joined)
        try settle(joined, into: &output)
        try guardLearning(training, judging: judging, into: &output)
        // Before the events: who comes back in this batch is known from here on.
        output.unseenShoppers += try stream.takeUnseen()
        for owner in output.unseenShoppers { ruleLedger.forget(owner) }
        let ordered = batch.sorted(by: EngineInput.precedes)
        try stream.catalog.prepare(ordered, configuration.inline)
        for input in ordered {
            guard let event = try admit(input, into: &output) else { continue }
            var joined = try join(event, from: input.record, into: &output)
            try price(event, from: input.record, joining: &joined, into: &output)
            try learnOutcome(event, joined, into: &output)
            try settle(joined.outputs, into: &output)
        }
        counters.batches += 1
        return output
    }

    /// At a batch boundary: begins or judges a refresh, judges the heads, and forgets what was not seen for
    /// long.
    private mutating func guardLearning(
        _ training: any RefreshTraining, judging: Bool, into output: inout StepOutput
    ) throws {
        if configuration.learns {
            if judging || !isJudgingDue { try advanceRefresh(training, into: &output) }
            try judgeHeads(into: &output)
            try stream.forgetUnseen(&counters)
        }
        stream.catalog.vectors.keep(bytesMax: configuration.bounds.vectorBytes)
    }

    // MARK: Time without events

    /// At the start of reading: windows wait for the partitions that have something to be read, and
    /// for no others.
    public mutating func wait(
        for positions: [TopicPartition], reading state: any StateReader,
        embedding: any TextEmbedding
    ) throws -> StepOutput {
        try settle(reading: state, embedding) { $0.wait(for: positions, into: &$1) }
    }

    /// Takes the verdict that a partition brings nothing for now, so that windows close without it.
    public mutating func setIdle(
        _ position: TopicPartition, reading state: any StateReader, embedding: any TextEmbedding
    ) throws -> StepOutput {
        try settle(reading: state, embedding) { $0.setIdle(position, true, into: &$1) }
    }

    /// Takes the events that still wait for older ones, at the end of a log that has no more.
    public mutating func drain(
        reading state: any StateReader, embedding: any TextEmbedding
    ) throws -> StepOutput {
        try settle(reading: state, embedding) { $0.drain(into: &$1) }
    }

    /// Learns what the join settles when it is told something else than an event.
    private mutating func settle(
        reading state: any StateReader, _ embedding: any TextEmbedding,
        _ tell: (inout AttributionJoin, inout [JoinOutput]) -> Void
    ) throws -> StepOutput {
        stream.attach(state, embedding)
        defer { stream.detach() }
        var output = StepOutput()
        var joined: [JoinOutput] = []
        tell(&stream.join, &joined)
        try settle(joined, into: &output)
        return output
    }
}
