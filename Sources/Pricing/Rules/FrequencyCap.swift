/// No more than so many discounted offers in any period.
public struct FrequencyCap: PriceRule {
    /// Whose offers are counted.
    public enum Scope: String, Sendable, Hashable, CaseIterable {
        /// All of one shopper.
        case shopper
        /// Those of one item to one shopper.
        case shopperItem = "shopper_item"
        /// Those of one item, whoever to.
        case item
        /// Those of one category, whoever to.
        case category
    }

    /// `frequency_cap`.
    public let name = PricingRule.frequencyCap
    /// A new offer counts; one that stands has.
    public let isOfNewOffers = true
    /// Whose offers are counted.
    public let scope: Scope
    /// Offers in a period, at most.
    public let offers: Int
    /// Any stretch of event time of this length, its end outside of it. Units: milliseconds.
    public let periodMs: Int64

    /// Takes each field as it is.
    public init(scope: Scope, offers: Int, periodMs: Int64) {
        self.scope = scope
        self.offers = offers
        self.periodMs = periodMs
    }

    /// Bars where one more would be too many, or where it is not known any more how many there were.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        let circumstances = facts.circumstances
        let known = circumstances.earlier.shopper.find(circumstances.decision)
        switch scope {
        case .shopper, .shopperItem:
            let item = scope == .shopperItem ? circumstances.itemHash : nil
            return hasRoom(circumstances, item: item) ? .free : .barred
        case .item, .category:
            // Made again, it was counted.
            if let known, known.discount > 0 { return .free }
            let tally =
                scope == .item
                ? circumstances.earlier.itemTally : circumstances.earlier.categoryTally
            if scope == .category, circumstances.category == nil { return .free }
            let most = tally.most(aroundMs: circumstances.atMs, periodMs: periodMs)
            return most.map { $0 < UInt64(offers) } ?? false ? .free : .barred
        }
    }

    /// Whether every window that holds the new offer has room for it.
    private func hasRoom(_ circumstances: OfferCircumstances, item: UInt64?) -> Bool {
        let atMs = circumstances.atMs
        guard circumstances.earlier.shopper.knows(after: atMs - periodMs) else { return false }
        let times = circumstances.earlier.shopper.near(
            atMs, spanMs: periodMs, besides: circumstances.decision, item: item
        ).filter { $0.discount > 0 }.map(\.atMs)
        // A window with too many of them can be moved on to begin with one of them, or with the new one.
        for first in times + [atMs] where first <= atMs {
            let inside = times.count { $0 >= first && $0 - first < periodMs }
            if inside + 1 > offers { return false }
        }
        return true
    }
}
