/// A hard rule: evaluated after everything else, and broken by no decision.
///
/// A rule takes discounts away and never forces one: the list price is always left. Each is a value that
/// knows its own configuration; all else it is told.
public protocol PriceRule: Sendable {
    /// What a recommendation calls it.
    var name: PricingRule { get }
    /// Whether it is asked about new offers alone: an offer that stands was counted when it was made.
    var isOfNewOffers: Bool { get }
    /// The prices that it forbids, by what it allows.
    func limit(on facts: RuleFacts) -> PriceLimit
    /// The same of an offer that stands.
    func limitOfStanding(on facts: RuleFacts) -> PriceLimit
}

extension PriceRule {
    /// Most rules also end an offer that stands.
    public var isOfNewOffers: Bool { false }

    /// Of a rule that is asked about new offers alone, all is allowed.
    public func limitOfStanding(on facts: RuleFacts) -> PriceLimit {
        isOfNewOffers ? .free : limit(on: facts)
    }
}

/// What a rule leaves of the prices of one item.
public struct PriceLimit: Sendable, Hashable {
    /// Whether no discount is allowed at all.
    public var barsDiscounts = false
    /// The lowest discounted price, in the currency of the list price.
    public var floor: Double?
    /// The lowest discounted price before it is rounded.
    public var nominalFloor: Double?
    /// The discounts allowed, as fractions of the list price.
    public var discounts: ClosedRange<Double>?
    /// Money that may be given away with a unit, exact, in hundredths of the currency's unit.
    public var givenMax: Int64?

    /// All is allowed.
    public static let free = PriceLimit()
    /// Nothing is allowed but the list price.
    public static let barred: PriceLimit = {
        var limit = PriceLimit()
        limit.barsDiscounts = true
        return limit
    }()

    /// Nothing is allowed below a price.
    public static func floor(_ price: Double) -> PriceLimit {
        var limit = PriceLimit()
        limit.floor = price
        return limit
    }

    /// Nothing is allowed but these discounts.
    public static func discounts(_ range: ClosedRange<Double>) -> PriceLimit {
        var limit = PriceLimit()
        limit.discounts = range
        return limit
    }

    /// No more is given away than so much.
    static func given(_ most: Int64) -> PriceLimit {
        var limit = PriceLimit()
        limit.givenMax = most
        return limit
    }

    /// Two discounts that differ by less are one.
    static let discountTolerance = 1e-9
}

/// All that rules are told of one decision.
public struct RuleFacts: Sendable, Hashable {
    /// The item as it is priced.
    public var item: ItemOffer
    /// What a unit costs, known or assumed; `nil` where neither.
    public var cost: Double?
    /// Units that an offer is reserved for, where a budget does not say.
    public var units: Int64
    /// Everything else.
    public var circumstances: OfferCircumstances

    /// Takes each field as it is.
    public init(
        item: ItemOffer, cost: Double?, units: Int64 = 1,
        circumstances: OfferCircumstances = OfferCircumstances()
    ) {
        self.item = item
        self.cost = cost
        self.units = units
        self.circumstances = circumstances
    }
}

/// What is known around an offer, beside the prices: which item it is, when it is made, what was offered
/// before. Time is event time.
public struct OfferCircumstances: Sendable, Hashable {
    /// The item's id; empty where no item is named.
    public var itemID = ""
    /// A path like `Bag Snacks / Pretzels`; `nil`: not known.
    public var category: String?
    /// `nil`: not known.
    public var brand: String?
    /// The lowest price at which the item may be advertised, as the catalogue says; `nil`: none.
    public var minimumPrice: Double?
    /// When the offer is made. Units: milliseconds since 1970.
    public var atMs: Int64 = 0
    /// Which decision it is: one that is made again is not counted twice.
    public var decision: UInt64 = 0
    /// Whether the shopper has objected to personalised prices.
    public var hasObjected = false
    /// What was offered before.
    public var earlier = EarlierOffers()
    /// What people said of deep discounts of the item.
    public var approval = Approval()
    /// What a reduction is to be measured against.
    public var prior = PriorPrice.notAsked
    /// How the budgets stand that are for the item.
    public var budgets: [BudgetStanding] = []

    /// Nothing is known.
    public init() {}
}

/// What was offered before, as far as rules ask for it.
public struct EarlierOffers: Sendable, Hashable {
    /// What this shopper was offered.
    public var shopper = OfferHistory()
    /// How often the item was offered at a discount.
    public var itemTally = OfferTally()
    /// How often items of the category were.
    public var categoryTally = OfferTally()
    /// The discounts that the item was offered at.
    public var itemDepths = DepthHistory()

    /// Nothing was.
    public init() {}
}

extension OfferCircumstances {
    func validate() throws(PricingError) {
        func require(_ amount: Double, _ field: String) throws(PricingError) {
            guard amount >= 0, amount <= ItemOffer.amountMax else {
                throw .badItem(field: field, value: amount, expected: "from 0 to 1e12")
            }
        }
        if let minimumPrice { try require(minimumPrice, "minimum price") }
        if case .price(let price, let running) = prior {
            for amount in [price, running?.highest ?? price, running?.lowest ?? price] {
                guard amount > 0 else {
                    throw .badItem(field: "prior price", value: amount, expected: "above 0")
                }
                try require(amount, "prior price")
            }
        }
        guard abs(atMs / 2) < 1 << 60 else {
            throw .badItem(field: "time", value: Double(atMs), expected: "a time")
        }
    }
}
