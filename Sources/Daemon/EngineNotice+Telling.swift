import Engine
import Foundation
import Records
import Telemetry

extension EngineNotice {
    /// As the log tells it.
    var event: TidemarkEvent {
        switch self {
        case .refreshStarted(let texts, let examples):
            .refreshStarted(texts: texts, examples: examples)
        case .refreshBroughtNothing(let steps): .refreshBroughtNothing(steps: steps)
        case .driftFound(let head, let example): .driftFound(head: head, example: example)
        case .contextKeysLeftOut(let key, let most): .contextKeysLeftOut(key: key, keysMax: most)
        case .refreshJudged(let verdict):
            .refreshJudged(
                outcome: verdict.outcome.told, harm: verdict.harm,
                examples: verdict.judgedExamples, steps: verdict.trainingSteps,
                moved: verdict.movedNorm)
        case .headsJudged(let verdict):
            .headsJudged(
                outcome: verdict.outcome.told, harm: verdict.harm, anchors: verdict.anchors,
                slice: verdict.outcome == .reject ? verdict.slice : nil,
                rates: verdict.shift.map { ($0.expected, $0.observed) })
        }
    }

    /// As the journal keeps it.
    func journaled() throws -> String {
        switch self {
        case .refreshStarted: return "started"
        case .refreshBroughtNothing: return "brought nothing"
        case .driftFound(let head, let example): return "drift of \(head) at example \(example)"
        case .contextKeysLeftOut(let key, _): return "context key \(key) left out"
        case .refreshJudged(let verdict): return try Self.text(verdict)
        case .headsJudged(let verdict): return "heads " + (try Self.text(verdict))
        }
    }

    private static func text(_ verdict: some Encodable) throws -> String {
        try JSONText.text(verdict, [.sortedKeys])
    }
}

extension RefreshVerdict.Outcome {
    fileprivate var told: String {
        switch self {
        case .promote: "promoted"
        case .reject: "rejected"
        case .wait: "wait for more evidence"
        }
    }
}
