/// How good a set of predictions was, made before their labels were known.
public struct ScoreReport: Codable, Sendable, Equatable {
    /// Examples.
    public var count: Int
    /// Examples with a positive label.
    public var positives: Int
    /// Mean of -log P(label). Units: nats. `nil` for an empty set, as are the figures below that
    /// the set does not determine.
    public var logLoss: Double?
    /// Log-loss over the entropy of the set's own base rate.
    public var normalizedEntropy: Double?
    /// Area under the receiver's operating curve, in [0, 1].
    public var auc: Double?
    /// Expected calibration error over 15 bins of equal count.
    public var ece: Double?
    /// Sum of predicted probabilities over the number of positives.
    public var predictedObservedRatio: Double?

    /// Of no examples.
    public static let none = ScoreReport(count: 0, positives: 0)

    enum CodingKeys: String, CodingKey {
        case count, positives, auc, ece
        case logLoss = "log_loss"
        case normalizedEntropy = "normalized_entropy"
        case predictedObservedRatio = "predicted_observed_ratio"
    }

    /// Writes `null` for what is not determined, so that readers always find every key.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(count, forKey: .count)
        try container.encode(positives, forKey: .positives)
        try container.encode(logLoss, forKey: .logLoss)
        try container.encode(normalizedEntropy, forKey: .normalizedEntropy)
        try container.encode(auc, forKey: .auc)
        try container.encode(ece, forKey: .ece)
        try container.encode(predictedObservedRatio, forKey: .predictedObservedRatio)
    }
}

/// One stretch of the stream.
public struct WindowReport: Codable, Sendable, Equatable {
    /// Numbers of the first example and of the one after the last, over all heads.
    public var from: Int
    /// The one after the last.
    public var to: Int
    /// Event times of the first and the last example. Units: epoch milliseconds.
    public var fromTsMs: Int64
    /// Of the last example.
    public var toTsMs: Int64
    /// By head; heads without an example here are left out.
    public var progressive: [String: ScoreReport]

    enum CodingKeys: String, CodingKey {
        case from, to, progressive
        case fromTsMs = "from_ts"
        case toTsMs = "to_ts"
    }
}

/// The metrics part of a report: over everything, over time, by slice.
public struct ProgressiveReport: Codable, Sendable, Equatable {
    /// By head.
    public var progressive: [String: ScoreReport]
    /// In order of time.
    public var windows: [WindowReport]
    /// By slice, then by head.
    public var slices: [String: [String: ScoreReport]]
    /// Predictions left out because they were no finite number.
    public var nonFinite: Int

    enum CodingKeys: String, CodingKey {
        case progressive, windows, slices
        case nonFinite = "non_finite"
    }
}
