/// Priors and bounds of the model of what discounts do.
public struct EffectConfiguration: Sendable, Hashable {
    /// Variance of the step that any discount at all makes; its mean is zero. Units: logits.
    public var stepVariance = 0.04
    /// Mean and variance of the slope in -log(1 - discount), and of a category's deviation from it.
    public var slopeMean = 1.0
    public var slopeVariance = 2.25
    public var categoryVariance = 0.5
    /// Variance of what the base is off by.
    public var levelVariance = 0.25
    /// Categories told apart; the rest share the common slope.
    public var categoriesMax = 64
    /// How many times the usual weight a row with a logged propensity may have.
    public var weightMax = 30.0
    /// The propensity model's memory of how often and how deep discounts are now. Units: hours.
    public var offerHours = 336.0
    public var offerDriftVariance = 1.0

    public init() {}
}
