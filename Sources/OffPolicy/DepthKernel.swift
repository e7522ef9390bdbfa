/// Weights of depths near a wanted one, for policies whose depth the log never gave exactly.
///
/// The policy is taken for one that gives depths around its own, in proportion to Epanechnikov's kernel.
/// Its value differs from the policy's by a bias in the square of the bandwidth; the variance grows with
/// one over the bandwidth. At the ends of the range what falls outside is shared out.
/// Source: Kallus and Zhou, "Policy evaluation and optimization with continuous treatments" (AISTATS 2018),
/// section 2; Colangelo and Lee, "Double debiased machine learning nonparametric inference with continuous
/// treatments" (2020), for the doubly robust form.
public struct DepthKernel: Sendable {
    /// Depths further than this from the wanted one have no weight.
    public let bandwidth: Double
    /// Depths that the log can have.
    public let range: ClosedRange<Double>

    /// - Parameters:
    ///   - bandwidth: above 0, in depth: 0.05 is five points.
    ///   - range: `nil` of depths that go on as far as the kernel does.
    public init(
        bandwidth: Double, range: ClosedRange<Double> = 0...1
    ) throws(OffPolicyError) {
        guard bandwidth > 0, bandwidth <= 1 else {
            throw .bad("the kernel's bandwidth", bandwidth, "above 0 and at most 1")
        }
        self.bandwidth = bandwidth
        self.range = range
    }

    /// Epanechnikov's kernel at a distance, not yet divided by the bandwidth.
    private func height(_ distance: Double) -> Double {
        let u = distance / bandwidth
        return abs(u) < 1 ? 0.75 * (1 - u * u) : 0
    }

    /// The integral of the kernel from minus infinity to `u` bandwidths.
    private func area(below u: Double) -> Double {
        let v = min(max(u, -1), 1)
        return 0.5 + 0.75 * (v - v * v * v / 3)
    }

    /// The density that the smoothed policy has at `depth`.
    public func density(_ depth: Double, wanted: Double) -> Double {
        let inside =
            area(below: (range.upperBound - wanted) / bandwidth)
            - area(below: (range.lowerBound - wanted) / bandwidth)
        guard inside > 0, range.contains(depth) else { return 0 }
        return height(depth - wanted) / bandwidth / inside
    }

    /// The terms of a policy that wants `wanted`, of a log whose depths are drawn from a density.
    ///
    /// - Parameters:
    ///   - depth: the one delivered.
    ///   - density: of the log's policy at it, above 0.
    ///   - prediction: the reward predicted of a depth before the decision was learned.
    public func term(
        depth: Double, density logged: Double, wanted: Double, prediction: (Double) -> Double
    ) throws(OffPolicyError) -> PolicyTerm {
        guard logged > 0, logged.isFinite else {
            throw .bad("the density of the delivered depth", logged, "finite and above 0")
        }
        var direct = 0.0
        var mass = 0.0
        // The smoothed policy's mean prediction, by the midpoint rule.
        let steps = 32
        for step in 0..<steps {
            let place = wanted + bandwidth * ((Double(step) + 0.5) / Double(steps) * 2 - 1)
            let share = density(place, wanted: wanted)
            if share > 0 {
                direct += share * prediction(place)
                mass += share
            }
        }
        return PolicyTerm(
            ratio: density(depth, wanted: wanted) / logged, direct: mass > 0 ? direct / mass : 0,
            unsupported: mass > 0 ? 0 : 1)
    }

    /// The probabilities that the smoothed policy has of the depths of a grid: each by the kernel's height
    /// times the room between its neighbours.
    ///
    /// - Parameter depths: ascending.
    /// - Returns: `nil` where none is within the bandwidth.
    public func probabilities(wanted: Double, of depths: [Double]) -> [Double]? {
        let shares = depths.indices.map { index -> Double in
            let low = index > 0 ? depths[index - 1] : depths[index]
            let high = index + 1 < depths.count ? depths[index + 1] : depths[index]
            let room = depths.count == 1 ? 1 : (high - low) / 2
            return height(depths[index] - wanted) * room
        }
        let sum = shares.reduce(0, +)
        return sum > 0 ? shares.map { $0 / sum } : nil
    }
}
