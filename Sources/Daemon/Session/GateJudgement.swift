import ContinualLearning
import Engine

/// What a gate came to, as a report tells it.
public struct GateJudgement: Codable, Sendable, Equatable {
    public enum Subject: String, Codable, Sendable {
        case refresh, heads
    }

    public var subject: Subject
    /// Examples learned when it was judged.
    public var example: Int
    /// Fresh examples that a refresh was judged by, or anchors that heads were.
    public var judged: Int
    public var outcome: RefreshGate.Outcome
    /// Share of the log-loss: of fresh examples for a refresh, of the anchors for heads.
    public var harm: Double?
    /// The category that was found harmed, or that promotion waits for.
    public var slice: String?
    /// Whether it was judged by examples that nobody learned.
    public var byAnchors: Bool
    /// Where the newest labels are others than was predicted of them: why it was rejected.
    public var shift: LabelShift.Finding?

    enum CodingKeys: String, CodingKey {
        case subject, example, judged, outcome, harm, slice, shift
        case byAnchors = "by_anchors"
    }

    /// `nil` for a notice that is no judgement.
    init?(_ notice: EngineNotice, example: Int) {
        self.example = example
        switch notice {
        case .refreshJudged(let verdict):
            subject = .refresh
            judged = verdict.judgedExamples
            outcome = verdict.outcome
            harm = verdict.byAnchors ? verdict.anchorHarm : verdict.harm
            slice = verdict.slice
            byAnchors = verdict.byAnchors
            shift = verdict.shift
        case .headsJudged(let verdict):
            subject = .heads
            judged = verdict.anchors
            outcome = verdict.outcome
            harm = verdict.sliceHarm ?? verdict.harm
            slice = verdict.slice
            byAnchors = true
            shift = verdict.shift
        case .refreshStarted, .driftFound, .contextKeysLeftOut, .refreshBroughtNothing: return nil
        }
    }
}
