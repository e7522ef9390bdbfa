/// What a reduction of an item's price is to be measured against.
public enum PriorPrice: Sendable, Hashable {
    /// Nobody asks: the rule is off, or the goods are exempt.
    case notAsked
    /// No price for everybody is known from before.
    case unknown
    /// It has not been known for long enough.
    case tooNew
    /// The lowest price of the days before the reduction, and the reduction for everybody that goes on.
    case price(Double, running: RunningReduction? = nil)
}

/// A reduction for everybody that goes on. What is not lower than it ever was belongs to it; a lower price is a
/// reduction of its own, and this one comes before it.
public struct RunningReduction: Sendable, Hashable {
    /// The highest of its prices.
    public var highest: Double
    /// The lowest of them.
    public var lowest: Double

    /// Takes both as they are.
    public init(highest: Double, lowest: Double) {
        self.highest = highest
        self.lowest = lowest
    }
}

/// How the prior price is found, and what it does.
public struct PriorPriceSettings: Sendable, Hashable {
    /// What becomes of a discount where the list price is above the prior price.
    public enum Policy: String, Sendable, Hashable, CaseIterable {
        /// It is computed on the prior price.
        case compute
        /// There is none.
        case refuse
    }

    /// Days before a reduction whose lowest price it is measured against; 0: the rule is off.
    public var days = 0
    /// What becomes of a discount where the list price is above the prior price.
    public var policy = Policy.compute
    /// Whether a reduction that goes on and grows is measured against the price before all of it.
    public var isProgressive = false
    /// Days after which a new article may be reduced, measured against all prices it had; 0: `days`.
    public var newDays = 0
    /// Categories of goods that perish, which are exempt.
    public var perishable: [String] = []
    /// The share of a day's decisions at a price, or below it, that makes it one for everybody; in (0, 1].
    public var generalShare = 0.5

    /// Off.
    public init() {}

    /// Whether the rule holds for items of a category.
    public func concerns(_ category: String?) -> Bool {
        days > 0 && !perishable.contains { GroupName.holds(category: category, in: $0) }
    }
}

/// A reduction is measured against the lowest price of the days before it, and against nothing else.
///
/// What the reduction is computed on is `reference`. Where that price is not known there is no discount.
///
/// Source: Directive 98/6/EC, Article 6a; Court of Justice, C-330/23, of 26 September 2024.
public struct PriorPriceRule: PriceRule {
    /// `prior_price`.
    public let name = PricingRule.priorPrice
    /// What becomes of a discount where the list price is above the prior price.
    public let policy: PriorPriceSettings.Policy

    /// Takes the policy as it is.
    public init(_ policy: PriorPriceSettings.Policy) { self.policy = policy }

    /// Bars where the prior price is not known, or as the policy says.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        switch facts.circumstances.prior {
        case .notAsked: .free
        case .unknown, .tooNew: .barred
        case .price(let price, _):
            policy == .refuse && price < facts.item.price ? .barred : .free
        }
    }

    /// What discounts are computed on: the lower of list price and prior price.
    static func reference(_ facts: RuleFacts) -> PriceReference {
        let list = facts.item.price
        guard case .price(let price, let running) = facts.circumstances.prior else {
            return PriceReference(price: list)
        }
        var reference = PriceReference(price: min(list, price))
        if let running {
            reference.runningHighest = running.highest
            reference.ofLower = min(reference.price, running.lowest)
        }
        return reference
    }
}

/// What discounts are computed on.
struct PriceReference: Sendable {
    var price: Double
    /// Prices below this one are computed on `ofLower` instead; `nil`: none are.
    var runningHighest: Double?
    var ofLower = 0.0
}
