/// What became of a refreshed model, and why, as the log tells it.
public struct RefreshJudgement: Sendable {
    public enum Outcome: Sendable {
        case promoted
        /// The evidence does not suffice yet.
        case waits
        /// By the fresh examples; `category` where it was one that showed harm.
        case rejected(category: String?)
        /// By the examples that nobody learned.
        case harmsAnchors(Double?, category: String?)
        /// The newest labels are others than was predicted of them: shares of positive ones.
        case shifted(category: String?, expected: Double, observed: Double)
    }

    public var outcome: Outcome
    /// By what part of it log-loss was higher than that of what served, on the fresh examples; `nil`
    /// where there were too few to compare.
    public var harm: Double?
    /// Bounds of `harm` beyond chance.
    public var atLeast: Double?
    public var atMost: Double?
    /// The harm that must be ruled out for a promotion (`guards.gate_harm`).
    public var margin: Double
    public var examples: Int
    public var steps: Int
    /// Norm of the change of all weights.
    public var moved: Double

    public init(
        outcome: Outcome, harm: Double?, atLeast: Double?, atMost: Double?, margin: Double,
        examples: Int, steps: Int, moved: Double
    ) {
        self.outcome = outcome
        self.harm = harm
        self.atLeast = atLeast
        self.atMost = atMost
        self.margin = margin
        self.examples = examples
        self.steps = steps
        self.moved = moved
    }

    /// Whether it asks for somebody's judgement.
    package var needsPerson: Bool {
        if case .shifted = outcome { true } else { false }
    }

    package var sentence: String {
        "\(verdict); \(steps) steps, weights moved by \(decimals(moved, 3))"
    }

    private var verdict: String {
        switch outcome {
        case .promoted: promoted
        case .waits:
            "refreshed adapters wait for more evidence: \(compared) so far" + upTo
        case .rejected(let category):
            "refreshed adapters rejected: "
                + (category.map { "they predict category \($0) worse; over all, " } ?? "")
                + compared + (isSmallHarm ? ", little, but more than chance explains" : "")
        case .harmsAnchors(let harm, let category):
            "refreshed adapters rejected: on the anchors"
                + (category.map { " of category \($0)" } ?? "") + " "
                + Self.compared(harm)
        case .shifted(let category, let expected, let observed):
            "refreshed adapters rejected: \(percent(observed, 1)) of the newest labels"
                + (category.map { " of \($0)" } ?? "")
                + " are positive where \(percent(expected, 1)) were predicted: shifted or poisoned, a person must say"
        }
    }

    private var promoted: String {
        guard let harm else { return "refreshed adapters promoted, not compared with what served" }
        guard harm > 0 else { return "refreshed adapters promoted: \(compared)" }
        return
            "refreshed adapters promoted, as no worse than what served: "
            + "the difference in log-loss on \(examples) fresh examples (\(percent(harm, 2)) more) "
            + "is within chance, and more than \(percent(margin, 2)) (guards.gate_harm) is ruled out"
            + upTo
    }

    private var compared: String {
        Self.compared(harm) + " on \(examples) fresh examples"
    }

    private static func compared(_ harm: Double?) -> String {
        harm.map {
            "log-loss was \(percent(abs($0), 2)) \($0 <= 0 ? "lower" : "higher") than what served"
        } ?? "log-loss was not compared"
    }

    private var upTo: String {
        atMost.map { ", at most \(percent($0, 2)) with what chance allows" } ?? ""
    }

    /// Whether harm was shown, and none above the margin.
    private var isSmallHarm: Bool { atLeast ?? 0 > 0 && atMost ?? .infinity < margin }
}

private func percent(_ share: Double, _ places: Int) -> String {
    "\(decimals(100 * share, places)) %"
}
