import Records

/// A confidence sequence for a policy's value on the decisions of a log whose rewards are bounded: it holds at
/// every row at once, for any number of rows, and needs no large numbers.
///
/// Conditions: the logged propensities are those the actions were drawn with, each draw is independent of
/// what came before given the decision, every reward is in `range`, and what one decision brings does not depend
/// on the draw of another. Shoppers may be as alike or as different as they like: the randomness
/// is that of the draws, and what is bounded is the mean over these very decisions of what the policy
/// would have earned.
///
/// The pseudo-outcome of a decision is w (r - c) + E[c] with c = min(prediction, k / w), which is at least
/// -k and has the policy's value as its mean; without the log's action set c is 0. Rewards are scaled
/// to [0, 1]. The lower bound is that of a mixture, over k and over a grid of betting fractions λ, of
/// the supermartingales exp(λ (S - t ν) / (k + 1) - (-log(1 - λ) - λ) V). The upper bound is the lower one of 1 - r.
/// Source: Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro, "Anytime-valid off-policy inference for
/// contextual bandits" (arXiv 2210.10768), section 2 and the time-varying values of section 3; Howard, Ramdas,
/// McAuliffe and Sekhon (Annals of Statistics 2021) for the mixture over a grid.
public struct BoundedSequence: Sendable {
    /// Rewards are never outside.
    public let range: ClosedRange<Double>
    private var lower = Side()
    private var upper = Side()

    /// - Parameter range: of rewards; its ends differ.
    public init(range: ClosedRange<Double>) {
        self.range = range
    }

    /// Decisions taken.
    public var count: Int { lower.count }

    /// Takes one decision.
    ///
    /// - Returns: false, and takes nothing, where the reward is outside the range.
    @discardableResult
    public mutating func observe(
        _ term: PolicyTerm, reward: Double, prediction: Double
    ) -> Bool {
        guard range.contains(reward) else { return false }
        let width = range.upperBound - range.lowerBound
        let low = range.lowerBound
        func scaled(_ value: Double) -> Double { min(max((value - low) / width, 0), 1) }
        let atoms = term.ratios?.map { ($0.ratio, $0.probability, scaled($0.prediction)) }
        lower.observe(term.ratio, scaled(reward), scaled(prediction), atoms)
        upper.observe(
            term.ratio, 1 - scaled(reward), 1 - scaled(prediction),
            atoms?.map { ($0.0, $0.1, 1 - $0.2) })
        return true
    }

    /// Holds the mean value at this and every other row with probability `1 - alpha`; `nil` of no row.
    public func interval(alpha: Double) -> ConfidenceInterval? {
        guard count > 0 else { return nil }
        let width = range.upperBound - range.lowerBound
        return ConfidenceInterval(
            low: range.lowerBound + width * lower.bound(alpha: alpha / 2),
            high: range.upperBound - width * upper.bound(alpha: alpha / 2))
    }

    /// The lower bound of rewards in [0, 1].
    private struct Side: Sendable {
        static let limits = [0.0, 1, 4, 16, 64]
        static let fractions = (1...14).map { power in
            (0..<power).reduce(1.0) { half, _ in half / 2 }
        }

        var count = 0
        /// Sums of the scaled pseudo-outcomes and of their squared surprises, by limit.
        var sums = [Double](repeating: 0, count: limits.count)
        var squares = [Double](repeating: 0, count: limits.count)

        mutating func observe(
            _ ratio: Double, _ reward: Double, _ prediction: Double,
            _ atoms: [(ratio: Double, probability: Double, prediction: Double)]?
        ) {
            for (index, limit) in Self.limits.enumerated() {
                func control(_ prediction: Double, _ ratio: Double) -> Double {
                    ratio > 0 ? min(prediction, limit / ratio) : prediction
                }
                var outcome = ratio * reward
                if let atoms, limit > 0 {
                    outcome -= ratio * control(prediction, ratio)
                    for atom in atoms {
                        outcome += atom.probability * control(atom.prediction, atom.ratio)
                    }
                }
                let scale = limit + 1
                let expected =
                    count > 0 ? min(max(sums[index] / Double(count), 0), 1 / scale) : 0
                let surprise = outcome / scale - expected
                sums[index] += outcome / scale
                squares[index] += surprise * surprise
            }
            count += 1
        }

        /// The smallest mean in [0, 1] that the mixture does not rule out.
        func bound(alpha: Double) -> Double {
            let limit = -naturalLogarithm(alpha)
            guard evidence(against: 0) > limit else { return 0 }
            var low = 0.0
            var high = 1.0
            for _ in 0..<60 {
                let middle = (low + high) / 2
                if evidence(against: middle) > limit { low = middle } else { high = middle }
            }
            return low
        }

        /// The logarithm of the mixture, were this the mean.
        private func evidence(against mean: Double) -> Double {
            var logs: [Double] = []
            for (index, limit) in Self.limits.enumerated() {
                let surplus = sums[index] - Double(count) * mean / (limit + 1)
                for fraction in Self.fractions {
                    let cost = -naturalLogarithm(1 - fraction) - fraction
                    logs.append(fraction * surplus - cost * squares[index])
                }
            }
            let most = logs.max() ?? 0
            let sum = logs.reduce(0) { $0 + exponential($1 - most) }
            return most + naturalLogarithm(sum / Double(logs.count))
        }
    }
}
