/// The weights that make up for learning some purchases as none first.
///
/// With p the probability of a purchase and q the share of purchases later than the wait, p·q is
/// the chance that an example is learned twice, and an example not bought by then stays so with
/// probability (1 - p) / (1 - p + p·q).
package struct ElapsedTimeWeights: Sendable {
    package let positive: Double
    package let negative: Double

    package init(purchaseProbability p: Double, lateShare q: Double) {
        let late = p * q
        positive = 1 + late
        negative = (1 + late) * (1 - p) / (1 - p + late)
    }
}

/// What the label of an example counts for that will be told no more of.
///
/// With p the probability of a purchase and q the share of purchases later than the example's age,
/// an example not bought so far is bought later with probability p·q / (1 - p + p·q). What is known
/// of it is that it was not bought early: (1 - q) of what a final label says.
package struct CensoredWeights: Sendable {
    /// As a label of none, in place of the whole outcome: bought before, at p·(1 - q), and this, at
    /// (1 - p + p·q) times the weight, are as p to 1 - p.
    package let negative: Double
    /// As bought, beside a label of none that counted on being corrected.
    package let positive: Double

    package init(probability p: Double, laterShare q: Double) {
        let later = p * q
        let left = max(1 - p + later, .leastNormalMagnitude)
        negative = min(1, (1 - p) * (1 - q) / left)
        positive = min(1, later / left)
    }
}

/// What a label counts for.
package enum LabelWeight: Sendable {
    case sure(Double)
    /// It may still change: weighted by the chance that there is a purchase, as the model puts it, and the
    /// share of purchases that come later.
    case early(lateShare: Double)

    /// - Parameter chance: of a purchase.
    package func value<Failure>(
        _ label: Bool, chance: () throws(Failure) -> Double
    ) throws(Failure) -> Double {
        switch self {
        case .sure(let weight): return weight
        case .early(let lateShare):
            let weights = ElapsedTimeWeights(
                purchaseProbability: try chance(), lateShare: lateShare)
            return label ? weights.positive : weights.negative
        }
    }
}
