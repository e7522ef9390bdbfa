import ContinualLearning
import Encoder
import Events
import Pricing
import Records
import ResponseModel

/// Turns texts into vectors under the adapters it was given last.
///
/// Deterministic: a text's vector depends on the base, the adapters and the text alone.
public protocol TextEmbedding: AnyObject {
    /// One vector a text, of the base's hidden size.
    func vectors(of texts: [String]) throws -> [[Float]]
    func use(_ adapters: Adapters) throws
}

/// Trains a refresh beside the step.
public protocol RefreshTraining: AnyObject {
    /// Begins the job; returns at once.
    func start(_ job: RefreshJob)
    /// Waits for the job begun last; may be asked again. The result depends on the job alone.
    func finish() throws -> RefreshResult
    /// Whether `finish` would return at once.
    var isDone: Bool { get }
}

extension RefreshTraining {
    /// Of one that trains where it is started.
    public var isDone: Bool { true }
}

/// The deterministic heart: `step(state, batch) → (state', outputs)`.
///
/// No I/O, no clock, no ambient randomness: the same state and the same batches give the same
/// bits. What it learns from a batch it predicted first. Rows that a step changed are collected
/// with `collectChanges` and belong into one commit with the batch's offsets.
public struct Engine {
    static let stateTable = StateTable("engine", .keyed)
    /// Erased users, with the time of the erasure: what is older never brings them back.
    static let erasedTable = StateTable("erased", .ledger, keys: .blinded)
    static let weightsTable = StateTable("adapters", .weights)

    public internal(set) var configuration: EngineConfiguration
    public internal(set) var counters = Counters()
    /// The store's; part of each recommendation's id, and of nothing that is learned.
    public var lineage = 0
    /// The snapshot that recommendations refer to.
    public var snapshot = ""

    var catalog: ItemCatalog
    var shoppers: Shoppers
    var contextKeys: ContextKeys
    var join: AttributionJoin
    var heads: [Label: ResponseHead] = [:]
    /// What discounts do to purchases, apart from what goes along with them.
    var effect: EffectModel
    /// What they do to views: whether one is clicked and bought.
    var viewEffect: EffectModel
    /// Which discounts the merchant gives.
    var apprentice = Apprentice()
    /// How many units a purchase is of.
    var quantity: QuantityModel
    /// Whether predictions get worse than they say they are.
    var drift: [Label: DriftMonitor] = [:]
    var memory: ReplayMemory
    var anchors: AnchorSet
    var headGate = HeadGate()
    var labelWatch = LabelWatch()
    var metrics: ProgressiveMetrics
    var delays: PurchaseDelays
    /// How long after their showing offers are clicked.
    var clickDelays: PurchaseDelays
    public internal(set) var adapters: Adapters
    var optimizer: AdamW
    /// How much each of the adapters' weights mattered in the refreshes so far; empty unless guarded.
    var importance: [Float] = []
    var refresh: RefreshProgress
    /// Counts the adapters that have been in service.
    var encoderVersion: UInt32 = 0
    var adaptersChanged = true
    /// Users erased since the last commit, and when.
    var erasedUsers: [RowOwner: Int64] = [:]
    var refreshJobChanged = false
    let policy: DiscountPolicy
    let dimension: Int

    /// A fresh state.
    public init(_ configuration: EngineConfiguration, adapters: Adapters, dimension: Int) throws {
        self.configuration = configuration
        self.adapters = adapters
        self.dimension = dimension
        optimizer = AdamW(configuration.refresh.optimizer, for: adapters)
        refresh = .idle(nextAt: configuration.refresh.events)
        catalog = ItemCatalog(dimension: dimension, bounds: configuration.bounds)
        shoppers = Shoppers(bounds: configuration.bounds)
        contextKeys = ContextKeys(countMax: configuration.bounds.contextKeysMax)
        join = AttributionJoin(configuration: configuration.effectiveJoin)
        memory = ReplayMemory(configuration: configuration.memory)
        anchors = AnchorSet(configuration: configuration.headGate.anchors)
        metrics = ProgressiveMetrics(heads: Label.allCases.map(\.rawValue))
        effect = EffectModel(.visits, dimension: dimension)
        viewEffect = EffectModel(.views, dimension: dimension)
        quantity = QuantityModel(configuration.head)
        delays = PurchaseDelays(windowMs: configuration.join.windowMs)
        clickDelays = PurchaseDelays(windowMs: configuration.join.clickWindowMs)
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
        catalog.state = state
        defer { catalog.state = nil }
        var output = StepOutput()
        var resolved: [JoinOutput] = []
        join.read(atMs: clockMs, into: &resolved)
        for outcome in resolved { try settle(outcome, embedding: embedding, into: &output) }
        if configuration.learns {
            if judging || !isJudgingDue {
                try advanceRefresh(embedding: embedding, training: training, into: &output)
            }
            try judgeHeads(embedding: embedding, into: &output)
            try forgetUnseen(reading: state)
        }
        catalog.vectors.keep(bytesMax: configuration.bounds.vectorBytes)
        let ordered = batch.sorted(by: EngineInput.precedes)
        try prepareVectors(ordered, embedding)
        for input in ordered {
            counters.read += 1
            switch input.event {
            case .success(let event):
                try take(
                    event, from: input.record, reading: state, embedding: embedding, into: &output)
            case .failure(let rejected): reject(input.record, rejected, into: &output)
            }
        }
        counters.batches += 1
        output.unseenShoppers = shoppers.takeUnseen()
        return output
    }

    private mutating func reject(
        _ record: SourceRecord, _ rejected: RejectedRecord, into output: inout StepOutput
    ) {
        guard rejected.code != EventError.ignoredCode else {
            // Among the types, so that these and the dead letters are all that was read.
            counters.byType[EventError.ignoredCode, default: 0] += 1
            return
        }
        counters.deadLettered += 1
        counters.deadLetterReasons[rejected.code, default: 0] += 1
        output.unusable.append(UnusableRecord(record: record, reason: rejected.reason))
    }

    private mutating func take(
        _ event: Event, from record: SourceRecord, reading state: any StateReader,
        embedding: any TextEmbedding, into output: inout StepOutput
    ) throws {
        counters.accepted += 1
        counters.byType[event.type.rawValue, default: 0] += 1
        switch event.body {
        case .item(let item):
            try catalog.update(item.itemID) { $0.merge(item) }
            try see(item.itemID)
            return
        case .erase(let userID):
            try erase(userID, atMs: event.tsMs, reading: state)
            return
        default: break
        }
        if try isErased(event, reading: state) {
            counters.suppressed += 1
            return
        }
        let event = keepingContext(of: event, into: &output)
        if let inline = event.offer?.item, let itemID = event.itemID {
            let policy = configuration.inline[record.position.topic]
            var item = try catalog.find(itemID) ?? Item(id: itemID)
            if !item.merge(inline: inline, policy) { counters.ignoredInline += 1 }
            if policy != .none { try catalog.update(itemID) { $0 = item } }
        }
        var resolved: [JoinOutput] = []
        let latePurchases = join.counts.latePurchases
        let admission = join.ingest(
            event.namingDecisions, from: record.position, offset: record.offset, into: &resolved)
        // After the event has moved time, so that what it is about counts as seen then.
        if let itemID = event.itemID { try see(itemID) }
        if admission == .duplicate { counters.duplicates += 1 }
        if admission == .late { counters.late += 1 }
        output.arrivals[record.position, default: Arrivals()].add(
            isLate: admission == .late || join.counts.latePurchases > latePurchases)
        if admission != .duplicate {
            if event.leastRate < 1 / configuration.weightMax {
                counters.clippedWeights += 1
                output.clippedWeight =
                    output.clippedWeight ?? RecordPlace(record.position, record.offset)
            }
            try act(
                on: event, from: record, late: admission == .late, reading: state,
                embedding: embedding, resolved: &resolved, into: &output)
        }
        for outcome in resolved { try settle(outcome, embedding: embedding, into: &output) }
    }

    private mutating func act(
        on event: Event, from record: SourceRecord, late: Bool, reading state: any StateReader,
        embedding: any TextEmbedding, resolved: inout [JoinOutput], into output: inout StepOutput
    ) throws {
        switch event.body {
        case .click(let offer) where configuration.learns:
            try answer(
                event, offer, from: record, isView: false, reading: state, embedding: embedding,
                resolved: &resolved, into: &output)
        case .impression(let offer) where configuration.learns && configuration.offersAtViews:
            try answer(
                event, offer, from: record, isView: true, reading: state, embedding: embedding,
                resolved: &resolved, into: &output)
        case .purchase(let purchase) where configuration.learns:
            var shopper = try shoppers.find(purchase.offer.userID, in: state)
            shopper.purchased(purchase.offer.itemID, atMs: event.tsMs)
            set(purchase.offer.userID, shopper)
        case .outcome(let outcome) where !late:
            var example = TrainingExample(event, outcome, weightMax: configuration.weightMax)
            // What is ahead of all others does not age what was learned.
            if let leapsFrom = join.leap(of: event.tsMs) { example.exposure.tsMs = leapsFrom }
            try learnUnits(&example, embedding)
            try learn(example, embedding: embedding, into: &output)
        case .impression, .click, .purchase, .outcome, .refund, .item, .erase: break
        }
    }

    /// Makes the offer that an event asks for.
    private mutating func answer(
        _ event: Event, _ offer: Event.Offer, from record: SourceRecord, isView: Bool,
        reading state: any StateReader, embedding: any TextEmbedding,
        resolved: inout [JoinOutput], into output: inout StepOutput
    ) throws {
        var shopper = try shoppers.find(offer.userID, in: state)
        if !isView { shopper.clicked(offer.itemID, atMs: event.tsMs) }
        let (recommendation, decision): (Recommendation, IssuedDecision?)
        do {
            (recommendation, decision) = try recommend(
                event, offer, isView: isView, shopper: &shopper, embedding: embedding)
        } catch let error where error is PricingError || error is ResponseError {
            // One event whose price cannot be decided must not stop the stream.
            counters.accepted -= 1
            counters.byType[event.type.rawValue, default: 1] -= 1
            reject(record, RejectedRecord(reason: "\(error)", code: "undecidable"), into: &output)
            return
        }
        set(offer.userID, shopper)
        if let decision {
            join.open(decision, from: record.position, offset: record.offset, into: &resolved)
        }
        counters.recommendations += 1
        output.recommendations.append(recommendation)
        output.askedFor.append(RecordPlace(record.position, record.offset))
    }

    /// At the start of reading: windows wait for the partitions that have something to be read, and
    /// for no others.
    public mutating func wait(
        for positions: [TopicPartition], reading state: any StateReader,
        embedding: any TextEmbedding
    ) throws -> StepOutput {
        catalog.state = state
        defer { catalog.state = nil }
        var output = StepOutput()
        var resolved: [JoinOutput] = []
        join.wait(for: positions, into: &resolved)
        for outcome in resolved { try settle(outcome, embedding: embedding, into: &output) }
        return output
    }

    /// Takes the verdict that a partition brings nothing for now, so that windows close without it.
    public mutating func setIdle(
        _ position: TopicPartition, reading state: any StateReader, embedding: any TextEmbedding
    ) throws -> StepOutput {
        catalog.state = state
        defer { catalog.state = nil }
        var output = StepOutput()
        var resolved: [JoinOutput] = []
        join.setIdle(position, true, into: &resolved)
        for outcome in resolved { try settle(outcome, embedding: embedding, into: &output) }
        return output
    }

    /// Takes the events that still wait for older ones, at the end of a log that has no more.
    public mutating func drain(
        reading state: any StateReader, embedding: any TextEmbedding
    ) throws -> StepOutput {
        catalog.state = state
        defer { catalog.state = nil }
        var output = StepOutput()
        var resolved: [JoinOutput] = []
        join.drain(into: &resolved)
        for outcome in resolved { try settle(outcome, embedding: embedding, into: &output) }
        return output
    }

    /// Forgets what is held under this id: history, offers, open joins, remembered examples, and
    /// the heads' effects of the shopper.
    ///
    /// What the shared weights learned from the shopper's examples stays in them. Events from before
    /// the erasure are not taken any more, however late they come and however often they are read
    /// again; later ones are of a new acquaintance.
    private mutating func erase(
        _ userID: String, atMs ts: Int64, reading state: any StateReader
    ) throws {
        counters.erased += 1
        let owner = RowOwner(user: userID)
        erasedUsers[owner] = max(ts, erasedUsers[owner] ?? .min)
        try shoppers.forget(userID, in: state)
        join.erase(userID: userID)
        // What is trained has seen the shopper's examples: it is begun anew.
        leaveRefresh(nextIn: 0)
        _ = memory.remove(user: userID)
        _ = anchors.memory.remove(user: userID)
        for label in Label.allCases { _ = heads[label]?.erase(user: userID) }
        effect.erase(user: userID)
        viewEffect.erase(user: userID)
        apprentice.erase(user: userID)
        quantity.erase(user: userID)
    }

    /// Whether the event is from before its user was erased.
    private func isErased(_ event: Event, reading state: any StateReader) throws -> Bool {
        guard let userID = event.userID else { return false }
        let owner = RowOwner(user: userID)
        if let erasedMs = erasedUsers[owner], event.tsMs <= erasedMs { return true }
        guard let row = try state.value(Self.erasedTable, owner.bytes) else { return false }
        var reader = ByteReader(row)
        return event.tsMs <= (try reader.integer(Int64.self))
    }
}
