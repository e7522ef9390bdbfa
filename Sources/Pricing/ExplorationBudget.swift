import Records

/// What is not known of the answer to discounts of shoppers like this one: what trying prices can find out.
///
/// On the logit scale: a step for any discount, and a slope in -log(1 - discount).
public struct UnknownAnswer: Sendable, Hashable {
    /// The share of the slope's prior variance that is left, in [0, 1].
    public var share: Double
    /// Of the step, that trying could remove.
    public var stepVariance: Double
    /// Likewise of the slope.
    public var slopeVariance: Double
    /// Of step and slope.
    public var covariance: Double

    /// By default nothing is known: the slope has variance 1, and there is no step.
    public init(
        share: Double = 1, stepVariance: Double = 0, slopeVariance: Double = 1,
        covariance: Double = 0
    ) {
        self.share = share
        self.stepVariance = stepVariance
        self.slopeVariance = slopeVariance
        self.covariance = covariance
    }

    /// Standard deviation of what tells the answers to two discounts apart.
    func deviation(_ one: Double, _ other: Double) -> Double {
        func step(_ discount: Double) -> Double { isDiscounted(discount) ? 1 : 0 }
        let step = step(one) - step(other)
        let depth = naturalLogarithm(1 - other) - naturalLogarithm(1 - one)
        let variance =
            step * step * stepVariance + depth * depth * slopeVariance
            + 2 * step * depth * covariance
        return max(0, variance).squareRoot()
    }

    func validate() throws(PricingError) {
        let numbers = [stepVariance, slopeVariance, covariance]
        guard (0...1).contains(share), numbers.allSatisfy(\.isFinite) else {
            throw .badUnknown(share: share, variances: numbers)
        }
    }
}

/// How often each price is tried for what it tells, within what trying may cost.
///
/// Prices are tried in proportion to what they would tell (the deviation of their answer from the best
/// price's) over what they cost (the margin they are expected to forgo): all together so often that the
/// cost is the budget's share of the best price's margin. So deep discounts are tried seldom where they
/// pay little, and a price that is nearly as good is tried much. The budget falls with what is left
/// to learn.
/// Source: after Russo and Van Roy, "Learning to optimize via information-directed sampling" (Operations
/// Research 2018), with a deviation of the common answer in the place of the information gained.
///
/// Whether a discount is better than none is asked apart, since it is what a shop loses by: no discount is
/// tried at least as often as it is likely to be better, as far as the common answer goes.
/// Source: Thompson, "On the likelihood that one unknown probability exceeds another" (Biometrika 1933).
struct ExplorationBudget {
    /// How many times the budget is larger, and a bit more, before anything is known.
    static let boost = 100.0
    /// A price as good as the best counts as if it cost this share of the margin.
    static let costMin = 0.02
    /// No discount is tried in no more than this share of decisions.
    static let noneMax = 0.5

    let unknown: UnknownAnswer
    let configuration: PricingConfiguration

    /// Probability of each option; the best one's is zero here.
    ///
    /// - Parameters:
    ///   - options: in the order of their discounts, the first without one.
    func propensities(
        _ options: [(discount: Double, conversion: Double, margin: Double)], best: Int
    ) -> [Double] {
        var shares = [Double](repeating: 0, count: options.count)
        let most = options[best].margin
        guard most > 0 else { return shares }
        var sum = 0.0
        var cost = 0.0
        for (index, option) in options.enumerated() where index != best {
            let regret = max(0, most - option.margin)
            let told = unknown.deviation(option.discount, options[best].discount)
            shares[index] = told / max(regret, Self.costMin * most)
            sum += shares[index]
            cost += shares[index] * regret
        }
        guard sum > 0 else { return shares }
        let left = unknown.share * unknown.share
        let budget = configuration.exploreCost * (1 + Self.boost * left * left) * most
        var factor = configuration.exploreMax / sum
        if cost * factor > budget { factor = budget / cost }
        for index in shares.indices { shares[index] *= factor }
        if best > 0, configuration.exploreMax > 0 {
            let most = min(Self.noneMax, 1 - configuration.exploreMax)
            shares[0] = max(shares[0], min(most, chanceOfNone(options[0], options[best])))
        }
        return shares
    }

    /// How likely no discount earns as much as the best.
    private func chanceOfNone(
        _ none: (discount: Double, conversion: Double, margin: Double),
        _ best: (discount: Double, conversion: Double, margin: Double)
    ) -> Double {
        guard best.conversion > 0, none.conversion > 0, best.margin > 0 else { return 0 }
        // The conversion at which the discount would earn just as much.
        let even = best.conversion * none.margin / best.margin
        guard even > 0, even < 1, best.conversion < 1 else { return 0 }
        let lead = logOdds(best.conversion) - logOdds(even)
        let deviation = unknown.deviation(best.discount, none.discount)
        return deviation > 0 ? normalDistribution(-lead / deviation) : 0
    }
}
