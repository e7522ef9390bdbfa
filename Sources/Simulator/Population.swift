import Records

/// Shoppers who answer to price alike.
public struct Segment: Sendable, Hashable {
    /// For people; it is in no event.
    public let name: String
    /// Share of the shoppers, in expectation; all sum to 1.
    public let share: Double
    /// Change of the purchase logit for each unit of log-price.
    public let sensitivity: Double
    /// Added to the purchase logit.
    let level: Double
    /// How the shop's loyalty scheme classes them: shares of `tiers`. A hint, not the truth.
    let tierShares: [Double]

    static let tiers = ["new", "regular", "club"]

    /// The segments of every world.
    public static let all = [
        Segment(
            name: "bargain hunters", share: 0.24, sensitivity: 5.2, level: -0.4,
            tierShares: [0.6, 0.35, 0.05]),
        Segment(
            name: "families", share: 0.28, sensitivity: 3.8, level: 0,
            tierShares: [0.2, 0.7, 0.1]),
        Segment(
            name: "regulars", share: 0.24, sensitivity: 2.4, level: 0.3,
            tierShares: [0.05, 0.35, 0.6]),
        Segment(
            name: "brand lovers", share: 0.14, sensitivity: 1.3, level: 0.35,
            tierShares: [0.1, 0.2, 0.7]),
        Segment(
            name: "gift buyers", share: 0.1, sensitivity: 0.8, level: 0.2,
            tierShares: [0.75, 0.2, 0.05]),
    ]
}

/// One shopper, with the truth about him.
public struct Shopper: Sendable, Hashable {
    /// `u-` and a number of five digits.
    public let id: String
    /// Index in `Segment.all`.
    public let segment: Int
    /// What the shop sees of the segment: `new`, `regular` or `club`.
    public let tier: String
    let level: Double
    /// Of log-price: the segment's, spread a little.
    let sensitivity: Double
    /// Relative number of visits.
    let activity: Double
    /// Relative weight of each category.
    let taste: [Double]
}

enum Population {
    static func shoppers(count: Int, categoryCount: Int, seed: UInt64) -> [Shopper] {
        var random = SeededRandom(seed: StableHash.of("population", seed: seed))
        let shares = Segment.all.map(\.share)
        // What a segment likes in common, and each shopper varies.
        let liking = Segment.all.map { _ in (0..<categoryCount).map { _ in random.normal() } }
        return (0..<count).map { index in
            let segment = Choice(weights: shares).draw(random.unit())
            let kind = Segment.all[segment]
            return Shopper(
                id: "u-\(padded(index + 1, to: 5))", segment: segment,
                tier: Segment.tiers[Choice(weights: kind.tierShares).draw(random.unit())],
                level: kind.level + 0.3 * random.normal(),
                sensitivity: kind.sensitivity * exponential(0.15 * random.normal()),
                activity: exponential(0.8 * random.normal()),
                taste: liking[segment].map { exponential(0.7 * $0 + 0.7 * random.normal()) })
        }
    }
}

/// Draws an index in proportion to weights.
struct Choice: Sendable {
    private var cumulative: [Double] = []

    /// - Parameter weights: at least one, none negative, one positive.
    init(weights: some Sequence<Double>) {
        var sum = 0.0
        for weight in weights {
            sum += weight
            cumulative.append(sum)
        }
        precondition(sum > 0 && sum.isFinite, "nothing to choose from")
    }

    /// - Parameter unit: uniform in [0, 1).
    /// - Complexity: O(log n).
    func draw(_ unit: Double) -> Int {
        let target = unit * cumulative[cumulative.count - 1]
        var (low, high) = (0, cumulative.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > target { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
