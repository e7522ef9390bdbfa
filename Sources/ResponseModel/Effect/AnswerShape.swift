import CPosterior
import Records

/// The form that answers to discounts have in common: what they have beyond a line in the depth.
///
/// Jumps between neighbouring depths are a Gaussian of their own, each less the line that comes nearest to
/// it, so that the slope stays the slope. Their prior variance is estimated from the stream: where answers are a
/// line, a line it stays. What a shopper answers to depth is then counted along this form: who answers twice
/// as much answers twice as much to a threshold.
///
/// Shape: `count` jumps, the first between 5 and 10 % off, one for each further 5 %. Units: logits.
struct AnswerShape: Sendable, Equatable {
    static let count = 9
    /// From one jump to the next, as a discount.
    private static let width = 0.05
    /// The discounts at which a form is told: 5 % off and so on up to 50 %.
    private static let discounts = (1...count + 1).map { Double($0) / 20 }
    /// Slope of the line that comes nearest to each jump, over these discounts.
    private static let lines: [Double] = {
        let depths = discounts.map { OfferModel.depth($0) }
        let square = depths.reduce(0) { $0 + $1 * $1 }
        return (0..<count).map { jump in depths[(jump + 1)...].reduce(0, +) / square }
    }()
    /// What the estimate of the prior variance starts from, and the weight of this start, in jumps.
    private static let firstVariance = 0.01
    private static let firstWeight = 2.0
    /// Rows between two estimates.
    private static let pause = 500

    private(set) var mean = [Double](repeating: 0, count: count)
    /// Shape (count, count).
    private(set) var covariance = [Double](repeating: 0, count: count * count)
    /// Prior precision of each jump.
    private(set) var precision = 1 / firstVariance
    /// Rows with a discount.
    private(set) var rows = 0

    init() {
        for jump in 0..<Self.count { covariance[jump * (Self.count + 1)] = Self.firstVariance }
    }

    /// The form that was kept; `nil` for what can be none.
    init?(mean: [Double], covariance: [Double], precision: Double, rows: Int) {
        guard mean.count == Self.count, covariance.count == Self.count * Self.count, rows >= 0,
            precision > 0, ([precision] + mean + covariance).allSatisfy(\.isFinite),
            (0..<Self.count).allSatisfy({ covariance[$0 * (Self.count + 1)] > 0 })
        else { return nil }
        self.mean = mean
        self.covariance = covariance
        self.precision = precision
        self.rows = rows
    }

    /// The jumps behind a discount. A price that rounding has put just beside a depth counts as it.
    private static func passed(_ discount: Double) -> Int {
        min(count, max(0, Int((discount - width / 2) / width)))
    }

    /// What each jump counts at a discount.
    private static func row(_ discount: Double) -> [Double] {
        let (passed, depth) = (passed(discount), OfferModel.depth(discount))
        return (0..<count).map { ($0 < passed ? 1 : 0) - lines[$0] * depth }
    }

    /// What the form has beyond the line, at each discount.
    var report: [EffectReport.Bend] {
        Self.discounts.map { discount in
            let row = Self.row(discount)
            var variance = 0.0
            for one in row.indices {
                for other in row.indices {
                    variance += row[one] * row[other] * covariance[one * Self.count + other]
                }
            }
            return EffectReport.Bend(
                discount: discount, mean: bend(discount), deviation: max(0, variance).squareRoot())
        }
    }

    /// What a discount has beyond the line.
    func bend(_ discount: Double) -> Double {
        let (passed, depth, lines) = (Self.passed(discount), OfferModel.depth(discount), Self.lines)
        var sum = 0.0
        // As `row` has it, without an array: decisions ask for eleven depths.
        for jump in 0..<Self.count {
            sum += mean[jump] * ((jump < passed ? 1 : 0) - lines[jump] * depth)
        }
        return sum
    }

    /// Learns one label.
    ///
    /// - Parameter logit: what is expected of the row, the form among it.
    mutating func learn(discount: Double, logit: Double, target: Double, weight: Double) {
        guard isDiscounted(discount) else { return }
        let row = Self.row(discount)
        var gains = [Double](repeating: 0, count: Self.count)
        var variance = 0.0
        for jump in 0..<Self.count {
            for other in 0..<Self.count {
                gains[jump] += covariance[jump * Self.count + other] * row[other]
            }
            variance += gains[jump] * row[jump]
        }
        guard variance > 0, logit.isFinite else { return }
        let mode = posterior_mode(logit, variance, target, weight)
        let probability = stableLogistic(mode)
        let curvature = weight * probability * (1 - probability)
        let step = (mode - logit) / variance
        move(along: gains, by: step, curvature / (1 + curvature * variance))
        rows += 1
        if rows % Self.pause == 0 { estimatePrecision() }
    }

    /// Moves the mean along `gains`, and takes their square from the covariance, `less` times.
    private mutating func move(along gains: [Double], by step: Double, _ less: Double) {
        for jump in 0..<Self.count {
            mean[jump] += step * gains[jump]
            for other in 0..<Self.count {
                covariance[jump * Self.count + other] -= less * gains[jump] * gains[other]
            }
        }
    }

    /// Estimates the prior precision from the jumps, and learns these again under it.
    /// Source: MacKay, "Bayesian interpolation", 1992, equation 4.9 with a Gamma prior.
    private mutating func estimatePrecision() {
        var told = Self.firstWeight
        var square = Self.firstWeight * Self.firstVariance
        for jump in 0..<Self.count {
            told += max(0, 1 - precision * covariance[jump * (Self.count + 1)])
            square += mean[jump] * mean[jump]
        }
        let change = told / square - precision
        for jump in 0..<Self.count {
            let scale = 1 + change * covariance[jump * (Self.count + 1)]
            let gains = (0..<Self.count).map { covariance[$0 * Self.count + jump] }
            move(along: gains, by: -change / scale * mean[jump], change / scale)
        }
        precision += change
    }
}
