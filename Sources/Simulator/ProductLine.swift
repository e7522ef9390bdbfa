/// One kind of product, and the ends its titles may have.
struct Product: Sendable {
    let noun: String
    /// Units: the shop's currency.
    let price: ClosedRange<Double>
    /// Size, pack or fitting.
    let details: [String]

    init(_ noun: String, _ price: ClosedRange<Double>, _ details: String...) {
        self.noun = noun
        self.price = price
        self.details = details
    }
}

/// Products that the same words can go before.
struct ProductLine: Sendable {
    let modifiers: [String]
    let tiers: [Tier]
    /// Cost as a share of the list price.
    let costShare: ClosedRange<Double>
    let products: [Product]
}

/// A department of the shop and how people buy in it.
struct Category: Sendable {
    let name: String
    /// Three letters that item ids begin with.
    let code: String
    /// How much more or less than elsewhere price decides.
    let sensitivity: Double
    /// Probability of one unit more, again and again.
    let bulk: Double
    /// Share of purchases that come back.
    let refundRate: Double
    let brands: [String]
    let lines: [ProductLine]
}

/// A word before the product's name that says what sort of buyer it is for.
struct Tier: Sendable {
    let name: String
    /// Added to the purchase logit.
    let worth: Double
    /// Multiplies the price sensitivity.
    let sensitivity: Double
    /// Multiplies the price.
    let price: Double

    static let professional = Tier(
        name: "Professional", worth: 0.35, sensitivity: 0.75, price: 1.35)
    static let heritage = Tier(name: "Heritage", worth: 0.25, sensitivity: 0.7, price: 1.3)
    static let signature = Tier(name: "Signature", worth: 0.3, sensitivity: 0.8, price: 1.25)
    static let deluxe = Tier(name: "Deluxe", worth: 0.15, sensitivity: 0.85, price: 1.2)
    static let classic = Tier(name: "Classic", worth: 0.1, sensitivity: 1, price: 1)
    static let compact = Tier(name: "Compact", worth: 0, sensitivity: 1, price: 0.9)
    static let everyday = Tier(name: "Everyday", worth: 0.05, sensitivity: 1.2, price: 0.85)
    static let essential = Tier(name: "Essential", worth: -0.1, sensitivity: 1.3, price: 0.75)
    static let basic = Tier(name: "Basic", worth: -0.4, sensitivity: 1.4, price: 0.65)

    static let technical = [professional, compact, deluxe, essential, basic]
    static let crafted = [heritage, signature, classic, everyday]
    static let plain = [classic, deluxe, everyday, essential, basic]
}

enum Vocabulary {
    static let categories: [Category] =
        [kitchen, coffee, garden, tools, outdoor, beauty, pets, office, home, toys]

    /// What shoppers make of a word in a title: added to the purchase logit.
    static func worth(_ modifier: String) -> Double { worths[modifier, default: 0] }
}
