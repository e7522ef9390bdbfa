import CPosterior
import Records

/// How a head's logits are read: what labels have shown of their level and of their spread.
///
/// Logits can be too close together or too far apart for long: after a change of what people like, old evidence
/// holds the weights back. What came of earlier predictions tells. Two readings stand side by side, the logit
/// as it is and
///
///     center + level + slope · (logit - center)
///
/// whose level and slope are a Bayesian logistic regression that forgets. Each counts by how well it did
/// lately: a correction costs almost nothing where none is needed. Both readings are lines, and so is their mean.
/// Source: Platt, "Probabilistic outputs for support vector machines", 1999; Herbster and Warmuth, "Tracking
/// the best expert", 1998 (the share that is given back).
struct LogitCalibration: Sendable {
    /// What the level and the slope start from and return to, and their prior variances.
    private static let prior = (level: 0.0, slope: 1.0, levelVariance: 0.02, slopeVariance: 0.2)
    /// The share by which they return with each label.
    private static let fading = 3e-6
    /// What the logit as it is counts before the first label.
    private static let plainAtFirst = 0.9
    /// The share of that which comes back with each label.
    private static let givenBack = 3e-5
    /// The center is the mean of about so many logits.
    private static let centerCount = 2_000.0
    /// How far one label that counts for several may move a corrected logit; at most as far as one that counts
    /// for itself, where that is further. Units: logits.
    private static let moveMax = 0.05
    /// How far one label may move the belief. Units: nats.
    private static let gainMax = 1.0

    /// Labels learned.
    private var count = 0.0
    private var center = 0.0
    private var level = prior.level
    private var slope = prior.slope
    private var covariance = (
        level: prior.levelVariance, both: 0.0, slope: prior.slopeVariance
    )
    /// What the logit as it is counts, in (0, 1).
    private var plain = plainAtFirst

    /// Nothing is corrected before the first label.
    init() {}

    /// What a logit is multiplied by.
    var factor: Double { plain + (1 - plain) * slope }

    /// What is added for the spread, which is about the center.
    var spreadPart: Double { (1 - factor) * center }

    /// What is added for the level.
    var levelPart: Double { (1 - plain) * level }

    /// The logit as it is served.
    func served(_ logit: Double) -> Double { factor * logit + spreadPart + levelPart }

    /// A prediction as it is served.
    func served(_ prediction: Prediction) -> Prediction {
        Prediction(
            logit: served(prediction.logit), variance: factor * factor * prediction.variance)
    }

    /// - Parameters:
    ///   - logit: the head's own, before this label.
    ///   - target: in [0, 1].
    ///   - weight: power of the likelihood, as the head learned it.
    mutating func learn(_ logit: Double, target: Double, weight: Double) {
        guard logit.isFinite, weight > 0 else { return }
        count += 1
        center += (logit - center) / min(count, Self.centerCount)
        let x = logit - center
        let corrected = center + level + slope * x
        weigh(logit, corrected, target: target, weight: weight)
        let toLevel = covariance.level + covariance.both * x
        let toSlope = covariance.both + covariance.slope * x
        let variance = toLevel + toSlope * x
        let weight = bounded(weight, corrected, variance, target: target)
        let mode = posterior_mode(corrected, variance, target, weight)
        let chance = stableLogistic(mode)
        let curvature = weight * chance * (1 - chance)
        let (step, less) = ((mode - corrected) / variance, curvature / (1 + curvature * variance))
        level += step * toLevel
        slope += step * toSlope
        covariance.level -= less * toLevel * toLevel
        covariance.both -= less * toLevel * toSlope
        covariance.slope -= less * toSlope * toSlope
        fade()
    }

    /// What a label may count for that stands for several.
    private func bounded(
        _ weight: Double, _ corrected: Double, _ variance: Double, target: Double
    ) -> Double {
        guard weight > 1 else { return weight }
        let move = posterior_mode(corrected, variance, target, weight) - corrected
        guard abs(move) > Self.moveMax else { return weight }
        let least = move < 0 ? -Self.moveMax : Self.moveMax
        let weightThere = least / variance / (target - stableLogistic(corrected + least))
        return weightThere > 1 ? min(weight, weightThere) : 1
    }

    /// Lets each reading count by the likelihood that it gave the label.
    private mutating func weigh(
        _ asIs: Double, _ corrected: Double, target: Double, weight: Double
    ) {
        func loss(_ logit: Double) -> Double {
            target * logLoss(logit: logit, label: true)
                + (1 - target) * logLoss(logit: logit, label: false)
        }
        // As often as the label counts, but one label must not decide for good.
        let gain = weight * (loss(corrected) - loss(asIs))
        let bounded = max(-Self.gainMax, min(Self.gainMax, gain))
        let won = plain / (plain + (1 - plain) * exponential(-bounded))
        plain = (1 - Self.givenBack) * won + Self.givenBack * Self.plainAtFirst
    }

    private mutating func fade() {
        let kept = 1 - Self.fading
        level = Self.prior.level + kept * (level - Self.prior.level)
        slope = Self.prior.slope + kept * (slope - Self.prior.slope)
        let square = kept * kept
        covariance.level = square * covariance.level + (1 - square) * Self.prior.levelVariance
        covariance.both *= square
        covariance.slope = square * covariance.slope + (1 - square) * Self.prior.slopeVariance
    }

    // MARK: Bytes

    private var numbers: [Double] {
        [
            count, center, level, slope, covariance.level, covariance.both, covariance.slope, plain,
        ]
    }

    func write(to writer: inout ByteWriter) {
        for number in numbers { writer.double(number) }
    }

    /// - Throws: `ByteCodingError` for numbers that no labels lead to.
    init(from reader: inout ByteReader) throws(ByteCodingError) {
        count = try reader.double()
        center = try reader.double()
        level = try reader.double()
        slope = try reader.double()
        covariance.level = try reader.double()
        covariance.both = try reader.double()
        covariance.slope = try reader.double()
        plain = try reader.double()
        guard numbers.allSatisfy(\.isFinite), count >= 0, plain > 0, plain < 1,
            covariance.level > 0, covariance.slope > 0,
            covariance.both * covariance.both < covariance.level * covariance.slope
        else { throw .badValue(at: 0, "an impossible calibration") }
    }
}
