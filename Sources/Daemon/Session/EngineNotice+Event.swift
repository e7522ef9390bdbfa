import ContinualLearning
import Engine
import Telemetry

extension EngineNotice {
    /// As the log and the metrics have it.
    ///
    /// - Parameter example: examples learned when the notice came.
    func event(example: Int) -> TidemarkEvent {
        switch self {
        case .refreshStarted(let texts, let examples):
            .refreshStarted(texts: texts, examples: examples)
        case .refreshBroughtNothing(let steps): .refreshBroughtNothing(steps: steps)
        case .driftFound(let head, let example): .driftFound(head: head, example: example)
        case .effectFound(.answersChanged, let model, let example):
            .answersChanged(model: model, example: example)
        case .effectFound(let finding, let model, let example):
            .boughtOtherwise(
                finding == .discountedBoughtMore || finding == .discountedBoughtLess
                    ? "with a discount" : "without a discount",
                more: finding == .discountedBoughtMore || finding == .undiscountedBoughtMore,
                model: model, example: example)
        case .contextKeysLeftOut(let key, let most): .contextKeysLeftOut(key: key, keysMax: most)
        case .refreshJudged(let verdict): .judged(GateResult(verdict, example: example))
        case .headsJudged(let verdict): .judged(GateResult(verdict, example: example))
        }
    }

    /// What a gate came to; `nil` for a notice that is no judgement.
    func gateResult(example: Int) -> GateResult? {
        guard case .judged(let result) = event(example: example) else { return nil }
        return result
    }
}

extension GateResult {
    init(_ verdict: RefreshVerdict, example: Int) {
        self.init(
            .refresh, example: example, judged: verdict.judgedExamples, outcome: verdict.outcome,
            harm: verdict.byAnchors ? verdict.anchorHarm : verdict.harm)
        slice = verdict.slice
        byAnchors = verdict.byAnchors
        shift = verdict.shift
        bounds = Bounds(lower: verdict.lower, upper: verdict.upper, margin: verdict.margin)
        training = Training(steps: verdict.trainingSteps, moved: verdict.movedNorm)
    }

    init(_ verdict: HeadVerdict, example: Int) {
        self.init(
            .heads, example: example, judged: verdict.anchors, outcome: verdict.outcome,
            harm: verdict.sliceHarm ?? verdict.harm)
        harmOfAll = verdict.harm
        slice = verdict.slice
        byAnchors = true
        shift = verdict.shift
    }
}
