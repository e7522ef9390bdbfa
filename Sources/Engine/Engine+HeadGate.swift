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
        // Times of any size occur.
        let ms = min(max(tsMs, 0), 1 << 52)
        headGate.clockMs = max(headGate.clockMs, ms)
        if headGate.judgedMs == nil { headGate.judgedMs = ms }
    }

    /// At a batch boundary: holds what the heads say of their anchors now against what was served.
    mutating func judgeHeads(into output: inout StepOutput) throws {
        guard isHeadGateDue else { return }
        headGate.judgedMs = headGate.clockMs
        headGate.judgedExamples = counters.examples
        headGate.candidates += 1
        let gate = anchorGate(candidate: headGate.candidates, heads: heads) { [catalog] in
            catalog.vector(of: $0)
        }
        let verdict = gate.verdict()
        let shift = labelShift(candidate: headGate.candidates)
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

    /// Whether the newest labels that are final are others than was predicted of them.
    func labelShift(candidate: Int) -> LabelShift.Finding? {
        let configuration = configuration.headGate
        guard configuration.intervalMs > 0 else { return nil }
        let most = configuration.shift.windows.upperBound
        let finalMs = headGate.clockMs - configuration.anchors.ageMs
        var newest: [(logit: Double, label: Bool, weight: Double, slice: String?)] = []
        var counts: [String: Int] = [:]
        memory.forEachNewest { example in
            // What may yet be bought is no sign of fewer purchases.
            guard example.exposure.tsMs <= finalMs else { return true }
            let slice = catalog[example.itemId]?.category
            newest.append((example.servedLogit, example.label, example.weight, slice))
            if let slice { counts[slice, default: 0] += 1 }
            return newest.count < most
        }
        let slices = Self.largest(configuration.slices, counts)
        var shift = LabelShift(
            slices: slices, candidate: candidate, configuration: configuration.shift)
        for example in newest {
            shift.observe(
                logit: example.logit, label: example.label, weight: example.weight,
                slice: example.slice)
        }
        return shift.finding
    }

    /// What some heads say of the anchors, held against what was served for them.
    func anchorGate(
        candidate: Int, heads: [Label: ResponseHead], vector: (Item) -> [Float]
    ) -> RefreshGate {
        let nowMs = headGate.clockMs
        let judged = configuration.headGate
        let slices = anchorSlices(nowMs)
        var gate = RefreshGate(slices: slices, candidate: candidate, configuration: judged.gate)
        var known: [String: ItemFeatures] = [:]
        for label in Label.allCases {
            guard let head = heads[label] else { continue }
            var reader = LogitReader(head)
            var panel = AnchorPanel(slices: slices)
            anchors.forEach(of: label.rawValue, atMs: nowMs) { example in
                let item = known[example.itemId] ?? features(example.itemId, vector)
                known[example.itemId] = item
                panel.add(
                    served: example.servedLogit,
                    logit: (try? reader.logit(example.exposure, item: item)) ?? .nan,
                    label: example.label, weight: example.weight, user: example.exposure.user,
                    slice: item.category)
            }
            panel.judge(&gate, othersMin: judged.gate.examplesMin)
        }
        return gate
    }

    /// What heads see of an item under other vectors than the catalogue's.
    func features(_ itemID: String, _ vector: (Item) -> [Float]) -> ItemFeatures {
        let item = catalog[itemID] ?? Item(id: itemID)
        return ItemFeatures(
            id: itemID, category: item.category, brand: item.brand, vector: vector(item))
    }

    /// The categories with the most anchors, of those that have enough to be judged.
    private func anchorSlices(_ nowMs: Int64) -> [String] {
        var counts: [String: Int] = [:]
        for label in Label.allCases {
            anchors.forEach(of: label.rawValue, atMs: nowMs) { example in
                guard let category = catalog[example.itemId]?.category else { return }
                counts[category, default: 0] += 1
            }
        }
        let enough = counts.filter { $0.value >= configuration.headGate.gate.examplesMin }
        return Self.largest(configuration.headGate.slices, enough)
    }

    /// The names with the greatest counts, the greatest first.
    static func largest(_ countMax: Int, _ counts: [String: Int]) -> [String] {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(countMax).map(\.key)
    }
}
