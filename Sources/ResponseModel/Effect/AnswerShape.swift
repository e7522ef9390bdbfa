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
        let depths = discounts.map { PropensityModel.depth($0) }
        let square = depths.reduce(0) { $0 + $1 * $1 }
        return (0..<count).map { jump in depths[(jump + 1)...].reduce(0, +) / square }
    }()

    private(set) var jumps: JumpPosterior

    init() { jumps = JumpPosterior(count: Self.count) }

    init(_ jumps: JumpPosterior) { self.jumps = jumps }

    /// The jumps behind a discount. A price that rounding has put just beside a depth counts as it.
    private static func passed(_ discount: Double) -> Int {
        min(count, max(0, Int((discount - width / 2) / width)))
    }

    /// What each jump counts at a discount.
    private static func row(_ discount: Double) -> [Double] {
        let (passed, depth) = (passed(discount), PropensityModel.depth(discount))
        return (0..<count).map { ($0 < passed ? 1 : 0) - lines[$0] * depth }
    }

    /// What the form has beyond the line, at each discount.
    var report: [EffectReport.Bend] {
        Self.discounts.map { discount in
            let row = Self.row(discount)
            return EffectReport.Bend(
                discount: discount, mean: bend(discount),
                deviation: jumps.variance(row).squareRoot())
        }
    }

    /// What a discount has beyond the line.
    func bend(_ discount: Double) -> Double {
        let (passed, depth, lines) = (
            Self.passed(discount), PropensityModel.depth(discount), Self.lines
        )
        var sum = 0.0
        // As `row` has it, without an array: decisions ask for eleven depths.
        for jump in 0..<Self.count {
            sum += jumps.mean[jump] * ((jump < passed ? 1 : 0) - lines[jump] * depth)
        }
        return sum
    }

    /// Learns one label.
    ///
    /// - Parameter logit: what is expected of the row, the form among it.
    mutating func learn(discount: Double, logit: Double, target: Double, weight: Double) {
        guard isDiscounted(discount) else { return }
        jumps.learn(Self.row(discount), logit: logit, target: target, weight: weight)
    }
}
