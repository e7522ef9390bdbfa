/// No offer may cost more than a budget has left.
public struct BudgetRule: PriceRule {
    /// `budget`.
    public let name = PricingRule.budget
    /// A new offer reserves; one that stands has.
    public let isOfNewOffers = true

    /// It knows no budget by itself: it is told how each stands.
    public init() {}

    /// What may be given away a unit, so that every budget has it left.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        limit(facts) { (cents: $0.centsLeft, uses: $0.usesLeft) }
    }

    /// What the offer has reserved is its own, whatever else was spent.
    public func limitOfStanding(on facts: RuleFacts) -> PriceLimit {
        limit(facts) { standing in
            (
                cents: standing.centsLeft.map { max(0, $0) + standing.own.cents },
                uses: standing.usesLeft.map { max(0, $0) + standing.own.uses }
            )
        }
    }

    private func limit(
        _ facts: RuleFacts, _ left: (BudgetStanding) -> (cents: Int64?, uses: Int64?)
    ) -> PriceLimit {
        var givenMax: Int64?
        for standing in facts.circumstances.budgets {
            let left = left(standing)
            if let uses = left.uses, uses < 1 { return .barred }
            guard let cents = left.cents else { continue }
            let given = cents / (standing.units ?? facts.units)
            if given < 1 { return .barred }
            givenMax = min(givenMax ?? .max, given)
        }
        return givenMax.map(PriceLimit.given) ?? .free
    }
}

/// What all budgets together charge for what an offer is expected to take of them.
struct BudgetCharge {
    private var spend = 0.0
    private var use = 0.0

    init(_ standings: [BudgetStanding]) {
        for standing in standings {
            spend += standing.spendMultiplier
            use += standing.useMultiplier
        }
    }

    var isNone: Bool { spend == 0 && use == 0 }

    /// Units: margin, in the currency of the prices.
    func of(price: Double, list: Double, _ point: DemandPoint) -> Double {
        guard price < list else { return 0 }
        return point.probability * (spend * (list - price) * point.expectedQuantity + use)
    }
}
