import Records

/// How much larger one model's log-loss is than another's on the same examples, with intervals that
/// know that examples of one item, or of one user, are not independent.
///
/// The mean is sum(w d) / sum(w) over examples of weight w and loss difference d. Its variance is
/// that of the clusters' sums of w (d - mean), with the usual correction G / (G - 1) for G clusters;
/// the interval is Student's with G - 1 degrees of freedom.
/// Source: Cameron and Miller, "A practitioner's guide to cluster-robust inference", 2015, section II.
public struct PairedDifference: Sendable {
    private struct Sums: Sendable {
        var difference = 0.0
        var weight = 0.0
    }

    private var total = Sums()
    private var positives = 0.0
    /// Examples taken.
    public private(set) var examples = 0
    private var byItem: [String: Sums] = [:]
    private var byUser: [String: Sums] = [:]

    /// Nothing was compared yet.
    public init() {}

    /// Takes one example that both predicted before its label was known.
    ///
    /// - Returns: false, and takes nothing, when a logit or the weight is no finite number.
    @discardableResult
    public mutating func observe(
        logit: Double, reference: Double, label: Bool, weight: Double = 1, item: String,
        user: String
    ) -> Bool {
        guard logit.isFinite, reference.isFinite, weight.isFinite, weight > 0 else { return false }
        let difference =
            weight
            * (logLoss(logit: logit, label: label)
                - logLoss(logit: reference, label: label))
        examples += 1
        positives += label ? weight : 0
        total.difference += difference
        total.weight += weight
        byItem[item, default: Sums()].difference += difference
        byItem[item, default: Sums()].weight += weight
        byUser[user, default: Sums()].difference += difference
        byUser[user, default: Sums()].weight += weight
        return true
    }

    /// The difference as a part of the base rate's entropy: in units of normalized entropy.
    public var report: PairedReport {
        let rate = total.weight > 0 ? positives / total.weight : 0
        let entropy = binaryEntropy(rate)
        guard entropy > 0 else { return PairedReport(examples: examples) }
        let mean = total.difference / total.weight
        return PairedReport(
            examples: examples, normalizedEntropy: mean / entropy,
            byItem: interval(Array(byItem.values), mean, entropy),
            byUser: interval(Array(byUser.values), mean, entropy))
    }

    private func interval(_ clusters: [Sums], _ mean: Double, _ unit: Double)
        -> PairedReport.Interval
    {
        guard clusters.count > 1 else { return .init(clusters: clusters.count) }
        // Sorted, so that the sum does not depend on a dictionary's order.
        let squares = clusters.map { cluster in
            let deviation = cluster.difference - mean * cluster.weight
            return deviation * deviation
        }.sorted()
        let groups = Double(clusters.count)
        let variance = squares.reduce(0, +) * groups / (groups - 1)
        let error = variance.squareRoot() / total.weight
        let radius = Self.student975(clusters.count - 1) * error
        return .init(
            clusters: clusters.count, standardError: error / unit, low: (mean - radius) / unit,
            high: (mean + radius) / unit)
    }

    /// The 97.5 % quantile of Student's distribution, by Hill's expansion; exact for one and two
    /// degrees of freedom, to 1 % above.
    static func student975(_ degrees: Int) -> Double {
        if degrees <= 1 { return 12.706 }
        if degrees == 2 { return 4.303 }
        let z = 1.959_964
        let n = Double(degrees)
        let z3 = z * z * z
        let z5 = z3 * z * z
        let z7 = z5 * z * z
        return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n)
            + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n)
    }
}

/// A paired difference; below zero the model is better than its reference.
public struct PairedReport: Codable, Sendable, Equatable {
    /// Examples compared.
    public var examples: Int
    /// `nil` where the labels are of one kind.
    public var normalizedEntropy: Double?
    /// 95 % intervals of it, by what examples are taken together.
    public var byItem: Interval?
    /// By user; `nil` where the labels are of one kind.
    public var byUser: Interval?

    /// A 95 % interval. All but the count is `nil` where there is one cluster or none.
    public struct Interval: Codable, Sendable, Equatable {
        /// Items or users that the examples fall into.
        public var clusters: Int
        /// Of the difference, in its unit.
        public var standardError: Double?
        /// The lower end, in the difference's unit.
        public var low: Double?
        /// The upper end, in the difference's unit.
        public var high: Double?

        enum CodingKeys: String, CodingKey {
            case clusters, low, high
            case standardError = "standard_error"
        }
    }

    enum CodingKeys: String, CodingKey {
        case examples
        case normalizedEntropy = "normalized_entropy"
        case byItem = "by_item"
        case byUser = "by_user"
    }
}
