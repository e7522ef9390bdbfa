import Records

/// Probability that a discount earns more than no discount, when the two purchase logits are
/// jointly normal.
///
/// The margin of one sale is known, the two conversions are not: with `L` the logit at the
/// discount and `L₀` at none, the gain is `gain · σ(L) - baselineGain · σ(L₀) - fixedCost`. Given `L₀` the gain
/// is positive when `L` is past a threshold, so what is left is one integral over `L₀`. It is
/// taken cell by cell with the threshold linear inside a cell, which also holds where `L` follows
/// `L₀` exactly and the integrand is a step.
package struct GainProbability {
    /// Margin of a sale at the discount times the expected quantity.
    let gain: Double
    /// The same at no discount.
    let baselineGain: Double
    /// What the discount costs whether there is a sale or not.
    let fixedCost: Double
    let logit: LogitUncertainty
    let baseline: LogitUncertainty

    /// Takes each field as it is; the covariance is that of `logit`.
    package init(
        gain: Double, baselineGain: Double, fixedCost: Double = 0, logit: LogitUncertainty,
        baseline: LogitUncertainty
    ) {
        self.gain = gain
        self.baselineGain = baselineGain
        self.fixedCost = fixedCost
        self.logit = logit
        self.baseline = baseline
    }

    private static let cells = 128
    /// Standard deviations on either side; beyond lies less than 1e-15.
    private static let reach = 8.0
    /// Further than this in logits is certain either way.
    private static let certain = 60.0

    /// Complexity: about 128 exponentials, logarithms and normal densities.
    package func value() -> Double {
        if gain <= 0, baselineGain >= 0 { return 0 }
        if gain >= 0, baselineGain <= 0, fixedCost <= 0 {
            return gain > 0 || baselineGain < 0 ? 1 : 0
        }
        if gain == 0 { return avoidedLoss() }
        // Above 0 the gain asks that L exceeds the threshold; below, that it stays under it.
        let above = integral()
        return gain > 0 ? above : 1 - above
    }

    /// The probability that what is lost without a discount is more than what it costs, where a discounted sale
    /// brings nothing.
    private func avoidedLoss() -> Double {
        let distance = baseline.mean - Self.threshold(fixedCost / -baselineGain)
        return Self.smoothStep(distance, baseline.variance.squareRoot())
    }

    /// The logit of a conversion; certain where there is none.
    private static func threshold(_ conversion: Double) -> Double {
        if conversion >= 1 { return certain }
        if conversion <= 0 { return -certain }
        return naturalLogarithm(conversion) - naturalLogarithm(1 - conversion)
    }

    private func integral() -> Double {
        let deviation = baseline.variance.squareRoot()
        let slope =
            baseline.variance > 0 ? logit.covarianceWithBaseline / baseline.variance : 0
        let remaining = max(0, logit.variance - slope * logit.covarianceWithBaseline)
        let spread = remaining.squareRoot()
        if deviation == 0 {
            return Self.smoothStep(distance(0, deviation: 0, slope: 0), spread)
        }
        let width = 2 * Self.reach / Double(Self.cells)
        var z = -Self.reach
        var left = distance(z, deviation: deviation, slope: slope)
        var below = 0.0
        var sum = 0.0
        for cell in 1...Self.cells {
            z = -Self.reach + Double(cell) * width
            let right = distance(z, deviation: deviation, slope: slope)
            let upTo = normalDistribution(z)
            sum += (upTo - below) * Self.average(left, right, spread)
            (left, below) = (right, upTo)
        }
        return sum
    }

    /// How far the conditional mean of `L` lies above the threshold, where `L₀` is `z` standard
    /// deviations off its mean.
    private func distance(_ z: Double, deviation: Double, slope: Double) -> Double {
        let lost = baselineGain * logistic(baseline.mean + z * deviation) + fixedCost
        let threshold = Self.threshold(lost / gain)
        let mean = logit.mean + slope * z * deviation
        return min(max(mean - threshold, -Self.certain), Self.certain)
    }

    private static func smoothStep(_ distance: Double, _ spread: Double) -> Double {
        if spread == 0 { return distance > 0 ? 1 : 0 }
        return normalDistribution(distance / spread)
    }

    /// Mean of `Φ(x / spread)` for x from `a` to `b`.
    private static func average(_ a: Double, _ b: Double, _ spread: Double) -> Double {
        if abs(b - a) < 1e-6 * max(1, spread) { return smoothStep((a + b) / 2, spread) }
        return (integratedStep(b, spread) - integratedStep(a, spread)) / (b - a)
    }

    /// The antiderivative of `Φ(x / spread)`: `x·Φ + spread·φ`, or the ramp where spread is 0.
    private static func integratedStep(_ x: Double, _ spread: Double) -> Double {
        if spread == 0 { return max(0, x) }
        let scaled = x / spread
        return x * normalDistribution(scaled) + spread * normalDensity(scaled)
    }
}
