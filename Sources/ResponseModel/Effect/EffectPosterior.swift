/// What a discount does to a response's logit: a step for any discount at all, and a slope in depth
/// that categories share and differ in.
///
///     effect(d, c) = step · [d > 0] + (slope + deviation_c) · depth(d)
///
/// The Gaussian posterior is over step, slope and deviations, with full covariance, and knows no
/// signs. Beside them are two levels, of rows with and without a logged propensity: the base may be off
/// by a constant in either kind, which on the logit scale would stretch the slope. What is served is cut at zero (`TruncatedNormal`), so that demand never falls with depth;
/// the uncut figures and their signs are kept to be looked at.
struct EffectPosterior: Sendable {
    static let step = 0
    static let slope = 1
    static let observedLevel = 2
    static let loggedLevel = 3
    static let firstCategory = 4

    let configuration: EffectConfiguration
    /// In the order of their deviations.
    private(set) var categories: [String] = []
    private(set) var mean: [Double]
    /// Shape (N, N), symmetric.
    private(set) var covariance: [Double]
    private var index: [String: Int] = [:]

    init(_ configuration: EffectConfiguration) {
        self.configuration = configuration
        mean = [0, configuration.slopeMean, 0, 0]
        let variances = [
            configuration.stepVariance, configuration.slopeVariance, configuration.levelVariance,
            configuration.levelVariance,
        ]
        covariance = variances.indices.flatMap { row in
            variances.indices.map { $0 == row ? variances[row] : 0 }
        }
    }

    /// A restored posterior; `nil` where the numbers do not fit together.
    init?(
        _ configuration: EffectConfiguration, categories: [String], mean: [Double],
        covariance: [Double]
    ) {
        self.init(configuration)
        let count = Self.firstCategory + categories.count
        guard Set(categories).count == categories.count, mean.count == count,
            covariance.count == count * count, (mean + covariance).allSatisfy(\.isFinite),
            (0..<count).allSatisfy({ covariance[$0 * count + $0] > 0 })
        else { return nil }
        self.categories = categories
        self.mean = mean
        self.covariance = covariance
        for (place, name) in categories.enumerated() { index[name] = Self.firstCategory + place }
    }

    /// The entry of a category's deviation; `nil` for one that is not told apart.
    func entry(_ category: String?) -> Int? { category.flatMap { index[$0] } }

    /// Makes room for a category, unless there are too many.
    mutating func admit(_ category: String?) {
        guard let category, index[category] == nil,
            categories.count < configuration.categoriesMax
        else { return }
        let old = mean.count
        let count = old + 1
        var grown = [Double](repeating: 0, count: count * count)
        for row in 0..<old {
            for column in 0..<old { grown[row * count + column] = covariance[row * old + column] }
        }
        grown[count * count - 1] = configuration.categoryVariance
        covariance = grown
        mean.append(0)
        index[category] = old
        categories.append(category)
    }

    /// Learns one label: its logit is `offset` plus the effect of what was done beyond what was to be
    /// expected.
    ///
    /// The same scalar solve as the head's.
    mutating func learn(
        offset: Double, step: Double, depth: Double, category: String?, level: Int, label: Bool,
        weight: Double
    ) {
        var x: [(entry: Int, value: Double)] = [
            (Self.step, step), (Self.slope, depth), (level, 1),
        ]
        if let own = entry(category) { x.append((own, depth)) }
        let count = mean.count
        var u = [Double](repeating: 0, count: count)
        var center = offset
        for (entry, value) in x {
            center += value * mean[entry]
            for other in 0..<count { u[other] += value * covariance[entry * count + other] }
        }
        var v = 0.0
        for (entry, value) in x { v += value * u[entry] }
        guard v > 1e-12, center.isFinite, weight.isFinite else { return }
        let z = stableMode(mean: center, variance: v, label: label ? 1 : 0, weight: weight)
        let p = stableLogistic(z)
        let curvature = weight * p * (1 - p)
        let shift = (z - center) / v
        let shrink = curvature / (1 + curvature * v)
        guard shift.isFinite, shrink.isFinite else { return }
        for row in 0..<count {
            mean[row] += shift * u[row]
            for column in 0...row {
                let value = covariance[row * count + column] - shrink * u[row] * u[column]
                covariance[row * count + column] = value
                covariance[column * count + row] = value
            }
        }
    }

    /// Variances of step and slope of a category before anything was learned.
    func priorVariances(_ category: String?) -> (step: Double, slope: Double) {
        (
            configuration.stepVariance,
            configuration.slopeVariance + (category == nil ? 0 : configuration.categoryVariance)
        )
    }

    /// Step and slope of a category, uncut, with their covariance.
    func uncut(_ category: String?) -> (
        step: Double, slope: Double, stepVariance: Double, slopeVariance: Double,
        covariance: Double
    ) {
        let count = mean.count
        func s(_ i: Int, _ j: Int) -> Double { covariance[i * count + j] }
        let own = entry(category)
        var slope = mean[Self.slope]
        var variance = s(Self.slope, Self.slope)
        var cross = s(Self.step, Self.slope)
        if let own {
            slope += mean[own]
            variance += 2 * s(Self.slope, own) + s(own, own)
            cross += s(Self.step, own)
        } else if category != nil {
            variance += configuration.categoryVariance
        }
        return (mean[Self.step], slope, s(Self.step, Self.step), max(variance, 1e-12), cross)
    }
}

/// A normal variable given that it is not below zero.
struct TruncatedNormal {
    let mean: Double
    /// Between the mode, where nothing was learned, and the mean, where nothing is left to learn.
    let served: Double
    let variance: Double

    /// - Parameters:
    ///   - mean: before the cut.
    ///   - variance: before the cut.
    ///   - prior: the variance before anything was learned.
    init(mean m: Double, variance v: Double, prior: Double) {
        let deviation = v.squareRoot()
        let a = -m / deviation
        // Hazard of the standard normal at a: density over what lies above.
        let hazard = Self.hazard(a)
        mean = max(0, m + deviation * hazard)
        let mode = max(0, m)
        served = mode + max(0, 1 - v / prior) * (mean - mode)
        variance = max(0, v * (1 - hazard * (hazard - a)))
    }

    /// phi(a) / (1 - Phi(a)).
    private static func hazard(_ a: Double) -> Double {
        if a < -12 { return 0 }
        let density = stableExp(-a * a / 2) * 0.398_942_280_401_432_7
        // Mills' ratio by its continued fraction where the tail is thin.
        guard a > 3 else { return density / (1 - normalDistribution(a)) }
        var fraction = a
        for k in stride(from: 60.0, through: 1, by: -1) { fraction = a + k / fraction }
        return fraction
    }

    /// The standard normal distribution, by West's rational form of Hart's algorithm; bits depend on
    /// the argument alone.
    static func normalDistribution(_ x: Double) -> Double {
        let t = abs(x)
        guard t < 37 else { return x > 0 ? 1 : 0 }
        let e = stableExp(-t * t / 2)
        let tail: Double
        if t < 7.071_067_811_865_47 {
            let top =
                ((((((3.526_249_659_989_11e-2 * t + 0.700_383_064_443_688) * t
                    + 6.373_962_203_531_65) * t + 33.912_866_078_383) * t + 112.079_291_497_871)
                    * t + 221.213_596_169_931) * t + 220.206_867_912_376)
            let bottom =
                (((((((8.838_834_764_831_84e-2 * t + 1.755_667_163_182_64) * t
                    + 16.064_177_579_207) * t + 86.780_732_202_946_1) * t + 296.564_248_779_674)
                    * t + 637.333_633_378_831) * t + 793.826_512_519_948) * t + 440.413_735_824_752)
            tail = e * top / bottom
        } else {
            let fraction = t + 1 / (t + 2 / (t + 3 / (t + 4 / (t + 0.65))))
            tail = e / fraction / 2.506_628_274_631
        }
        return x > 0 ? 1 - tail : tail
    }
}
