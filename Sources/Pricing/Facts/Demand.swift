/// What is known of an item when its price is decided.
public struct ItemOffer: Sendable, Hashable {
    /// The list price of one unit, above 0.
    public var price: Double
    /// What the catalogue says it is, where it says so: the margin floor holds at either price.
    public var cataloguePrice: Double?
    /// What one unit costs the shop, where that is known.
    public var cost: Double?
    /// Units left; `nil` where the shop does not say, which counts as enough.
    public var stock: Double?
    /// Whether it is no longer sold: then it gets no discount.
    public var deleted: Bool

    /// Takes each field as it is; `decide` throws where one is out of range.
    public init(
        price: Double, cataloguePrice: Double? = nil, cost: Double? = nil, stock: Double? = nil,
        deleted: Bool = false
    ) {
        self.price = price
        self.cataloguePrice = cataloguePrice
        self.cost = cost
        self.stock = stock
        self.deleted = deleted
    }
}

/// The Gaussian posterior of the purchase logit at one depth.
public struct LogitUncertainty: Sendable, Hashable {
    /// Of the logit.
    public var mean: Double
    /// Of the logit, 0 or more.
    public var variance: Double
    /// With the logit of the same shopper and item at no discount.
    public var covarianceWithBaseline: Double

    /// Takes each field as it is.
    public init(mean: Double, variance: Double, covarianceWithBaseline: Double) {
        self.mean = mean
        self.variance = variance
        self.covarianceWithBaseline = covarianceWithBaseline
    }
}

/// What one shopper is expected to do with one item at one depth.
public struct DemandPoint: Sendable, Hashable {
    /// The discount, as a fraction of the list price.
    public var depth: Double
    /// Probability that a purchase is made.
    public var probability: Double
    /// Expected units if one is.
    public var expectedQuantity: Double
    /// What is not known of the logit; asked for where `PricingConfiguration.confidence` is set.
    public var uncertainty: LogitUncertainty?

    /// Takes each field as it is; `decide` throws where one is out of range.
    public init(
        depth: Double, probability: Double, expectedQuantity: Double = 1,
        uncertainty: LogitUncertainty? = nil
    ) {
        self.depth = depth
        self.probability = probability
        self.expectedQuantity = expectedQuantity
        self.uncertainty = uncertainty
    }

    func validate() throws(PricingError) {
        func require(
            _ holds: Bool, _ field: String, _ value: Double, _ expected: String
        ) throws(PricingError) {
            if !holds {
                throw .badDemand(depth: depth, field: field, value: value, expected: expected)
            }
        }
        try require((0...1).contains(probability), "probability", probability, "in [0, 1]")
        try require(
            expectedQuantity >= 0 && expectedQuantity <= ItemOffer.amountMax, "quantity",
            expectedQuantity, "finite and not negative")
        guard let uncertainty else { return }
        try require(uncertainty.mean.isFinite, "logit mean", uncertainty.mean, "finite")
        try require(
            uncertainty.variance >= 0 && uncertainty.variance.isFinite, "logit variance",
            uncertainty.variance, "finite and not negative")
        try require(
            uncertainty.covarianceWithBaseline.isFinite, "logit covariance",
            uncertainty.covarianceWithBaseline, "finite")
    }
}

extension ItemOffer {
    /// The largest price, cost or quantity that is taken for one: cents stay exact below it.
    public static let amountMax = 1e12

    func validate() throws(PricingError) {
        guard price > 0, price <= Self.amountMax else {
            throw .badItem(field: "price", value: price, expected: "above 0 and at most 1e12")
        }
        if let cataloguePrice, !(cataloguePrice > 0 && cataloguePrice <= Self.amountMax) {
            throw .badItem(
                field: "catalogue price", value: cataloguePrice,
                expected: "above 0 and at most 1e12")
        }
        if let cost, !(cost >= 0 && cost <= Self.amountMax) {
            throw .badItem(field: "cost", value: cost, expected: "from 0 to 1e12")
        }
        if let stock, !stock.isFinite {
            throw .badItem(field: "stock", value: stock, expected: "finite")
        }
    }
}
