/// What a gate came to, in the one form in which the log, the metrics, the report and the journal have it.
public struct GateResult: Codable, Sendable, Equatable {
    /// What was judged.
    public enum Subject: String, Codable, Sendable {
        /// Refreshed adapters with their heads, or the heads in service.
        case refresh, heads
    }

    /// Bounds of harm beyond chance, as shares of the served log-loss, and what of it is let pass.
    public struct Bounds: Codable, Sendable, Equatable {
        /// Harm is at least this; `nil` where there were too few examples to tell.
        public var lower: Double?
        /// Harm is at most this; `nil` likewise.
        public var upper: Double?
        /// Harm that is let pass.
        public var margin: Double

        /// What is no finite number counts as not known.
        public init(lower: Double?, upper: Double?, margin: Double) {
            self.lower = lower.flatMap { $0.isFinite ? $0 : nil }
            self.upper = upper.flatMap { $0.isFinite ? $0 : nil }
            self.margin = margin
        }
    }

    /// How a refresh was trained.
    public struct Training: Codable, Sendable, Equatable {
        /// Of the optimiser.
        public var steps: Int
        /// Norm of the change of all adapter weights together; `nil` where it is no number.
        public var moved: Double?

        /// A norm that is no finite number counts as not known.
        public init(steps: Int, moved: Double) {
            self.steps = steps
            self.moved = moved.isFinite ? moved : nil
        }
    }

    /// What was judged.
    public let subject: Subject
    /// Examples learned when it was judged.
    public let example: Int
    /// Fresh examples that a refresh was judged by, or anchors that heads were.
    public let judged: Int
    /// What became of it.
    public let outcome: RefreshGate.Outcome
    /// How much larger the log-loss was than that of what served, as a share of it: by what decided, the
    /// fresh examples or the anchors, and in `slice` where heads were harmed there.
    public var harm: Double?
    /// Over all anchors, of heads.
    public var harmOfAll: Double?
    /// The category that was found harmed, or that promotion waits for.
    public var slice: String?
    /// Whether it was judged by examples that nobody learned.
    public var byAnchors = false
    /// Where the newest labels are others than was predicted of them: why it was rejected.
    public var shift: LabelShift.Finding?
    /// Of a refresh.
    public var bounds: Bounds?
    /// Of a refresh.
    public var training: Training?

    enum CodingKeys: String, CodingKey {
        case subject, example, judged, outcome, harm, slice, shift, bounds, training
        case harmOfAll = "harm_of_all"
        case byAnchors = "by_anchors"
    }

    /// A result with what every gate tells; harm that is no finite number counts as not known.
    public init(
        _ subject: Subject, example: Int, judged: Int, outcome: RefreshGate.Outcome, harm: Double?
    ) {
        self.subject = subject
        self.example = example
        self.judged = judged
        self.outcome = outcome
        self.harm = harm.flatMap { $0.isFinite ? $0 : nil }
    }

    /// The category; `nil` where it is all of them together.
    public var category: String? { slice == RefreshGate.everything ? nil : slice }

    /// Whether it asks for somebody's judgement.
    public var needsPerson: Bool { outcome == .reject && shift != nil }
}
