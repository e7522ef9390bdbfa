import Records

/// Whether labels are others than was predicted of them, in some slice and over some of the newest
/// examples: they have shifted abruptly, or are poisoned.
///
/// What was predicted before each label was known is right in the mean while the world stays as it was,
/// and examples of any one window then sum to a martingale: its deviation is bounded by Freedman's
/// inequality, which needs no normality. A paired comparison of losses sees such a shift to the second
/// order alone, since any model that learned the labels agrees with them.
/// Source: Freedman, "On tail probabilities for martingales", Annals of Probability 1975, theorem 1.6.
public struct LabelShift: Sendable {
    public struct Configuration: Sendable, Hashable {
        /// Share of the expected positives by which they may differ for good.
        public var margin: Double
        /// Chance of a false alarm, over all slices, windows and judgements of a champion.
        public var alpha: Double
        /// The newest examples looked at: so many, and twice as many each time up to the second.
        public var windows: ClosedRange<Int>

        public init(
            margin: Double = 0.1, alpha: Double = 0.01, windows: ClosedRange<Int> = 2_500...40_000
        ) {
            self.margin = margin
            self.alpha = alpha
            self.windows = windows
        }
    }

    /// The slice that is furthest off.
    public struct Finding: Codable, Sendable, Equatable {
        public var slice: String
        public var examples: Int
        /// Shares of positive labels: as predicted and as they came.
        public var expected: Double
        public var observed: Double
    }

    private struct Sums {
        var examples = 0
        var weight = 0.0
        var expected = 0.0
        var observed = 0.0
        var variance = 0.0
        var largest = 0.0
    }

    let configuration: Configuration
    /// -log of the part of alpha that one slice of one window has on one side.
    private let evidence: Double
    private var names: [String]
    private var index: [String: Int]
    private var sums: [Sums]
    private var count = 0
    private var lookAt: Int
    private var found: (finding: Finding, excess: Double)?

    /// - Parameters:
    ///   - slices: besides everything.
    ///   - candidate: which judgement of this champion it is, from 1: the j-th gets α / j(j+1).
    public init(slices: [String], candidate: Int, configuration: Configuration = Configuration()) {
        self.configuration = configuration
        names = [RefreshGate.everything] + slices
        index = Dictionary(zip(names, names.indices)) { first, _ in first }
        sums = Array(repeating: Sums(), count: names.count)
        lookAt = configuration.windows.lowerBound
        var looks = 1.0
        var window = configuration.windows.lowerBound
        while window < configuration.windows.upperBound {
            window *= 2
            looks += 1
        }
        let number = Double(max(1, candidate))
        let shares = 2 * looks * Double(names.count) * number * (number + 1)
        evidence = Elementary.log(shares / configuration.alpha)
    }

    /// Takes the next example, going back from the newest.
    public mutating func observe(logit: Double, label: Bool, weight: Double, slice: String?) {
        guard logit.isFinite, weight.isFinite, weight > 0 else { return }
        let p = Elementary.sigmoid(logit)
        add(0, p, label, weight)
        if let slice, let own = index[slice] { add(own, p, label, weight) }
        count += 1
        guard count == lookAt else { return }
        lookAt *= 2
        look()
    }

    private mutating func add(_ slice: Int, _ p: Double, _ label: Bool, _ weight: Double) {
        sums[slice].examples += 1
        sums[slice].weight += weight
        sums[slice].expected += weight * p
        sums[slice].observed += label ? weight : 0
        sums[slice].variance += weight * weight * p * (1 - p)
        sums[slice].largest = max(sums[slice].largest, weight)
    }

    private mutating func look() {
        for (slice, sum) in sums.enumerated() where sum.expected > 0 {
            let radius =
                (2 * sum.variance * evidence).squareRoot() + sum.largest * evidence / 3
            let excess = (abs(sum.observed - sum.expected) - radius) / sum.expected
            guard excess > configuration.margin, excess > found?.excess ?? 0 else { continue }
            found = (
                Finding(
                    slice: names[slice], examples: sum.examples,
                    expected: sum.expected / sum.weight, observed: sum.observed / sum.weight),
                excess
            )
        }
    }

    /// What the windows that were full say.
    public var finding: Finding? { found?.finding }
}

/// What follows where labels have shifted.
public enum ShiftResponse: String, Sendable, CaseIterable {
    /// No state passes a gate until the labels are again as they are predicted; what to do is for a
    /// person to say.
    case hold
    /// It also counts as a rejection of the heads.
    case rollBack = "roll_back"
}
