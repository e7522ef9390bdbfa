import ContinualLearning

/// How a refreshed model did on examples it had not seen, beside what was served for them.
public struct RefreshVerdict: Sendable, Codable {
    /// Promote, reject, or wait for more examples.
    public typealias Outcome = RefreshGate.Outcome

    /// What follows from all verdicts together.
    public let outcome: Outcome
    /// Fresh examples that it was judged on.
    public let judgedExamples: Int
    /// Share of the served log-loss; negative is better than what was served.
    public let harm: Double?
    /// The category that was found harmed, or that promotion waits for.
    public let slice: String?
    /// Where the newest labels are others than was predicted of them: why it was rejected.
    public let shift: LabelShift.Finding?
    /// Harm on the anchors, over all or in the category that was found harmed by them.
    public let anchorHarm: Double?
    /// Whether it was rejected for what it says of the anchors.
    public let byAnchors: Bool
    /// Steps of its training, over all folds.
    public let trainingSteps: Int
    /// Norm of the change of all adapter weights together.
    public let movedNorm: Double
    /// Lower bound of `harm` on the fresh examples. This and the next two are for the telling
    /// alone, and not encoded: what the journal keeps of a verdict is compared by replays.
    public var lower: Double? = nil
    /// Upper bound of `harm`; `nil` while there are too few examples.
    public var upper: Double? = nil
    /// Harm that the gate lets pass.
    public var margin = 0.0

    /// Takes the verdicts together: that of the fresh examples, and those of the anchors and of the newest
    /// labels, which can only reject.
    ///
    /// - Parameters:
    ///   - judgedExamples: fresh ones.
    ///   - margin: of harm that the gate lets pass.
    init(
        fresh: RefreshGate.Verdict, judgedExamples: Int, anchors: RefreshGate.Verdict?,
        shift: LabelShift.Finding?, margin: Double, trainingSteps: Int, movedNorm: Double
    ) {
        byAnchors = anchors?.outcome == .reject
        outcome = byAnchors || shift != nil ? .reject : fresh.outcome
        let harmed = byAnchors ? anchors?.slice : nil
        let all = fresh.evidence.first
        self.judgedExamples = judgedExamples
        harm = all?.harm
        slice = shift?.slice ?? harmed ?? fresh.slice
        self.shift = shift
        anchorHarm =
            anchors?.evidence.first { $0.slice == harmed ?? RefreshGate.everything }?.harm
        self.trainingSteps = trainingSteps
        self.movedNorm = movedNorm
        lower = all?.lower
        upper = all?.upper
        self.margin = margin
    }

    enum CodingKeys: String, CodingKey {
        case outcome, judgedExamples, harm, slice, shift, anchorHarm, byAnchors, trainingSteps
        case movedNorm
    }
}
