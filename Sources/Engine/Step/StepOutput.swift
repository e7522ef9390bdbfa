import Events
import Records
import ResponseModel

/// A record that could not be used.
public struct UnusableRecord: Sendable {
    /// The record as it was read.
    public let record: SourceRecord
    /// Why it could not be used, in a sentence.
    public let reason: String

    /// Takes both as they are.
    public init(record: SourceRecord, reason: String) {
        self.record = record
        self.reason = reason
    }
}

/// A probability as it was before its label was known.
public struct ServedPrediction: Sendable {
    /// The event that the example began with.
    public let eventID: String
    /// The item that was shown.
    public let itemID: String
    /// The shopper it was shown to.
    public let userID: String
    /// The label's name: `click` or `purchase`.
    public let head: String
    /// The logit that was served.
    public let logit: Double
    /// The probability at `logit`.
    public let probability: Double
    /// What came of it.
    public let label: Bool
    /// How many exposures it stands for.
    public let weight: Double
}

/// How many events came, and how many of them later than the lateness allows.
public struct Arrivals: Sendable, Hashable {
    /// Events that came, late ones among them.
    public var all = 0
    /// Events of these that were late.
    public var late = 0

    /// None came.
    public init() {}

    /// Counts one event.
    public mutating func add(isLate: Bool) {
        all += 1
        late += isLate ? 1 : 0
    }
}

/// What one step gives to the world outside.
public struct StepOutput: Sendable {
    /// In the order they were asked for.
    public var recommendations: [Recommendation] = []
    /// For each recommendation the record that asked for it.
    public var askedFor: [RecordPlace] = []
    /// Records for the dead letters.
    public var unusable: [UnusableRecord] = []
    /// Empty unless the configuration's `keepsPredictions` is set.
    public var predictions: [ServedPrediction] = []
    /// In the order they came up.
    public var notices: [EngineNotice] = []
    /// Events that time is told by, by partition.
    public var arrivals: [TopicPartition: Arrivals] = [:]
    /// The first record whose weight was clipped.
    public var clippedWeight: RecordPlace?
    /// Shoppers forgotten for not being seen: whatever else is kept of them for their offers may go.
    public var unseenShoppers: [RowOwner] = []
    /// Ids of shoppers who were erased, those that were joined to them among them.
    public var erasedUsers: [String] = []
    /// Objections to personalised prices that were not known before, in the order they came.
    public var objections: [NewObjection] = []

    /// An empty output.
    public init() {}
}

/// Something in the course of learning that people want to hear of.
public enum EngineNotice: Sendable {
    case refreshStarted(texts: Int, examples: Int)
    /// A drift detector found a head's predictions worse than they say they are.
    case driftFound(head: String, example: Int)
    /// What was found of our decisions by what came of them.
    case effectFound(EffectFinding, model: String, example: Int)
    case refreshJudged(RefreshVerdict)
    case headsJudged(HeadVerdict)
    /// For the first time a context key is left out, as there are too many.
    case contextKeysLeftOut(key: String, keysMax: Int)
    /// On the texts kept for validation no epoch was better than the adapters in service.
    case refreshBroughtNothing(steps: Int)
}
