import Events
import Records

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
