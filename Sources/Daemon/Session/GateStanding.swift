import ContinualLearning
import Engine

/// What the gates of this run came to, and what is owed for it.
struct GateStanding {
    /// The newest.
    private(set) var judgements: [GateResult] = []
    /// Whether something was promoted whose snapshot is not taken yet.
    private(set) var isPromoted = false
    /// Why the weights must go back to the champion.
    private(set) var rollbackReason: String?

    private static let judgementsMax = 1_000

    /// - Parameter owedRollback: an earlier process may have ended before it went back.
    init(owedRollback: String?) { rollbackReason = owedRollback }

    var isPressing: Bool { isPromoted || rollbackReason != nil }

    mutating func note(_ notice: EngineNotice, _ engine: Engine) {
        guard let judgement = notice.gateResult(example: engine.counters.examples) else { return }
        judgements.append(judgement)
        if judgements.count > Self.judgementsMax { judgements.removeFirst() }
        if judgement.outcome == .promote { isPromoted = true }
        if case .headsJudged(let verdict) = notice, verdict.rollsBack {
            rollbackReason = engine.owedRollback
        }
    }

    /// The promotion has its snapshot.
    mutating func tookSnapshot() { isPromoted = false }

    mutating func wentBack() {
        isPromoted = false
        rollbackReason = nil
    }
}
