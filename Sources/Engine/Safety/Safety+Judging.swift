import ContinualLearning
import ResponseModel

extension Safety {
    /// Notes an example's time, by which the gate's hours are told.
    ///
    /// - Parameter newestMs: the newest time that events have agreed on: what is ahead of all others is not
    ///   the time.
    mutating func tick(_ tsMs: Int64, newestMs: Int64?) {
        // Times of any size occur.
        let ms = min(max(tsMs, 0), 1 << 52, newestMs ?? .max)
        gate.clockMs = max(gate.clockMs, ms)
        if gate.judgedMs == nil { gate.judgedMs = ms }
    }

    /// Whether an hour of event time, and enough examples, have passed since the last judgement.
    func isGateDue(_ examples: Int) -> Bool {
        guard configuration.intervalMs > 0, configuration.anchors.every > 0,
            let judgedMs = gate.judgedMs
        else { return false }
        return gate.clockMs - judgedMs >= configuration.intervalMs
            && examples - gate.judgedExamples >= configuration.examplesMin
    }

    /// Takes what was found of the heads, and says what follows.
    ///
    /// - Parameter anchors: that were looked at.
    mutating func judge(
        _ verdict: RefreshGate.Verdict, shift: LabelShift.Finding?, anchors: Int
    ) -> HeadVerdict {
        let outcome = shift == nil ? verdict.outcome : .reject
        let counts = verdict.outcome == .reject || configuration.onShift == .rollBack
        var rollsBack = false
        switch outcome {
        case .promote: gate.promoted()
        case .reject:
            if counts { gate.rejections += 1 }
            rollsBack = gate.goesBack(after: configuration.rollbackAfter)
        case .wait: break
        }
        let named = verdict.slice.flatMap { name in
            verdict.evidence.first { $0.slice == name }
        }
        return HeadVerdict(
            outcome: outcome, anchors: anchors, harm: verdict.evidence.first?.harm,
            slice: shift?.slice ?? verdict.slice, sliceHarm: named?.harm,
            sliceLower: named?.lower, shift: shift, rejections: gate.rejections,
            rollsBack: rollsBack)
    }

    /// Whether the newest labels that are final are others than was predicted of them, the level of
    /// each category taken as it was before the window. If they are, no refresh will be trained on them.
    ///
    /// - Parameter judgements: that share the chance of a false alarm.
    mutating func labelShift(
        _ memory: ExampleMemory, _ catalog: ItemCatalog, heads: [String], judgements: Int
    ) throws -> LabelShift.Finding? {
        let levels = labels.levels
        let windows = labels.windows(
            nowMs: gate.clockMs, spanMs: configuration.shift.spanMs)
        guard configuration.intervalMs > 0, let oldest = windows.map(\.start).min() else {
            return nil
        }
        let since = levels.steps[oldest]
        // What may yet be bought is no sign of fewer purchases.
        let finalMs = gate.clockMs - configuration.anchors.ageMs
        var newest: [(example: MemoryExample, category: String?)] = []
        var counts: [LevelHistory.Category: Int] = [:]
        var categories = CategoryIndex()
        func take(_ example: MemoryExample) throws {
            // A wrong guess at an item of which nothing was known is no label that shifted: a new kind of items
            // is first told wrong by many points, by any model.
            guard !example.isFirst, example.exposure.tsMs > since.tsMs,
                example.exposure.tsMs <= finalMs
            else { return }
            let category = try categories.category(of: example.itemId, catalog)
            newest.append((example, category))
            guard let category else { return }
            counts[.init(head: example.head, name: category), default: 0] += 1
        }
        try memory.replay.forEachNewest { example in
            try take(example)
            return example.sequence > since.next
        }
        try memory.anchors.memory.forEach { try take($0.example) }
        var shift = LabelShift(
            heads: heads,
            slices: largest(configuration.slices, counts), judgements: judgements,
            configuration: configuration.shift)
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
            labels.found(slice, since: windows[window].start, next: memory.replay.inserted)
        } else {
            labels.foundNothing()
        }
        return shift.finding
    }

    /// What some heads say of the anchors, held against what was served for them.
    ///
    /// - Parameter body: is handed each anchor, its category and the heads' logit; no finite number where
    ///   they have none.
    func anchorGate(
        _ memory: ExampleMemory, _ catalog: ItemCatalog, candidate: Int, heads: Heads,
        vector: (Item) -> [Float],
        _ body: (Label, MemoryExample, String?, Double) -> Void = { _, _, _, _ in }
    ) throws -> RefreshGate {
        let nowMs = self.gate.clockMs
        let slices = try memory.anchorCategories(configuration, catalog, atMs: nowMs)
        var gate = RefreshGate(
            slices: slices, candidate: candidate, configuration: configuration.gate)
        var known: [String: ItemFeatures] = [:]
        for label in Label.allCases {
            guard let head = heads[label] else { continue }
            var reader = LogitReader(head)
            var panel = AnchorPanel(slices: slices)
            try memory.anchors.forEach(of: label.rawValue, atMs: nowMs) { example in
                let item =
                    try known[example.itemId]
                    ?? catalog.features(
                        of: example.itemId, under: vector)
                known[example.itemId] = item
                let logit = (try? reader.logit(example.exposure, item: item)) ?? .nan
                body(label, example, item.category, logit)
                panel.add(
                    served: example.servedLogit, logit: logit,
                    label: example.label, weight: example.weight, user: example.exposure.user,
                    slice: item.category)
            }
            panel.judge(&gate, othersMin: configuration.gate.examplesMin)
        }
        return gate
    }
}
