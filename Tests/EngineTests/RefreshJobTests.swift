import ContinualLearning
import Encoder
import Engine
import Records
import ResponseModel
import Testing

/// The training of a refresh, on the real base.
@Suite(.serialized) struct RefreshJobTests {
    private static let qualities = ["wooden", "red", "quiet", "large", "old", "light"]
    private static let kinds = ["kettle", "lamp", "chair", "clock", "tent", "mug", "scarf", "bag"]

    /// Texts whose first word decides.
    private func evidence(_ count: Int = 48) -> [TextEvidence] {
        (0..<count).map { number in
            let quality = number % 6
            return TextEvidence(
                text: "\(Self.qualities[quality]) \(Self.kinds[(number / 6) % 8])", trials: 60,
                positives: Double(6 + 6 * quality), bornHours: Double(number))
        }
    }

    private func job(
        _ evidence: [TextEvidence], reference: [TextEvidence] = [], importance: [Float] = [],
        kind: AdapterConfiguration.Kind = .lora, guards: Set<Guard> = [.clip],
        _ change: (inout RefreshConfiguration) -> Void = { _ in }
    ) throws -> RefreshJob {
        let base = try EngineFixture.base.get()
        let adapters = try Adapters(
            configuration: AdapterConfiguration(
                kind: kind, rank: 4, targets: kind == .lora ? [.query, .value] : kind.targets,
                layers: AdapterConfiguration.topLayers(1, of: base)), base: base, seed: 3)
        var configuration = RefreshConfiguration(epochs: 2, batchTexts: 8)
        configuration.folds = 1
        configuration.guards = guards
        change(&configuration)
        return RefreshJob(
            evidence: evidence, reference: reference,
            start: RefreshStart(
                adapters: adapters, optimizer: AdamW(.init(learningRate: 2e-3), for: adapters),
                importance: importance),
            seed: 11, configuration: configuration)
    }

    private func run(_ job: RefreshJob, threads: Int = 1) throws -> RefreshResult {
        try job.run(
            base: EngineFixture.base.get(), maxTokens: 16, threads: threads,
            prefixCacheBytes: 16 << 20, isCancelled: { false })
    }

    @Test(
        "a training has the same bits on any number of threads, and after a stop",
        arguments: AdapterConfiguration.Kind.allCases)
    func bits(kind: AdapterConfiguration.Kind) throws {
        let job = try job(
            evidence(), reference: evidence(12), importance: importance(kind),
            kind: kind, guards: Set(Guard.allCases)
        ) { $0.folds = 3 }
        let once = try run(job)
        let twice = try run(job, threads: 2)
        #expect(once.adapters == twice.adapters)
        #expect(once.vectors == twice.vectors)
        #expect(once.validationLosses == twice.validationLosses)
        let base = try EngineFixture.base.get()
        let stored = try RefreshJob(
            record: job.record, base: base, optimizer: .init(learningRate: 2e-3),
            configuration: job.configuration)
        #expect(stored.record == job.record)
        #expect(try run(stored).adapters == once.adapters)
    }

    @Test("a text's vector knows nothing of the text's own labels")
    func outOfFold() throws {
        let before = evidence()
        var after = before
        // All of the second fold's texts, by blocks of four.
        for place in before.indices where (place / 4) % 3 == 1 {
            after[place] = TextEvidence(
                text: before[place].text, trials: 60, positives: 60 - before[place].positives,
                bornHours: before[place].bornHours)
        }
        let plain = try run(try job(before) { $0.folds = 3 })
        let changed = try run(try job(after) { $0.folds = 3 })
        #expect(plain.adapters != changed.adapters)
        for (place, entry) in before.enumerated() {
            let isSame = plain.vectors[entry.text] == changed.vectors[entry.text]
            #expect(isSame == ((place / 4) % 3 == 1), "\(entry.text)")
        }
    }

    @Test(
        "training brings down the loss on texts it has not seen, where words decide",
        arguments: AdapterConfiguration.Kind.allCases)
    func learns(kind: AdapterConfiguration.Kind) throws {
        let result = try run(
            try job(evidence(), kind: kind, guards: [.clip, .earlyStopping]) {
                $0.folds = 3
                $0.epochs = 4
            })
        let losses = result.validationLosses
        #expect(losses.count == 5)
        let best = try #require(losses.min())
        #expect(best < 0.98 * losses[0], "\(losses)")
    }

    @Test("where no pass is better on texts kept apart, nothing changes")
    func nothingToLearn() throws {
        // Labels by chance alone, trained on far too boldly.
        var random = SeededRandom(seed: 5)
        let chance = evidence().map {
            TextEvidence(
                text: $0.text, trials: 40, positives: random.unit() < 0.5 ? 2 : 20,
                bornHours: $0.bornHours)
        }
        let job = try job(chance, guards: [.earlyStopping]) { $0.folds = 3 }
        let result = try run(job)
        let losses = result.validationLosses
        let isBest = losses.allSatisfy { losses[0] <= $0 }
        #expect((result.adapters == job.start.adapters) == isBest)
        #expect(result.vectors.isEmpty == isBest)
    }

    @Test("a training that leaves the numbers brings nothing, and says so")
    func diverges() throws {
        let base = try EngineFixture.base.get()
        let start = try job(evidence()).start.adapters
        var configuration = RefreshConfiguration(epochs: 3, batchTexts: 8)
        configuration.folds = 1
        configuration.guards = []
        let job = RefreshJob(
            evidence: evidence(),
            start: RefreshStart(
                adapters: start,
                optimizer: AdamW(.init(learningRate: 1e30, gradientClip: nil), for: start)),
            seed: 1, configuration: configuration)
        let result = try job.run(
            base: base, maxTokens: 16, threads: 1, prefixCacheBytes: 16 << 20,
            isCancelled: { false })
        #expect(result.skippedSteps > 0)
        #expect(result.adapters == start || result.adapters.values.allSatisfy(\.isFinite))
    }

    @Test("what may be a false label is not trained on")
    func suspects() throws {
        var memory = ReplayMemory(configuration: .init(capacity: 100, recent: 100))
        for number in 0..<30 {
            let example = MemoryExample(
                exampleId: "e\(number)", head: "purchase", itemId: "i\(number % 3)",
                exposure: Exposure(tsMs: Int64(number), user: "u", price: 1, discount: 0),
                label: number % 2 == 0, servedLogit: 0, encoderVersion: 0)
            memory.insert(example, category: number % 3 == 0 ? "a" : "b")
        }
        let adapters = try job(evidence()).start.adapters
        func texts(_ suspects: [SuspectLabels]) -> Int {
            RefreshJob(
                ReplaySelection(memory) { example in
                    let category = example.itemId == "i0" ? "a" : "b"
                    return suspects.contains { $0.contains(example, category: category) }
                },
                heads: [ResponseHead(name: "purchase", dimension: 0)],
                texts: ["i0": "kettle", "i1": "scarf", "i2": "lamp"],
                start: RefreshStart(
                    adapters: adapters, optimizer: AdamW(.init(), for: adapters)),
                seed: 1,
                configuration: RefreshConfiguration(epochs: 1, batchTexts: 8)
            ).textCount
        }
        func slice(_ name: String, _ head: String = "purchase") -> LevelHistory.Category {
            .init(head: head, name: name)
        }
        #expect(texts([]) == 3)
        #expect(texts([.init(slice: slice("a"), examples: 0..<30)]) == 2)
        #expect(texts([.init(slice: slice("b"), examples: 0..<30)]) == 1)
        #expect(texts([.init(slice: slice("a"), examples: 3..<30)]) == 3)
        #expect(texts([.init(slice: slice("a", "click"), examples: 0..<30)]) == 3)
        #expect(texts([.init(slice: slice(RefreshGate.everything), examples: 0..<30)]) == 0)
    }

    private func importance(_ kind: AdapterConfiguration.Kind = .lora) throws -> [Float] {
        let count = try job(evidence(), kind: kind).start.adapters.values.count
        return [Float](repeating: 1, count: count)
    }

    @Test("a guard that has nothing to hold on to, or no strength, changes no bit")
    func withoutStrength() throws {
        let plain = try run(try job(evidence()))
        let cases: [(String, RefreshJob)] = [
            ("ewc, nothing known", try job(evidence(), guards: [.clip, .ewc])),
            (
                "ewc, no strength",
                try job(evidence(), importance: importance(), guards: [.clip, .ewc]) {
                    $0.ewcStrength = 0
                }
            ),
            (
                "ewc off, importance known",
                try job(evidence(), importance: importance())
            ),
            (
                "lwf, no strength",
                try job(evidence(), guards: [.clip, .lwf]) { $0.distillationStrength = 0 }
            ),
            ("agem, nothing older", try job(evidence(), guards: [.clip, .agem])),
            ("agem off", try job(evidence(), reference: evidence(12))),
            (
                "averaging, the newest alone",
                try job(evidence(), guards: [.clip, .averaging]) { $0.averagingRate = 1 }
            ),
        ]
        for (name, job) in cases {
            let result = try run(job)
            // A mean of one is v + (w - v), which may differ in the last bit.
            let worst = zip(result.adapters.values, plain.adapters.values).map { abs($0 - $1) }
                .max()
            #expect(
                name.hasPrefix("averaging") ? worst ?? 1 < 1e-7 : result.adapters == plain.adapters,
                "\(name)")
        }
    }

    @Test("each guard keeps adapters nearer to where they were, or off what older texts forbid")
    func strength() throws {
        let start = try job(evidence()).start.adapters
        let plain = try run(try job(evidence()))
        let free = start.distance(to: plain.adapters)
        let held = try run(
            try job(evidence(), importance: importance(), guards: [.clip, .ewc]) {
                $0.ewcStrength = 100
            })
        #expect(start.distance(to: held.adapters) < 0.7 * free)
        #expect(held.importance.count == start.values.count)
        #expect(held.importance.contains { $0 != 0.9 })
        let averaged = try run(
            try job(evidence(), guards: [.clip, .averaging]) { $0.averagingRate = 0.05 })
        #expect(start.distance(to: averaged.adapters) < 0.7 * free)
        let taught = try run(
            try job(evidence(), guards: [.clip, .lwf]) { $0.distillationStrength = 50 })
        #expect(taught.adapters != plain.adapters)
        // The older texts say the contrary.
        let contrary = evidence().map {
            TextEvidence(
                text: $0.text, trials: $0.trials, positives: $0.trials - $0.positives,
                bornHours: $0.bornHours)
        }
        let projected = try run(
            try job(evidence(), reference: contrary, guards: [.clip, .agem]))
        #expect(projected.adapters != plain.adapters)
        #expect(plain.importance.isEmpty)
    }
}
