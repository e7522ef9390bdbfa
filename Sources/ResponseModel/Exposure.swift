import Records

/// What the head knows of an item: who it is, where it belongs, what its text says.
public struct ItemFeatures: Sendable {
    /// The item's id, by which its own effects are found.
    public let id: String
    /// A path like `Bag Snacks / Pretzels`; its first part is the item's department.
    public let category: String?
    /// `nil` or empty: unknown.
    public let brand: String?
    /// The text's vector. Shape (D), of unit length, or empty for a head without texts.
    public let vector: [Float]

    /// Copies what it is given; vectors are checked when they are used.
    public init(id: String, category: String? = nil, brand: String? = nil, vector: [Float] = []) {
        self.id = id
        self.category = category
        self.brand = brand
        self.vector = vector
    }
}

/// One value of an exposure's context.
public enum ContextValue: Sendable, Hashable {
    /// Of a key whose numbers are 0 and 1 alone, a flag with effects and crosses of its own; else a measure.
    case number(Double)
    case text(String)
}

/// An item shown to a user at a price: what a response is predicted for.
public struct Exposure: Sendable {
    /// Event time. Units: milliseconds since 1970.
    public var tsMs: Int64
    /// The user's id.
    public var user: String
    /// List price, above zero.
    public var price: Double
    /// Fraction of the list price, in [0, 1).
    public var discount: Double
    /// Sorted by key; a key occurs once.
    public var context: [(key: String, value: ContextValue)]

    /// Copies what it is given; its numbers are checked when it is learned or predicted.
    public init(
        tsMs: Int64, user: String, price: Double, discount: Double = 0,
        context: [(key: String, value: ContextValue)] = []
    ) {
        self.tsMs = tsMs
        self.user = user
        self.price = price
        self.discount = discount
        self.context = context
    }

    /// The same exposure at another discount.
    public func at(discount: Double) -> Exposure {
        var other = self
        other.discount = discount
        return other
    }
}

/// What the head says of an exposure before it learns the answer.
public struct Prediction: Sendable, Hashable {
    /// Mean, and mode, of the logit's Gaussian.
    public let logit: Double
    /// Variance of the logit: how unsure the head is.
    public let variance: Double
    /// The probability at `logit`.
    public let probability: Double

    /// Computes `probability` from the logit.
    public init(logit: Double, variance: Double) {
        self.logit = logit
        self.variance = variance
        probability = stableLogistic(logit)
    }
}
