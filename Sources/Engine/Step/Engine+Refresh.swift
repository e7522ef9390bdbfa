import ContinualLearning
import Encoder
import Records
import ResponseModel

/// A refresh of the adapters: begun at one batch boundary from what the memory holds, judged at a later one.
extension Engine {
    /// At a batch boundary: begins a refresh, or judges the one under way, when it is time.
    mutating func advanceRefresh(
        _ training: any RefreshTraining, into output: inout StepOutput
    ) throws {
        guard isRefreshDue else { return }
        if refresh.candidate == nil {
            try beginRefresh(training, into: &output)
        } else {
            try judgeRefresh(training, into: &output)
        }
    }

    /// Whether the next step begins with a refresh's beginning or end, which may take its time.
    public var isRefreshDue: Bool { refresh.isDue(counters.examples, texts: models.heads.texts) }

    /// Whether the refresh under way has its examples and is to be judged.
    public var isJudgingDue: Bool { refresh.candidate != nil && isRefreshDue }

    /// Starts the training that was under way when the state was committed.
    public func resumeRefresh(training: any RefreshTraining) {
        if let candidate = refresh.candidate { start(candidate.job, training) }
    }

    /// Starts a job, with the heads to be learned again from what the memory holds.
    private func start(_ job: RefreshJob, _ training: any RefreshTraining) {
        var job = job
        let catalog = stream.catalog
        job.rebuild = Rebuild(
            memory.replay, from: replayedFrom, heads: models.heads.labels.map(models.freshHead),
            silent: catalog.silent
        ) { [items = catalog.held ?? [:]] id in items[id] ?? RebuildItem(nil) }
        training.start(job)
    }

    private mutating func beginRefresh(
        _ training: any RefreshTraining, into output: inout StepOutput
    ) throws {
        let items = try memory.items(stream.catalog)
        let job = RefreshJob(
            ReplaySelection(
                memory.replay, from: replayedFrom, recent: memory.replay.oldestRecent
            ) { [suspects = safety.labels.suspects] example in
                suspects.contains {
                    $0.contains(example, category: items[example.itemId]?.category)
                }
            },
            heads: models.heads.all, texts: items.compactMapValues(\.text),
            start: RefreshStart(
                adapters: refresh.adapters, optimizer: refresh.optimizer,
                importance: refresh.importance),
            seed: StableHash.of(
                "refresh", "\(refresh.encoderVersion)", "\(counters.examples)",
                seed: configuration.seed),
            configuration: configuration.training)
        guard !job.isEmpty else {
            refresh.postpone(counters.examples, texts: models.heads.texts)
            return
        }
        memory.replay.hold()
        stream.catalog.hold(items)
        start(job, training)
        refresh.begin(job, counters.examples, texts: models.heads.texts)
        output.notices.append(
            .refreshStarted(texts: job.textCount, examples: memory.replay.count))
    }

    /// The oldest remembered example that a refresh looks at.
    private var replayedFrom: UInt64 {
        configuration.refresh.guards.contains(.replay) ? 0 : memory.replay.oldestRecent
    }

    /// Has the rebuilt posteriors learn the examples that came in since, and holds what they would
    /// have said of them against what was served; swaps all of it at once, or nothing.
    private mutating func judgeRefresh(
        _ training: any RefreshTraining, into output: inout StepOutput
    ) throws {
        let result = try training.finish()
        counters.clipped += result.clippedSteps
        counters.skipped += result.skippedSteps
        guard result.adapters != refresh.adapters else {
            output.notices.append(.refreshBroughtNothing(steps: result.steps))
            endRefresh()
            return
        }
        try stream.catalog.use(result.adapters)
        let vectors = try judgedVectors(result)
        let (verdict, rebuilt) = try judge(result) {
            [silent = stream.catalog.silent] item in item.text.flatMap { vectors[$0] } ?? silent
        }
        output.notices.append(.refreshJudged(verdict))
        switch verdict.outcome {
        case .promote:
            counters.gatePassed += 1
            refresh.promote(result)
            stream.catalog.vectors.replace(vectors)
            models.replaceHeads(with: rebuilt)
            safety.gate.refreshes = 0
            safety.gate.promoted()
            endRefresh()
        case .reject:
            counters.gateRejected += 1
            safety.gate.refreshes += 1
            try stream.catalog.use(refresh.adapters)
            endRefresh()
        case .wait:
            try stream.catalog.use(refresh.adapters)
            refresh.wait(for: verdict.judgedExamples, counters.examples)
        }
    }

    /// The vectors under new adapters that the judging asks for; all others are encoded when they are asked
    /// for.
    private func judgedVectors(_ result: RefreshResult) throws -> [String: [Float]] {
        var vectors = result.vectors
        let texts = try memory.judgedTexts(stream.catalog).filter { vectors[$0] == nil }.sorted()
        for (text, vector) in zip(texts, try stream.catalog.encoded(texts)) {
            vectors[text] = vector
        }
        return vectors
    }

    /// - Returns: what is found of the rebuilt heads, and these.
    private mutating func judge(
        _ result: RefreshResult, _ vector: (Item) -> [Float]
    ) throws -> (RefreshVerdict, Heads) {
        let catalog = stream.catalog
        let candidate = safety.gate.refreshes + 1
        var gate = RefreshGate(
            slices: try memory.largestCategories(configuration.refresh.gateSlices, catalog),
            candidate: candidate, configuration: configuration.refresh.gate)
        let lateShare = lateShare
        let conversionWeight = { (chance: Double) in
            ElapsedTimeWeights(purchaseProbability: chance, lateShare: lateShare).positive
        }
        var rebuilt = Heads()
        for label in models.heads.labels {
            var head = result.heads[label.rawValue] ?? models.freshHead(label)
            let predictions = try memory.replay.learnFresh(
                &head,
                features: { try catalog.features(of: $0, under: vector) },
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
        if !guards.contains(.rebuild) { rebuilt = models.heads }
        let isGuarded = guards.contains(.gate)
        let verdict = RefreshVerdict(
            fresh: isGuarded
                ? gate.verdict(isLast: refresh.isOutgrown(texts: models.heads.texts))
                : gate.unguardedVerdict(),
            judgedExamples: gate.examples,
            // Neither the candidate's posteriors nor those in service have learned the anchors.
            anchors: isGuarded
                ? try safety.anchorGate(
                    memory, catalog, candidate: candidate, heads: rebuilt, vector: vector
                ).verdict() : nil,
            shift: isGuarded ? try labelShift(judgements: 1) : nil,
            margin: configuration.refresh.gate.margin, trainingSteps: result.steps,
            movedNorm: refresh.adapters.distance(to: result.adapters))
        return (verdict, rebuilt)
    }

    mutating func endRefresh() { leaveRefresh(nextIn: configuration.refresh.events) }

    /// Gives up the refresh under way, if one is.
    ///
    /// - Parameter examples: after so many the next one begins.
    mutating func leaveRefresh(nextIn examples: Int) {
        guard refresh.candidate != nil else { return }
        refresh.leave(nextAt: counters.examples + examples)
        memory.replay.release()
        stream.catalog.release()
    }
}
