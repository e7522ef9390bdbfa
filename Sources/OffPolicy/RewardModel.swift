import Records

/// Predicts how many units a decision sells, from the decisions that came before it.
///
/// Ridge regression on a step and a slope of depth and on the running means of the item and of the shopper,
/// each row predicted before it is learned. An estimate that is doubly robust needs no more: a wrong
/// prediction costs width and never truth.
/// Complexity: constant time a row; a number an item and a shopper.
public struct RewardModel: Sendable {
    private struct Running: Sendable {
        var sum = 0.0
        var count = 0.0
        mutating func add(_ value: Double, _ weight: Double) {
            sum += weight * value
            count += weight
        }
        func mean(towards prior: Double, strength: Double) -> Double {
            (sum + strength * prior) / (count + strength)
        }
    }

    private static let featureCount = 6
    private static let strength = 20.0
    private var all = Running()
    private var items: [String: Running] = [:]
    private var shoppers: [String: Running] = [:]
    private var most = 0.0
    private var weights = [Double](repeating: 0, count: featureCount)
    /// The inverse of the features' sum of squares, row by row.
    private var inverse: [Double] = (0..<featureCount * featureCount).map {
        $0 % (featureCount + 1) == 0 ? 10 : 0
    }

    /// Nothing was learned yet: nothing is expected to sell.
    public init() {}

    /// What is known of a shopper and an item before a decision.
    public struct Context: Sendable {
        fileprivate let item: Double
        fileprivate let shopper: Double
    }

    /// - Returns: what `predict` and `learn` of this decision take.
    public func context(item: String, shopper: String) -> Context {
        let mean = all.mean(towards: 0, strength: 1)
        return Context(
            item: items[item]?.mean(towards: mean, strength: Self.strength) ?? mean,
            shopper: shoppers[shopper]?.mean(towards: mean, strength: Self.strength) ?? mean)
    }

    private func features(_ context: Context, depth: Double) -> [Double] {
        let step = isDiscounted(depth) ? 1.0 : 0.0
        let line = -naturalLogarithm(max(1 - depth, 0.01))
        return [1, step, line, context.item, context.shopper, context.item * line]
    }

    /// Units expected at a depth, from 0 to the most that one decision has sold.
    public func predict(_ context: Context, depth: Double) -> Double {
        let own = features(context, depth: depth)
        let sum = zip(own, weights).reduce(0) { $0 + $1.0 * $1.1 }
        return min(max(sum, 0), most)
    }

    /// Learns what a decision sold.
    public mutating func learn(
        _ context: Context, item: String, shopper: String, depth: Double, units: Double,
        weight: Double = 1
    ) {
        let own = features(context, depth: depth)
        let size = Self.featureCount
        var gain = [Double](repeating: 0, count: size)
        for row in 0..<size {
            for column in 0..<size { gain[row] += inverse[row * size + column] * own[column] }
        }
        let spread = 1 / weight + zip(own, gain).reduce(0) { $0 + $1.0 * $1.1 }
        let error = units - zip(own, weights).reduce(0) { $0 + $1.0 * $1.1 }
        for row in 0..<size {
            weights[row] += gain[row] / spread * error
            for column in 0..<size {
                inverse[row * size + column] -= gain[row] * gain[column] / spread
            }
        }
        all.add(units, weight)
        items[item, default: Running()].add(units, weight)
        shoppers[shopper, default: Running()].add(units, weight)
        most = max(most, units)
    }
}
