/// One price that could have been delivered, and how likely it was to be.
public struct PricingAction: Sendable, Hashable {
    /// The delivered discount.
    public let discount: Double
    /// The delivered price, in the currency of the list price.
    public let price: Double
    /// The probability that it was delivered, in [0, 1].
    public let propensity: Double
    /// The probability of a purchase at it.
    public let expectedConversion: Double
    /// Expected margin of this price less that of no discount; 0 where the cost is unknown.
    public let incrementalMargin: Double
}

/// The price decided for one shopper and one item, with all that is needed to judge it later.
public struct Decision: Sendable, Hashable {
    /// The discount delivered, after rounding to cents: `1 - price / listPrice`, or against `priorPrice`
    /// where that is lower. No other one may be announced.
    public let discount: Double
    /// The same as a fraction of the list price, whatever it is announced against.
    public let depth: Double
    /// The list price that was decided on, in the shop's currency.
    public let listPrice: Double
    /// The price delivered, in whole cents of that currency.
    public let price: Double
    /// What a reduction is measured against, where the rule is on and it is known.
    public let priorPrice: Double?
    /// Probability of a purchase at the price delivered.
    public let expectedConversion: Double
    /// Probability of a purchase at the list price.
    public let baselineConversion: Double
    /// `(price - cost) · E[quantity]`; `nil` where the cost is unknown.
    public let expectedMargin: Double?
    /// What the discount is expected to add to the margin of no discount.
    public let incrementalMargin: Double
    /// Probability that this price was delivered: over all draws, after the rules, given whether
    /// the user is held out. 1 means that no other price could have been.
    public let propensity: Double
    /// An `Exploration`, or `merchant` where the shop's habit was followed.
    public let policy: String
    /// Whether the price comes from the exploring draw (which may well have drawn the best).
    public let explored: Bool
    /// Whether the user never gets a discount.
    public let holdout: Bool
    /// Whether the price is that of an offer that stood.
    public let isHeld: Bool
    /// Whether the cost is `cost_fraction` of the list price, for want of a known one.
    public let costAssumed: Bool
    /// The rules that bound: those of the item whenever they hold, those of depth when they forbade
    /// what would have been offered without them.
    public let rules: [PricingRule]
    /// A better discount that waits for a person's word; nothing of it is delivered.
    public let withheld: WithheldOffer?
    /// Every price that could have been delivered; their propensities sum to 1.
    public let actions: [PricingAction]
}

extension Decision {
    /// As budgets take it.
    ///
    /// - Parameter quantity: expected units of a purchase.
    public func budgeted(quantity: Double) -> BudgetedOffer {
        BudgetedOffer(
            listPrice: listPrice, price: price, conversion: expectedConversion, quantity: quantity,
            isHeld: isHeld, isBound: rules.contains(.budget))
    }
}

/// What a decision keeps to, as far as the rules allow it.
public struct StandingPrice: Sendable, Hashable {
    /// An offer that stands; the same shopper is not offered another price before it expires.
    public struct Offer: Sendable, Hashable {
        /// Fraction of the list price.
        public var discount: Double
        /// The probability with which it was chosen, in (0, 1].
        public var propensity: Double
        /// Whether it was tried, and not thought the best.
        public var explored: Bool

        /// Takes each field as it is.
        public init(discount: Double, propensity: Double, explored: Bool) {
            self.discount = discount
            self.propensity = propensity
            self.explored = explored
        }
    }

    /// What the shop itself would offer; the nearest depth of the grid is given, with certainty.
    public var habit: Double?
    /// Goes before the habit.
    public var offer: Offer?

    /// By default neither: the choice holds.
    public init(habit: Double? = nil, offer: Offer? = nil) {
        self.habit = habit
        self.offer = offer
    }
}

/// The randomness of one decision: two numbers in [0, 1), independent and uniform.
public struct PricingDraws: Sendable, Hashable {
    /// Below ε: explore.
    public var explore: Double
    /// Which depth of the grid, when exploring.
    public var depth: Double

    /// Takes both as they are; `decide` throws where one is outside [0, 1).
    public init(explore: Double, depth: Double) {
        self.explore = explore
        self.depth = depth
    }

    func validate() throws(PricingError) {
        guard (0..<1).contains(explore) else {
            throw .badDraw(name: "exploring", value: explore)
        }
        guard (0..<1).contains(depth) else { throw .badDraw(name: "the depth", value: depth) }
    }
}

/// A discount as it reaches the shopper.
public struct DeliveredPrice: Sendable, Hashable {
    /// In whole cents of the list price's currency.
    public let price: Double
    /// Of the price in whole cents, so that it may differ a little from the grid's.
    public let discount: Double
    /// The depth of the grid that it comes from: where its demand stands.
    public let depthIndex: Int
}
