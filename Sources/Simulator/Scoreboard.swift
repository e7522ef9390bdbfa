/// A way of pricing, whose worth is counted for the visits that were really made.
public enum Strategy: Sendable, Hashable, CustomStringConvertible {
    /// What the shoppers were really offered.
    case offered
    /// The list price at every visit.
    case noDiscount
    /// The same depth at every visit, as far as the rules allow it.
    case fixed(Double)
    /// The price that earns most under the truth and the rules.
    case oracle

    /// Its name in tables and reports.
    public var description: String {
        switch self {
        case .offered: "offered"
        case .noDiscount: "no discount"
        case .fixed(let depth): "fixed \(Int((depth * 100).rounded())) %"
        case .oracle: "oracle"
        }
    }
}

/// Sums over a run of visits, in expectation under the truth.
public struct Score: Sendable, Hashable {
    /// Visits that were made.
    public private(set) var visits = 0
    /// Visits that had an offer to go by, rather than the list price for want of one.
    public private(set) var offers = 0
    /// Expected purchases, in the order of the strategies.
    public private(set) var conversions: [Double]
    /// Expected margins, likewise. Units: the shop's currency.
    public private(set) var margins: [Double]

    init(strategyCount: Int) {
        conversions = [Double](repeating: 0, count: strategyCount)
        margins = conversions
    }

    mutating func add(_ outcomes: [Outcome], hadOffer: Bool) {
        visits += 1
        offers += hadOffer ? 1 : 0
        for (index, outcome) in outcomes.enumerated() {
            conversions[index] += outcome.conversion
            margins[index] += outcome.margin
        }
    }

    mutating func add(_ other: Score) {
        visits += other.visits
        offers += other.offers
        for index in margins.indices {
            conversions[index] += other.conversions[index]
            margins[index] += other.margins[index]
        }
    }
}

/// What happened, rather than what was to be expected.
public struct Realised: Sendable, Hashable {
    /// Purchases made.
    public internal(set) var purchases = 0
    /// Units bought.
    public internal(set) var units = 0
    /// Purchases given back, or to be.
    public internal(set) var refunds = 0
    /// Margin of what was bought and kept, refunds to come included.
    public internal(set) var margin = 0.0
}

/// Counts what every strategy would have earned at exactly the visits made.
///
/// All strategies see the same shopper, item and moment, and all are counted in expectation, so
/// that they differ by what they offer and by nothing else.
public struct Scoreboard: Sendable {
    /// Offered first, then none, the fixed ones, and the oracle last.
    public let strategies: [Strategy]
    /// In the order of time, each of `windowVisits` visits (the last may have fewer).
    public private(set) var windows: [Score] = []
    /// What happened, by the shoppers' own dice.
    public internal(set) var realised = Realised()
    private let windowVisits: Int

    /// - Parameter windowVisits: at least 1 is taken.
    public init(fixedDepths: [Double], windowVisits: Int) {
        strategies = [.offered, .noDiscount] + fixedDepths.map { .fixed($0) } + [.oracle]
        self.windowVisits = max(1, windowVisits)
    }

    /// The sum of all windows.
    public var total: Score { score(windows[...]) }

    /// The sum of some of the windows.
    public func score(_ part: ArraySlice<Score>) -> Score {
        part.reduce(into: Score(strategyCount: strategies.count)) { $0.add($1) }
    }

    mutating func add(_ outcomes: [Outcome], hadOffer: Bool) {
        if windows.last.map({ $0.visits >= windowVisits }) ?? true {
            windows.append(Score(strategyCount: strategies.count))
        }
        windows[windows.count - 1].add(outcomes, hadOffer: hadOffer)
    }

    /// Conversion of one strategy over `score`, as a share of visits.
    public func conversion(_ strategy: Strategy, _ score: Score) -> Double {
        guard score.visits > 0, let index = strategies.firstIndex(of: strategy) else { return 0 }
        return score.conversions[index] / Double(score.visits)
    }

    /// Margin for each visit. Units: the shop's currency.
    public func margin(_ strategy: Strategy, _ score: Score) -> Double {
        guard score.visits > 0, let index = strategies.firstIndex(of: strategy) else { return 0 }
        return score.margins[index] / Double(score.visits)
    }

    /// What a visit falls short of the best that the rules allow. Units: the shop's currency.
    public func regret(_ strategy: Strategy, _ score: Score) -> Double {
        margin(.oracle, score) - margin(strategy, score)
    }
}
