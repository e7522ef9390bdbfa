/// What is kept of one policy: sums by shopper, from which every estimator is read at the end.
struct PolicySums: Sendable {
    /// Ratios above these are left to the prediction, of switch-DR.
    static let switches = [2.0, 5, 10, 25]

    /// By shopper's number: sums of weight × ratio, and of its product with the reward.
    private(set) var ratio: [Double] = []
    private(set) var ips: [Double] = []
    private(set) var direct: [Double] = []
    /// The sum of weight × doubly robust score.
    private(set) var robust: [Double] = []
    private(set) var switched: [[Double]] = switches.map { _ in [] }
    private(set) var ratioSquares = 0.0
    private(set) var largest = 0.0
    private(set) var unsupported = 0.0
    /// Probability on actions of which the log does not say whether they were possible, by label.
    private(set) var doubtful: [Int: Double] = [:]
    var bounded: BoundedSequence?

    mutating func observe(
        _ term: PolicyTerm, _ row: LoggedDecision, prediction: Double, shopper: Int
    ) {
        grow(to: shopper + 1)
        let weight = row.weight
        let scaled = weight * term.ratio
        ratio[shopper] += scaled
        ips[shopper] += scaled * row.reward
        direct[shopper] += weight * term.direct
        let correction = scaled * (row.reward - prediction)
        robust[shopper] += weight * term.direct + correction
        for (index, limit) in Self.switches.enumerated() {
            switched[index][shopper] +=
                weight * term.direct + (term.ratio <= limit ? correction : 0)
        }
        ratioSquares += scaled * scaled
        largest = max(largest, scaled)
        unsupported += weight * term.unsupported
        // A bound that one reward does not keep to holds nothing: leaving that row out would be a choice by
        // its outcome.
        if bounded?.observe(term, reward: row.reward, prediction: prediction) == false {
            bounded = nil
        }
    }

    mutating func doubt(_ label: Int, _ mass: Double) { doubtful[label, default: 0] += mass }

    /// As many shoppers as all have.
    mutating func grow(to count: Int) {
        while ratio.count < count {
            ratio.append(0)
            ips.append(0)
            direct.append(0)
            robust.append(0)
            for index in switched.indices { switched[index].append(0) }
        }
    }
}

extension PolicySums {
    /// (Σw)² / Σw², over decisions or over shoppers, whichever is less.
    var effectiveSample: Double {
        let sum = ratio.reduce(0, +)
        let byShopper = ratio.reduce(0) { $0 + $1 * $1 }
        let most = max(ratioSquares, byShopper)
        return most > 0 ? sum * sum / most : 0
    }

    /// The largest share of all weight that one shopper has: that of one decision at least.
    var largestShare: Double {
        let sum = ratio.reduce(0, +)
        return sum > 0 ? max(ratio.max() ?? 0, largest) / sum : 0
    }
}
