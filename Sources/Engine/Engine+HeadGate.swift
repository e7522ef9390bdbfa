import ContinualLearning
import ResponseModel

/// The judgement of the heads by the hour. They stay in service whatever comes of it; a state that
/// passes may be gone back to, and after enough rejections is.
extension Engine {
    /// Whether an hour of event time, and enough examples, have passed since the last judgement.
    public var isHeadGateDue: Bool {
        let gate = configuration.headGate
        guard gate.intervalMs > 0, gate.anchors.every > 0, let judgedMs = headGate.judgedMs else {
            return false
        }
        return headGate.clockMs - judgedMs >= gate.intervalMs
            && counters.examples - headGate.judgedExamples >= gate.examplesMin
    }

    /// Notes an example's time, by which the gate's hours are told.
    mutating func tick(_ tsMs: Int64) {
        // Times of any size occur; what is ahead of all others is not the time.
        let ms = min(max(tsMs, 0), 1 << 52, join.newestMs ?? .max)
        headGate.clockMs = max(headGate.clockMs, ms)
        if headGate.judgedMs == nil { headGate.judgedMs = ms }
    }

    /// At a batch boundary: holds what the heads say of their anchors now against what was served.
    mutating func judgeHeads(
        embedding: any TextEmbedding, into output: inout StepOutput
    ) throws {
        guard isHeadGateDue, let lastMs = headGate.judgedMs else { return }
        var meter = LevelMeter(
            oldUntilMs: lastMs - configuration.headGate.anchors.ageMs,
            every: configuration.headGate.anchors.every)
        headGate.judgedMs = headGate.clockMs
        headGate.judgedExamples = counters.examples
        headGate.candidates += 1
        let vectors = try anchorVectors(embedding)
        let gate = try anchorGate(
            candidate: headGate.candidates, heads: heads,
            vector: { [silent = catalog.silent] in $0.text.flatMap { vectors[$0] } ?? silent }
        ) { label, example, category, logit in
            guard let category else { return }
            meter.add(
                .init(head: label.rawValue, name: category), logit: logit,
                served: example.servedLogit, label: example.label, weight: example.weight,
                tsMs: example.exposure.tsMs)
        }
        let verdict = gate.verdict()
        let shift = try labelShift(judgements: LevelHistory.countMax)
        labelWatch.step(meter, next: memory.inserted, tsMs: headGate.clockMs)
        let outcome = shift == nil ? verdict.outcome : .reject
        let counts = verdict.outcome == .reject || configuration.headGate.onShift == .rollBack
        var rollsBack = false
        switch outcome {
        case .promote:
            counters.headPassed += 1
            headGate.promoted()
        case .reject:
            counters.headRejected += 1
            if counts { headGate.rejections += 1 }
            rollsBack = headGate.goesBack(after: configuration.headGate.rollbackAfter)
        case .wait: break
        }
        let named = verdict.slice.flatMap { name in
            verdict.evidence.first { $0.slice == name }
        }
        let told = HeadVerdict(
            outcome: outcome, anchors: gate.examples, harm: verdict.evidence.first?.harm,
            slice: shift?.slice ?? verdict.slice, sliceHarm: named?.harm,
            sliceLower: named?.lower, shift: shift, rejections: headGate.rejections,
            rollsBack: rollsBack)
        output.notices.append(.headsJudged(told))
        guard rollsBack else { return }
        counters.selfRollbacks += 1
        headGate.owe(told.reason)
    }

    /// Why the weights are to go back to the champion, which is for the owner of the store to do.
    public var owedRollback: String? { headGate.owed }

    /// Whether the newest labels that are final are others than was predicted of them, the level of
    /// each category taken as it was before the window. If they are, no refresh will be trained on them.
    ///
    /// - Parameter judgements: that share the chance of a false alarm.
    mutating func labelShift(judgements: Int) throws -> LabelShift.Finding? {
        let levels = labelWatch.levels
        let windows = labelWatch.windows(
            nowMs: headGate.clockMs, spanMs: configuration.headGate.shift.spanMs)
        guard configuration.headGate.intervalMs > 0, let oldest = windows.map(\.start).min() else {
            return nil
        }
        let since = levels.steps[oldest]
        // What may yet be bought is no sign of fewer purchases.
        let finalMs = headGate.clockMs - configuration.headGate.anchors.ageMs
        var newest: [(example: MemoryExample, category: String?)] = []
        var counts: [LevelHistory.Category: Int] = [:]
        var categories = CategoryIndex()
        func take(_ example: MemoryExample) throws {
            guard example.exposure.tsMs > since.tsMs, example.exposure.tsMs <= finalMs else {
                return
            }
            let category = try categories.category(of: example.itemId, catalog)
            newest.append((example, category))
            guard let category else { return }
            counts[.init(head: example.head, name: category), default: 0] += 1
        }
        try memory.forEachNewest { example in
            try take(example)
            return example.sequence > since.next
        }
        try anchors.memory.forEach { try take($0.example) }
        var shift = LabelShift(
            heads: heads.keys.map(\.rawValue).sorted(),
            slices: Self.largest(configuration.headGate.slices, counts), judgements: judgements,
            configuration: configuration.headGate.shift)
        for window in windows {
            let step = levels.steps[window.start]
            let movement = levels.movement(since: window.start)
            for (example, category) in newest where example.exposure.tsMs > step.tsMs {
                let moved = category.map {
                    movement.logits(
                        .init(head: example.head, name: $0), atMs: example.exposure.tsMs)
                }
                shift.observe(
                    served: example.servedLogit, moved: moved ?? 0, label: example.label,
                    weight: example.weight, head: example.head, category: category)
            }
            shift.endWindow(known: window.known) { step.positives[$0] ?? 0 }
        }
        if let (slice, window) = shift.place {
            labelWatch.found(slice, since: windows[window].start, next: memory.inserted)
        } else {
            labelWatch.foundNothing()
        }
        return shift.finding
    }

    /// What some heads say of the anchors, held against what was served for them.
    ///
    /// - Parameter body: is handed each anchor, its category and the heads' logit; no finite number where
    ///   they have none.
    func anchorGate(
        candidate: Int, heads: [Label: ResponseHead], vector: (Item) -> [Float],
        _ body: (Label, MemoryExample, String?, Double) -> Void = { _, _, _, _ in }
    ) throws -> RefreshGate {
        let nowMs = headGate.clockMs
        let judged = configuration.headGate
        let slices = try anchorSlices(nowMs)
        var gate = RefreshGate(slices: slices, candidate: candidate, configuration: judged.gate)
        var known: [String: ItemFeatures] = [:]
        for label in Label.allCases {
            guard let head = heads[label] else { continue }
            var reader = LogitReader(head)
            var panel = AnchorPanel(slices: slices)
            try anchors.forEach(of: label.rawValue, atMs: nowMs) { example in
                let item = try known[example.itemId] ?? features(example.itemId, vector)
                known[example.itemId] = item
                let logit = (try? reader.logit(example.exposure, item: item)) ?? .nan
                body(label, example, item.category, logit)
                panel.add(
                    served: example.servedLogit, logit: logit,
                    label: example.label, weight: example.weight, user: example.exposure.user,
                    slice: item.category)
            }
            panel.judge(&gate, othersMin: judged.gate.examplesMin)
        }
        return gate
    }

    /// What heads see of an item under other vectors than the catalogue's.
    func features(_ itemID: String, _ vector: (Item) -> [Float]) throws -> ItemFeatures {
        let item = try catalog.peek(itemID) ?? Item(id: itemID)
        return ItemFeatures(
            id: itemID, category: item.category, brand: item.brand, vector: vector(item))
    }

    /// The vectors of the anchors that count, those that were forgotten encoded anew.
    private mutating func anchorVectors(
        _ embedding: any TextEmbedding
    ) throws -> [String: [Float]] {
        var texts: Set<String> = []
        var known: Set<String> = []
        for label in Label.allCases {
            try anchors.forEach(of: label.rawValue, atMs: headGate.clockMs) { example in
                guard known.insert(example.itemId).inserted else { return }
                if let text = try catalog.peek(example.itemId)?.text { texts.insert(text) }
            }
        }
        let missing = texts.filter { catalog.vectors.use($0) == nil }
        try encode(missing.sorted(), embedding)
        var vectors: [String: [Float]] = [:]
        for text in texts { vectors[text] = catalog.vectors.peek(text) }
        return vectors
    }

    /// The categories with the most anchors, of those that have enough to be judged.
    private func anchorSlices(_ nowMs: Int64) throws -> [String] {
        var counts: [String: Int] = [:]
        var categories = CategoryIndex()
        for label in Label.allCases {
            try anchors.forEach(of: label.rawValue, atMs: nowMs) { example in
                if let category = try categories.category(of: example.itemId, catalog) {
                    counts[category, default: 0] += 1
                }
            }
        }
        let enough = counts.filter { $0.value >= configuration.headGate.gate.examplesMin }
        return Self.largest(configuration.headGate.slices, enough)
    }

    /// The names with the greatest counts, the greatest first.
    static func largest<Name: Comparable>(_ countMax: Int, _ counts: [Name: Int]) -> [Name] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(countMax).map(\.key)
    }
}

/// The categories of items, each looked up once.
struct CategoryIndex {
    private var known: [String: String?] = [:]

    mutating func category(of itemID: String, _ catalog: ItemCatalog) throws -> String? {
        if let known = known[itemID] { return known }
        let category = try catalog.peek(itemID)?.category
        known[itemID] = .some(category)
        return category
    }
}
