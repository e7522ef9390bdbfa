import Records

/// Whether labels are others than was to be predicted of them, in some slice and over some of the newest
/// examples: they have shifted abruptly, or are poisoned.
///
/// What was predicted before each label was known is right in the mean while the world stays as it was,
/// and examples of any one window then sum to a martingale whose variance is known. It is near enough to
/// normal once its skewness, which is at most that of its largest weight, is allowed for. (A bound that
/// holds for every martingale asks for a fifth more, and loses poison that could be found.) A paired
/// comparison of losses sees such a shift to the second order alone, since any model that learned the
/// labels agrees with them.
///
/// So that a slice's shift is not learned away within the window, its predictions are taken back to the
/// level from before it (`LevelHistory`), and so that a season is none, they are then raised or lowered as
/// the labels of all other categories came beside theirs.
/// Source: Cornish and Fisher, "Moments and cumulants in the specification of distributions", Revue de
/// l'Institut International de Statistique 1938.
public struct LabelShift: Sendable {
    /// What a shift is.
    public struct Configuration: Sendable, Hashable {
        /// Share of the expected positives by which they may differ for good.
        public var margin: Double
        /// Chance of a false alarm, over all slices and windows of the judgements.
        public var alpha: Double
        /// What took longer is no sudden shift. Units: milliseconds of event time.
        public var spanMs: Int64

        /// By default five per cent, at a chance of one per cent, within a week.
        public init(margin: Double = 0.05, alpha: Double = 0.01, spanMs: Int64 = 7 * 86_400_000) {
            self.margin = margin
            self.alpha = alpha
            self.spanMs = spanMs
        }
    }

    /// The slice that is furthest off.
    public struct Finding: Codable, Sendable, Equatable {
        /// The category's name, or `RefreshGate.everything`.
        public var slice: String
        /// Examples of the slice in the window that is furthest off.
        public var examples: Int
        /// Shares of positive labels: as predicted and as they came.
        public var expected: Double
        /// As they came.
        public var observed: Double

        /// Takes each field as it is.
        public init(slice: String, examples: Int, expected: Double, observed: Double) {
            self.slice = slice
            self.examples = examples
            self.expected = expected
            self.observed = observed
        }
    }

    private struct Sums {
        var examples = 0
        var weight = 0.0
        var expected = 0.0
        var observed = 0.0
        var variance = 0.0
        var largest = 0.0
        /// Expected at the level from before the window; of everything alone.
        var before = 0.0
    }

    let configuration: Configuration
    /// How many deviations off chance takes one side of one slice in one window, at most.
    private let deviations: Double
    private let slices: [LevelHistory.Category]
    private let index: [LevelHistory.Category: Int]
    private var sums: [Sums]
    private var windows = 0
    private var found:
        (finding: Finding, slice: LevelHistory.Category, window: Int, excess: Double)?

    /// - Parameters:
    ///   - heads: of each, all examples are looked at together.
    ///   - slices: and these on their own.
    ///   - judgements: over how many like this one the chance of a false alarm is divided.
    public init(
        heads: [String], slices: [LevelHistory.Category], judgements: Int,
        configuration: Configuration = Configuration()
    ) {
        self.configuration = configuration
        let everything = heads.map { LevelHistory.Category(head: $0, name: RefreshGate.everything) }
        self.slices = everything + slices
        index = Dictionary(zip(self.slices, self.slices.indices)) { first, _ in first }
        sums = Array(repeating: Sums(), count: self.slices.count)
        let looks = LevelHistory.windowsMax * judgements
        deviations = Self.deviations(
            tail: configuration.alpha / (2 * Double(looks * self.slices.count)))
    }

    /// Takes the next example of a window.
    ///
    /// - Parameters:
    ///   - served: what was predicted of it.
    ///   - moved: logits by which its category's level had moved since before the window.
    public mutating func observe(
        served: Double, moved: Double, label: Bool, weight: Double, head: String,
        category: String?
    ) {
        guard served.isFinite, moved.isFinite, weight.isFinite, weight > 0 else { return }
        let before = logistic(served - moved)
        func add(_ name: String, _ p: Double) {
            guard let slice = index[.init(head: head, name: name)] else { return }
            sums[slice].examples += 1
            sums[slice].weight += weight
            sums[slice].expected += weight * p
            sums[slice].observed += label ? weight : 0
            sums[slice].variance += weight * weight * p * (1 - p)
            sums[slice].largest = max(sums[slice].largest, weight)
            sums[slice].before += weight * before
        }
        add(RefreshGate.everything, logistic(served))
        if let category { add(category, before) }
    }

    /// Looks at the window's examples; the next one begins.
    ///
    /// - Parameters:
    ///   - known: the slice of an earlier finding, and this the window that said so: it stands until the
    ///     labels are back within the margin, whatever chance may explain.
    ///   - positives: that had been learned of a category before the window. A level that rests on few may
    ///     have been wrong, and moved because it was.
    public mutating func endWindow(
        known: LevelHistory.Category? = nil, positives: (LevelHistory.Category) -> Double
    ) {
        for (slice, sum) in zip(slices, sums) where sum.expected > 0 {
            var (expected, variance) = (sum.expected, sum.variance)
            if slice.name != RefreshGate.everything {
                guard let all = index[.init(head: slice.head, name: RefreshGate.everything)] else {
                    continue
                }
                let others = (
                    expected: sums[all].before - sum.before,
                    observed: sums[all].observed - sum.observed
                )
                // A lone category is everything.
                guard others.expected > 0, others.observed > 0 else { continue }
                let level = others.observed / others.expected
                expected *= level
                variance *= level
                variance +=
                    expected * expected
                    * (1 / positives(slice) + sums[all].largest / others.observed)
            }
            let radius =
                slice == known
                ? 0
                : deviations * variance.squareRoot()
                    + sum.largest * (deviations * deviations - 1) / 6
            let excess = (abs(sum.observed - expected) - radius) / expected
            guard excess > configuration.margin, excess > found?.excess ?? 0 else { continue }
            found = (
                Finding(
                    slice: slice.name, examples: sum.examples,
                    expected: expected / sum.weight, observed: sum.observed / sum.weight),
                slice, windows, excess
            )
        }
        windows += 1
        sums = Array(repeating: Sums(), count: slices.count)
    }

    /// Deviations beyond which a normal variable lies with no more than this chance, by the bound
    /// density / deviations of the tail.
    private static func deviations(tail: Double) -> Double {
        let evidence = max(2, -naturalLogarithm(tail))
        var z = (2 * evidence).squareRoot()
        for _ in 0..<8 {
            z = max(1, 2 * (evidence - naturalLogarithm(z) - 0.918_938_533_204_672_7)).squareRoot()
        }
        return z
    }

    /// What the windows say.
    public var finding: Finding? { found?.finding }

    /// Whose labels have shifted, and the number of the window, from 0, that says so.
    public var place: (slice: LevelHistory.Category, window: Int)? {
        found.map { ($0.slice, $0.window) }
    }
}

/// What follows where labels have shifted.
public enum ShiftResponse: String, Sendable, CaseIterable {
    /// No state passes a gate until the labels are again as they are predicted; what to do is for a
    /// person to say.
    case hold
    /// It also counts as a rejection of the heads.
    case rollBack = "roll_back"
}
