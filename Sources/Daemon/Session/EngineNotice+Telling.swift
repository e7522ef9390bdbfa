import ContinualLearning
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
        case .refreshJudged(let verdict): .refreshJudged(verdict.told)
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

extension RefreshVerdict {
    fileprivate var told: RefreshJudgement {
        let verdict: RefreshJudgement.Outcome =
            switch outcome {
            case .promote: .promoted
            case .wait: .waits
            case .reject:
                if let shift {
                    .shifted(
                        category: slice, expected: shift.expected, observed: shift.observed)
                } else if byAnchors {
                    .harmsAnchors(anchorHarm, category: named)
                } else {
                    .rejected(category: named)
                }
            }
        return RefreshJudgement(
            outcome: verdict, harm: harm, atLeast: lower, atMost: upper, margin: margin,
            examples: judgedExamples, steps: trainingSteps, moved: movedNorm)
    }

    /// The category; `nil` where it is all of them together.
    private var named: String? { slice == RefreshGate.everything ? nil : slice }
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
