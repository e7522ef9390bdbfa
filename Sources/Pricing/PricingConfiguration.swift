/// How an offer is chosen among the depths that the rules allow.
public enum Exploration: String, Sendable, Hashable, CaseIterable {
    /// Always the best expected margin; a propensity is then 1, and nothing can be learned from it
    /// about the depths not given.
    case none = "greedy"
    /// With probability ε a depth drawn evenly from the grid, else the best.
    case epsilonGreedy = "epsilon_greedy"
    /// Other depths by what they tell and against what they cost, within a share of the margin, and no
    /// discount as often as it may be better (`ExplorationBudget`); else the best.
    case costBounded = "cost_bounded"
}

/// What a discount may be, and how it is chosen.
public struct PricingConfiguration: Sendable, Hashable {
    /// The discounts considered, as fractions of the list price: ascending, from 0 (no discount).
    public var depths: [Double]
    /// No delivered discount is deeper than this fraction of the list price.
    public var maximumDepth: Double
    /// A discounted price stays above cost by at least this fraction of the list price.
    public var marginFloor: Double
    /// How long an offer may be shown. Units: milliseconds.
    public var offerLifetimeMs: Int64 = 86_400_000
    /// How an offer is chosen among the depths that the rules allow.
    public var exploration: Exploration
    /// The share of decisions that explore, of `epsilonGreedy`.
    public var epsilon: Double
    /// What exploring may cost, of `costBounded`, where the answer to discounts is known: a share of the
    /// expected margin. Where nothing is known it is up to 101 times as much.
    public var exploreCost = 0.0008
    /// The share of decisions that explore at most, of `costBounded`; no discount apart.
    public var exploreMax = 0.2
    /// The share of users that never get a discount, so that its worth can be measured.
    public var holdoutFraction: Double
    /// No discounts at all: every item at its list price.
    public var killSwitch = false
    /// The cost assumed where an item's is unknown, as a fraction of its list price. Without it
    /// such an item is never discounted.
    public var costFraction: Double?
    /// How sure the model must be that a discount pays: 0.8 asks that the 20th percentile of its
    /// incremental margin is positive. Needs the uncertainty of the demand; `nil` asks nothing.
    public var confidence: Double?
    /// Whom offers are made to; to all unless set.
    public var audience = OfferAudience()
    /// The hard rules beside the above.
    public var rules = RuleSettings()
    /// How much may be given away, and on what.
    public var budgets: [Budget] = []
    /// What offers cost beside what they give away.
    public var offerCost = OfferCost()

    /// By default depths up to 0.5 in steps of 0.05, `costBounded`, and one user in twenty held out.
    /// Everything else is set afterwards. `validate` checks the values.
    public init(
        depths: [Double] = PricingConfiguration.defaultDepths, maximumDepth: Double = 0.5,
        marginFloor: Double = 0, exploration: Exploration = .costBounded, epsilon: Double = 0.05,
        holdoutFraction: Double = 0.05, confidence: Double? = nil
    ) {
        self.depths = depths
        self.maximumDepth = maximumDepth
        self.marginFloor = marginFloor
        self.exploration = exploration
        self.epsilon = epsilon
        self.holdoutFraction = holdoutFraction
        self.confidence = confidence
    }

    /// 0, 0.05, … 0.5.
    public static let defaultDepths = (0...10).map { Double($0 * 5) / 100 }

    /// What a unit costs the shop: known, else assumed; `nil` where neither.
    public func cost(_ known: Double?, listPrice: Double) -> Double? {
        known ?? costFraction.map { $0 * listPrice }
    }

    /// Whether the user with this hash belongs to the hold-out: the same answer for ever.
    ///
    /// The hash is taken as uniform over 64 bits. A larger fraction keeps all who were in it.
    public func isHoldout(userHash: UInt64) -> Bool {
        Double(userHash >> 11) * 0x1p-53 < holdoutFraction
    }

    /// - Throws: `badConfiguration`, naming the key as the configuration file spells it.
    public func validate() throws(PricingError) {
        func require(
            _ holds: Bool, _ key: String, _ value: some Any, _ expected: String
        ) throws(PricingError) {
            if !holds {
                throw .badConfiguration(key: key, value: "\(value)", expected: expected)
            }
        }
        let ascending = zip(depths, depths.dropFirst()).allSatisfy { $0 + 0.001 <= $1 + 1e-12 }
        try require(
            (1...1000).contains(depths.count) && depths.first == 0 && ascending
                && depths.allSatisfy { $0 >= 0 && $0 < 1 },
            "depths", depths,
            "up to 1,000 ascending fractions from 0, below 1, at least 0.001 apart")
        try require(
            (0..<1).contains(maximumDepth), "maximum_depth", maximumDepth, "in [0, 1)")
        try require((0...1).contains(marginFloor), "margin_floor", marginFloor, "in [0, 1]")
        try require(offerLifetimeMs > 0, "offer_lifetime", offerLifetimeMs, "above 0")
        try require((0...1).contains(epsilon), "epsilon", epsilon, "in [0, 1]")
        try require((0...1).contains(exploreCost), "explore_cost", exploreCost, "in [0, 1]")
        try require((0..<1).contains(exploreMax), "explore_max", exploreMax, "in [0, 1)")
        try require(
            (0...1).contains(holdoutFraction), "holdout_fraction", holdoutFraction, "in [0, 1]")
        if let costFraction {
            try require((0...1).contains(costFraction), "cost_fraction", costFraction, "in [0, 1]")
        }
        if let confidence {
            try require(
                confidence > 0 && confidence < 1, "confidence", confidence, "between 0 and 1")
        }
        try require(
            offerCost.made.isFinite && offerCost.made >= 0, "offer_cost", offerCost.made,
            "0 or more")
        try require(
            offerCost.redeemed.isFinite && offerCost.redeemed >= 0, "redemption_cost",
            offerCost.redeemed, "0 or more")
        try audience.validate()
        try rules.validate()
        try Budget.validate(budgets)
    }
}
