import Pricing

/// What discounts can be: under a shop's rules, or any.
struct PolicyRules {
    private let pricing: PricingConfiguration
    private let policy: DiscountPolicy
    private let hold: Bool

    /// - Parameter hold: whether the configuration's rules hold; else every discount of its grid is allowed.
    init(_ configuration: PricingConfiguration, hold: Bool) throws {
        pricing = configuration
        policy = try DiscountPolicy(configuration)
        self.hold = hold
    }

    /// The deepest discount that a density may be spread to.
    var deepest: Double { hold ? pricing.maximumDepth : pricing.depths.last ?? 0 }

    /// What a unit of the decision's item costs the shop; `nil` where that is neither known nor assumed.
    func cost(_ decision: JoinedDecision) -> Double? {
        pricing.cost(decision.item.cost, listPrice: decision.offer.price)
    }

    /// What a wish for a discount comes to.
    func delivered(_ depth: Double, _ decision: JoinedDecision) throws -> Double {
        hold ? try policy.delivered(depth: depth, item: decision.itemOffer).discount : depth
    }

    /// The distinct discounts that the grid comes to.
    func grid(_ decision: JoinedDecision) throws -> [Double] {
        var found: [Double] = []
        for depth in pricing.depths {
            let discount = try delivered(depth, decision)
            if !found.contains(where: { decision.isSame($0, discount) }) { found.append(discount) }
        }
        return found
    }
}

extension JoinedDecision {
    /// Whether two discounts come to the same price: prices are whole cents.
    func isSame(_ one: Double, _ other: Double) -> Bool {
        abs(one - other) < 1e-6 || abs(one - other) * offer.price < 0.005 + 1e-9
    }

    /// Whether `discount` may be `other` as a log has rounded it: less than a cent apart.
    func isNear(_ one: Double, _ other: Double) -> Bool {
        abs(one - other) < 1e-6 || abs(one - other) * offer.price < 0.01 - 1e-9
    }
}
