/// Priors and bounds of the model of what discounts do.
///
/// The prior variances of the answer's groups are in `DenseGroup` and `TailGroup`; those of shoppers and
/// brands are re-estimated as the stream goes.
public struct EffectConfiguration: Sendable, Hashable {
    /// How many times the usual weight a row with a logged propensity may have.
    public var weightMax = 30.0
    /// The propensity model's memory of how often and how deep discounts are now. Units: hours.
    public var offerHours = 336.0
    /// Stationary variance of the drift in that model, of logits.
    public var offerDriftVariance = 1.0

    /// How long after a decision its label may still change, so that it is not asked sooner whether answers have
    /// changed. Units: milliseconds.
    public var labelsMs: Int64

    /// All but this has its default.
    public init(labelsMs: Int64 = 86_400_000) { self.labelsMs = labelsMs }

    /// The head that answers are learned by.
    var answer: HeadConfiguration {
        var head = HeadConfiguration()
        // What the head of responses is off by, on which the answer is built.
        head.interceptMean = 0
        head.interceptVariance = 0.25
        // Here an item's entry is what its text and itself add to the slope.
        head.textVariance = 0.25
        head.textDeviation = 0
        head.itemVariance = 0.15
        head.birthVariance = 0.01
        head.localVariance = 0.05
        return head
    }
}
