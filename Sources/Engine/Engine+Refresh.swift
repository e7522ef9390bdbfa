import ContinualLearning
import Encoder
import Records
import ResponseModel

/// When the adapters are refreshed, and with which optimiser.
public struct RefreshSchedule: Sendable {
    /// Examples between two refreshes; 0: never.
    public var events: Int
    /// Fresh examples on which a candidate is judged, each time it is.
    public var judgeEvents: Int
    public var training: RefreshConfiguration
    public var optimizer: AdamW.Configuration
    public var gate: RefreshGate.Configuration
    /// Categories that the gate judges one by one.
    public var gateSlices: Int
    /// Which guards are in force, in training as around it.
    public var guards: Set<Guard> {
        get { training.guards }
        set { training.guards = newValue }
    }

    public init(
        events: Int, judgeEvents: Int, training: RefreshConfiguration,
        optimizer: AdamW.Configuration, gate: RefreshGate.Configuration, gateSlices: Int,
        guards: Set<Guard> = Set(Guard.defaults)
    ) {
        self.events = events
        self.judgeEvents = judgeEvents
        self.training = training
        self.training.guards = guards
        self.optimizer = optimizer
        self.gate = gate
        self.gateSlices = gateSlices
    }
}

/// Where the refresh of the adapters stands.
///
/// A refresh begins at one batch boundary and is judged at a later one, both set by the number of
/// examples alone, so that a replay swaps the adapters where the first run did, however long the
/// training took. Its job is kept in the store until then: after a crash it runs again.
enum RefreshProgress {
    case idle(nextAt: Int)
    case running(Candidate)

    struct Candidate {
        let job: RefreshJob
        var judgeAt: Int
    }
}

extension RefreshProgress {
    /// Without the job, which is a row of its own.
    func encoded(encoderVersion: UInt32) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(encoderVersion)
        switch self {
        case .idle(let nextAt):
            writer.bool(false)
            writer.integer(Int64(nextAt))
        case .running(let candidate):
            writer.bool(true)
            writer.integer(Int64(candidate.judgeAt))
        }
        return writer.bytes
    }

    /// - Parameter job: the row with the job, where one is under way.
    static func decode(
        _ bytes: [UInt8], job: RefreshJob?
    ) throws -> (progress: RefreshProgress, encoderVersion: UInt32) {
        var reader = ByteReader(bytes)
        let version = try reader.integer(UInt32.self)
        let isRunning = try reader.bool()
        let at = Int(try reader.integer(Int64.self))
        guard isRunning else {
            try reader.finish()
            return (.idle(nextAt: at), version)
        }
        try reader.finish()
        guard let job else {
            throw EngineError.stateMismatch("a refresh is under way without its job")
        }
        return (.running(.init(job: job, judgeAt: at)), version)
    }
}

extension Engine {
    /// At a batch boundary: begins a refresh, or judges the one under way, when it is time.
    mutating func advanceRefresh(
        embedding: any TextEmbedding, training: any RefreshTraining, into output: inout StepOutput
    ) throws {
        guard isRefreshDue else { return }
        switch refresh {
        case .idle: try beginRefresh(training: training, into: &output)
        case .running(let candidate):
            try judge(candidate, embedding: embedding, training: training, into: &output)
        }
    }

    /// Whether the next step begins with a refresh's beginning or end, which may take its time.
    public var isRefreshDue: Bool {
        switch refresh {
        case .idle(let nextAt): configuration.refresh.events > 0 && counters.examples >= nextAt
        case .running(let candidate): counters.examples >= candidate.judgeAt
        }
    }

    /// Whether the refresh under way has its examples and is to be judged.
    public var isJudgingDue: Bool {
        if case .running = refresh { isRefreshDue } else { false }
    }

    /// Starts the training that was under way when the state was committed.
    public func resumeRefresh(training: any RefreshTraining) {
        if case .running(let candidate) = refresh { start(candidate.job, training) }
    }

    /// Starts a job, with the heads to be learned again from what the memory holds.
    private func start(_ job: RefreshJob, _ training: any RefreshTraining) {
        var job = job
        job.rebuild = Rebuild(
            memory, from: replayedFrom,
            heads: Label.allCases.filter { heads[$0] != nil }.map(freshHead),
            silent: catalog.silent
        ) { [items = catalog.held ?? [:]] id in items[id] ?? RebuildItem(nil) }
        training.start(job)
    }

    private mutating func beginRefresh(
        training: any RefreshTraining, into output: inout StepOutput
    ) throws {
        let items = try rememberedItems()
        let job = RefreshJob(
            memory: memory, from: replayedFrom, recent: memory.oldestRecent,
            isSuspect: { [suspects = labelWatch.suspects] example in
                suspects.contains {
                    $0.contains(example, category: items[example.itemId]?.category)
                }
            },
            heads: heads.values.sorted { $0.name < $1.name },
            texts: items.compactMapValues(\.text), adapters: adapters,
            optimizer: optimizer, importance: importance,
            seed: StableHash.of(
                "refresh", "\(encoderVersion)", "\(counters.examples)", seed: configuration.seed),
            configuration: configuration.training)
        guard !job.isEmpty else {
            refresh = .idle(nextAt: counters.examples + configuration.refresh.events)
            return
        }
        memory.hold()
        catalog.hold(items)
        start(job, training)
        refresh = .running(
            .init(job: job, judgeAt: counters.examples + configuration.refresh.judgeEvents))
        refreshJobChanged = true
        output.notices.append(.refreshStarted(texts: job.textCount, examples: memory.count))
    }

    /// What is known of the items that are remembered.
    private func rememberedItems() throws -> [String: RebuildItem] {
        var items: [String: RebuildItem] = [:]
        try memory.forEach { remembered in
            let id = remembered.example.itemId
            if items[id] == nil { items[id] = RebuildItem(try catalog.peek(id)) }
        }
        return items
    }

    /// The items that a refresh under way was begun with.
    func heldItemIDs() -> Set<String> {
        var ids: Set<String> = []
        memory.forEachHeld { ids.insert($0.example.itemId) }
        return ids
    }

    /// The texts that a judging asks for: of the examples that came in since the refresh began, and of the
    /// anchors.
    private func judgedTexts() throws -> Set<String> {
        var texts: Set<String> = []
        var known: Set<String> = []
        func take(_ id: String) throws {
            guard known.insert(id).inserted else { return }
            if let text = try catalog.peek(id)?.text { texts.insert(text) }
        }
        try memory.forEachFresh { try take($0.example.itemId) }
        try memory.forEachConverted { try take($0.example.itemId) }
        try anchors.memory.forEach { try take($0.example.itemId) }
        return texts
    }

    /// The oldest remembered example that a refresh looks at.
    private var replayedFrom: UInt64 {
        configuration.refresh.guards.contains(.replay) ? 0 : memory.oldestRecent
    }

    /// Has the rebuilt posteriors learn the examples that came in since, and holds what they would
    /// have said of them against what was served; swaps all of it at once, or nothing.
    private mutating func judge(
        _ candidate: RefreshProgress.Candidate, embedding: any TextEmbedding,
        training: any RefreshTraining, into output: inout StepOutput
    ) throws {
        let result = try training.finish()
        counters.clipped += result.clippedSteps
        counters.skipped += result.skippedSteps
        guard result.adapters != adapters else {
            output.notices.append(.refreshBroughtNothing(steps: result.steps))
            endRefresh()
            return
        }
        try embedding.use(result.adapters)
        var vectors = result.vectors
        // All others are encoded when they are asked for.
        let texts = try judgedTexts().filter { vectors[$0] == nil }.sorted()
        for (text, vector) in zip(texts, try embedding.vectors(of: texts)) {
            vectors[text] = vector
        }
        let vector = { [vectors, silent = catalog.silent] (item: Item) in
            item.text.flatMap { vectors[$0] } ?? silent
        }
        var gate = RefreshGate(
            slices: try largestCategories(), candidate: headGate.refreshes + 1,
            configuration: configuration.refresh.gate)
        let lateShare = lateShare
        let conversionWeight = { (chance: Double) in
            ElapsedTimeWeights(purchaseProbability: chance, lateShare: lateShare).positive
        }
        var rebuilt: [Label: ResponseHead] = [:]
        for label in Label.allCases where heads[label] != nil {
            var head = result.heads[label.rawValue] ?? freshHead(label)
            let predictions = try memory.learnFresh(
                &head,
                features: { try features($0, vector) },
                conversionWeight: label == .purchase && learnsEarly ? conversionWeight : nil)
            for fresh in predictions {
                gate.observe(
                    served: fresh.servedLogit, candidate: fresh.logit, label: fresh.label,
                    weight: fresh.weight, user: fresh.user,
                    slices: try catalog.peek(fresh.itemID)?.category.map { [$0] } ?? [])
            }
            rebuilt[label] = head
        }
        let guards = configuration.refresh.guards
        if !guards.contains(.rebuild) { rebuilt = heads }
        let judgement = Judgement(
            fresh: guards.contains(.gate) ? gate.verdict() : gate.unguardedVerdict(),
            anchors: guards.contains(.gate) ? try anchorVerdict(rebuilt, vector) : nil,
            shift: guards.contains(.gate) ? try labelShift(judgements: 1) : nil)
        output.notices.append(
            .refreshJudged(
                judgement.told(
                    examples: gate.examples, steps: result.steps,
                    moved: adapters.distance(to: result.adapters),
                    margin: configuration.refresh.gate.margin)))
        switch judgement.outcome {
        case .promote:
            counters.gatePassed += 1
            promote(result, vectors: vectors, heads: rebuilt)
        case .reject:
            counters.gateRejected += 1
            headGate.refreshes += 1
            try embedding.use(adapters)
            endRefresh()
        case .wait:
            try embedding.use(adapters)
            refresh = .running(
                .init(job: candidate.job, judgeAt: counters.examples + gate.examples))
        }
    }

    /// What a candidate's posteriors say of the anchors, which neither they nor those in service have
    /// learned, beside what was served for them.
    private func anchorVerdict(
        _ rebuilt: [Label: ResponseHead], _ vector: (Item) -> [Float]
    ) throws -> RefreshGate.Verdict {
        try anchorGate(candidate: headGate.refreshes + 1, heads: rebuilt, vector: vector).verdict()
    }

    private mutating func promote(
        _ result: RefreshResult, vectors: [String: [Float]], heads rebuilt: [Label: ResponseHead]
    ) {
        var rebuilt = rebuilt
        adapters = result.adapters
        optimizer = result.optimizer
        importance = result.importance
        adaptersChanged = true
        encoderVersion += 1
        catalog.vectors.replace(vectors)
        for (label, old) in heads { rebuilt[label]?.takePlace(of: old) }
        heads = rebuilt
        headGate.refreshes = 0
        headGate.promoted()
        endRefresh()
    }

    mutating func endRefresh() {
        leaveRefresh(nextIn: configuration.refresh.events)
    }

    /// Gives up the refresh under way, if one is.
    ///
    /// - Parameter examples: after so many the next one begins.
    mutating func leaveRefresh(nextIn examples: Int) {
        guard case .running = refresh else { return }
        refresh = .idle(nextAt: counters.examples + examples)
        refreshJobChanged = true
        memory.release()
        catalog.release()
    }

    /// The categories with the most remembered examples, which the gate watches one by one.
    private func largestCategories() throws -> [String] {
        var counts: [String: Int] = [:]
        var categories = CategoryIndex()
        try memory.forEach { remembered in
            if let category = try categories.category(of: remembered.example.itemId, catalog) {
                counts[category, default: 0] += 1
            }
        }
        return Self.largest(configuration.refresh.gateSlices, counts)
    }
}

/// The verdicts on a candidate: by fresh examples, and by the anchors and the newest labels, which can
/// only reject.
private struct Judgement {
    let fresh: RefreshGate.Verdict
    let anchors: RefreshGate.Verdict?
    let shift: LabelShift.Finding?

    private var isHarmful: Bool { anchors?.outcome == .reject }
    var outcome: RefreshGate.Outcome {
        isHarmful || shift != nil ? .reject : fresh.outcome
    }

    func told(examples: Int, steps: Int, moved: Double, margin: Double) -> RefreshVerdict {
        let slice = isHarmful ? anchors?.slice : nil
        let evidence = anchors?.evidence.first { $0.slice == slice ?? RefreshGate.everything }
        let all = fresh.evidence.first
        return RefreshVerdict(
            outcome: outcome, judgedExamples: examples, harm: all?.harm,
            slice: shift?.slice ?? slice ?? fresh.slice, shift: shift, anchorHarm: evidence?.harm,
            byAnchors: isHarmful,
            trainingSteps: steps, movedNorm: moved, lower: all?.lower, upper: all?.upper,
            margin: margin)
    }
}
