import Records

/// A mean over rows that come in clusters, and how sure it is.
///
/// The mean is the sum of the clusters' sums over the sum of their sizes. Its variance is that of the
/// clusters' deviations, with the usual correction G / (G - 1) for G clusters.
/// Source: Cameron and Miller, "A practitioner's guide to cluster-robust inference" (2015), section II.
public struct ClusteredMean: Sendable {
    /// Clusters that have rows.
    public let clusters: Int
    /// NaN of none.
    public let mean: Double
    /// Infinite of one cluster.
    public let standardError: Double
    /// The third moment of the clusters' deviations over the second to the power 1.5.
    let skewness: Double

    /// - Parameters:
    ///   - sums: of each cluster, what is summed.
    ///   - sizes: of each cluster, what that is a mean over; a cluster of size 0 has no rows.
    public init(sums: [Double], sizes: [Double]) {
        var total = 0.0
        var size = 0.0
        var count = 0
        for (sum, own) in zip(sums, sizes) where own != 0 {
            total += sum
            size += own
            count += 1
        }
        clusters = count
        mean = size > 0 ? total / size : .nan
        var squares = 0.0
        var cubes = 0.0
        for (sum, own) in zip(sums, sizes) where own != 0 {
            let deviation = sum - mean * own
            squares += deviation * deviation
            cubes += deviation * deviation * deviation
        }
        let groups = Double(count)
        standardError =
            count > 1 ? (squares * groups / (groups - 1)).squareRoot() / size : .infinity
        skewness = squares > 0 ? cubes / (squares * squares.squareRoot()) : 0
    }

    /// An interval that holds the mean with probability `1 - alpha` at one look, corrected for skewness:
    /// rewards are mostly nothing and sometimes much, and a few weights are large.
    ///
    /// Source: Hall, "On the removal of skewness by transformation" (JRSS B 1992), the cubic
    /// transformation, with Student's quantile.
    public func interval(alpha: Double) -> ConfidenceInterval? {
        guard clusters > 2, standardError.isFinite else { return nil }
        let quantile = studentQuantile(1 - alpha / 2, degrees: clusters - 1)
        return ConfidenceInterval(
            low: mean - standardError * untransformed(quantile),
            high: mean - standardError * untransformed(-quantile))
    }

    private func untransformed(_ y: Double) -> Double {
        guard skewness.magnitude > 1e-9 else { return y }
        return 3 / skewness * (cubeRoot(1 + skewness * (y - skewness / 6)) - 1)
    }

    /// An interval that may be looked at after every row: the mean is outside at any look with
    /// probability `alpha` at most, for large numbers of clusters.
    ///
    /// Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
    /// asymptotic confidence sequences" (Annals of Statistics 2024), theorem 2.2, with clusters for rows.
    /// - Parameter tunedFor: the number of clusters at which it is narrowest.
    public func sequence(alpha: Double, tunedFor: Int = 2000) -> ConfidenceInterval? {
        guard clusters > 2, standardError.isFinite else { return nil }
        let tail = -2 * naturalLogarithm(alpha)
        let rho2 = (tail + naturalLogarithm(tail + 1)) / Double(tunedFor)
        let mixed = Double(clusters) * rho2 + 1
        let log = naturalLogarithm(mixed.squareRoot() / alpha)
        let radius = standardError * (2 * mixed / (Double(clusters) * rho2) * log).squareRoot()
        return ConfidenceInterval(low: mean - radius, high: mean + radius)
    }
}

/// Both ends of an interval.
public struct ConfidenceInterval: Codable, Sendable, Hashable {
    /// The lower end.
    public var low: Double
    /// The upper end.
    public var high: Double

    /// Takes both as they are.
    public init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }

    /// Whether a value lies inside; the ends do.
    public func contains(_ value: Double) -> Bool { low <= value && value <= high }
}
