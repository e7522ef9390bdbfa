import ContinualLearning
import Events
import Records

/// Why a record is no event.
public struct RejectedRecord: Error {
    /// In a sentence.
    public let reason: String
    /// A short stable name, for counting.
    public let code: String

    public init(reason: String, code: String) {
        self.reason = reason
        self.code = code
    }
}

/// One record and what decoding made of it.
public struct EngineInput: Sendable {
    public let record: SourceRecord
    public let event: Result<Event, RejectedRecord>

    public init(record: SourceRecord, event: Result<Event, RejectedRecord>) {
        self.record = record
        self.event = event
    }

    /// The order of events inside a batch: event time, then where they came from. Records that
    /// cannot be read have no time and come first.
    static func precedes(_ a: EngineInput, _ b: EngineInput) -> Bool {
        if a.tsMs != b.tsMs { return a.tsMs < b.tsMs }
        if a.record.position != b.record.position { return a.record.position < b.record.position }
        return a.record.offset < b.record.offset
    }

    private var tsMs: Int64 {
        if case .success(let event) = event { event.tsMs } else { .min }
    }
}

/// A record that could not be used.
public struct UnusableRecord: Sendable {
    public let record: SourceRecord
    public let reason: String

    public init(record: SourceRecord, reason: String) {
        self.record = record
        self.reason = reason
    }
}

/// A probability as it was before its label was known.
public struct ServedPrediction: Sendable {
    public let eventID: String
    public let itemID: String
    public let userID: String
    public let head: String
    public let logit: Double
    public let probability: Double
    public let label: Bool
    /// How many exposures it stands for.
    public let weight: Double
}

/// How many events came, and how many of them later than the lateness allows.
public struct Arrivals: Sendable, Hashable {
    public var all = 0
    public var late = 0

    public init() {}

    public mutating func add(isLate: Bool) {
        all += 1
        late += isLate ? 1 : 0
    }
}

/// What one step gives to the world outside.
public struct StepOutput: Sendable {
    public var recommendations: [Recommendation] = []
    /// For each recommendation the record that asked for it.
    public var askedFor: [RecordPlace] = []
    public var unusable: [UnusableRecord] = []
    public var predictions: [ServedPrediction] = []
    public var notices: [EngineNotice] = []
    /// Events that time is told by, by partition.
    public var arrivals: [TopicPartition: Arrivals] = [:]
    /// The first record whose weight was clipped.
    public var clippedWeight: RecordPlace?
    /// Shoppers forgotten for not being seen: whatever else is kept of them for their offers may go.
    public var unseenShoppers: [RowOwner] = []

    public init() {}
}

/// Something in the course of learning that people want to hear of.
public enum EngineNotice: Sendable {
    case refreshStarted(texts: Int, examples: Int)
    /// A drift detector found a head's predictions worse than they say they are.
    case driftFound(head: String, example: Int)
    case refreshJudged(RefreshVerdict)
    case headsJudged(HeadVerdict)
    /// For the first time a context key is left out, as there are too many.
    case contextKeysLeftOut(key: String, keysMax: Int)
    /// On the texts kept for validation no epoch was better than the adapters in service.
    case refreshBroughtNothing(steps: Int)
}

/// How a refreshed model did on examples it had not seen, beside what was served for them.
public struct RefreshVerdict: Sendable, Codable {
    public typealias Outcome = RefreshGate.Outcome

    public let outcome: Outcome
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
    public let trainingSteps: Int
    /// Norm of the change of all adapter weights together.
    public let movedNorm: Double
    /// Bounds of `harm` on the fresh examples, and what of it is let pass. For the telling alone: what
    /// the journal keeps of a verdict is compared by replays.
    public var lower: Double? = nil
    public var upper: Double? = nil
    public var margin = 0.0

    enum CodingKeys: String, CodingKey {
        case outcome, judgedExamples, harm, slice, shift, anchorHarm, byAnchors, trainingSteps
        case movedNorm
    }
}
