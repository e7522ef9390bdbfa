import Pricing
import Records

/// One decision under rules, with a demand that wants the deepest depth of four.
struct RuleFixture {
    var configuration = PricingConfiguration(
        depths: [0, 0.1, 0.2, 0.3], maximumDepth: 0.9, exploration: .none, holdoutFraction: 0)
    var item = ItemOffer(price: 10, cost: 2)
    var circumstances = OfferCircumstances()
    var standing = StandingPrice()
    var draws = PricingDraws(explore: 0, depth: 0.99)
    var holdout = false

    init(_ change: (inout RuleFixture) -> Void = { _ in }) {
        circumstances.itemID = "kettle"
        circumstances.category = "Kitchen / Kettles"
        circumstances.brand = "Boil"
        circumstances.atMs = Self.day(100)
        circumstances.decision = 1
        change(&self)
    }

    func decide() throws -> Decision {
        try DiscountPolicy(configuration).decide(
            item: item,
            demand: configuration.depths.map { DemandPoint(depth: $0, probability: 0.05 + $0) },
            holdout: holdout, draws: draws, standing: standing, circumstances: circumstances)
    }

    static func day(_ day: Double) -> Int64 { Int64(day * 86_400_000) }

    /// A history of one shopper with this item: times in days, discounts.
    static func offers(_ made: [(day: Double, discount: Double)], item: String = "kettle")
        -> OfferHistory
    {
        var facts = OfferCircumstances()
        facts.itemID = item
        var history = OfferHistory()
        for (index, offer) in made.enumerated() {
            history.add(
                OfferHistory.Entry(
                    decision: UInt64(100 + index), atMs: day(offer.day), item: facts.itemHash,
                    discount: offer.discount), keepMs: day(100))
        }
        return history
    }
}
