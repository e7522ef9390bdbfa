import Records

/// Discounts offered within a day of each other differ by no more than so much.
public struct DayChange: PriceRule {
    /// `day_change`.
    public let name = PricingRule.dayChange
    /// A new offer is a change; one that stands is none.
    public let isOfNewOffers = true
    /// Whose discounts.
    public let scope: DepthScope
    /// As a fraction of the list price.
    public let most: Double

    static let dayMs: Int64 = 86_400_000

    /// Takes each field as it is.
    public init(scope: DepthScope, most: Double) {
        self.scope = scope
        self.most = most
    }

    /// A range of discounts, where there were others; bars where no discount is near enough to all of them.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        guard let others = scope.discounts(facts.circumstances, spanMs: Self.dayMs) else {
            return .barred
        }
        guard let least = others.min(), let deepest = others.max() else { return .free }
        let (from, to) = (deepest - most, least + most)
        return from <= to ? .discounts(from...to) : .barred
    }
}

/// A discount is not changed before so much time has gone by.
public struct ChangeInterval: PriceRule {
    /// `change_interval`.
    public let name = PricingRule.changeInterval
    /// A new offer is a change; one that stands is none.
    public let isOfNewOffers = true
    /// Whose discounts.
    public let scope: DepthScope
    /// Event time between two offers with different discounts, at least. Units: milliseconds.
    public let leastMs: Int64

    /// Discounts that differ by less are the same, as prices in whole cents make them.
    static let same = 0.001

    /// Takes each field as it is.
    public init(scope: DepthScope, leastMs: Int64) {
        self.scope = scope
        self.leastMs = leastMs
    }

    /// The discounts that are the same as all others of the time; bars where there are none.
    public func limit(on facts: RuleFacts) -> PriceLimit {
        guard let others = scope.discounts(facts.circumstances, spanMs: leastMs) else {
            return .barred
        }
        guard let least = others.min(), let deepest = others.max() else { return .free }
        let (from, to) = (deepest - Self.same, least + Self.same)
        return least > 0 && from <= to ? .discounts(from...to) : .barred
    }
}

/// Whose discounts are held together by a rule of changes.
public enum DepthScope: String, Sendable, Hashable, CaseIterable {
    /// Those of one item to one shopper; no discount counts as one of 0.
    case shopperItem = "shopper_item"
    /// Those of one item, whoever to. That some shoppers get none is no change.
    case item

    /// The discounts offered less than `spanMs` before or after; `nil` where they are not known any more.
    func discounts(_ circumstances: OfferCircumstances, spanMs: Int64) -> [Double]? {
        switch self {
        case .shopperItem:
            guard circumstances.earlier.shopper.knows(after: circumstances.atMs - spanMs) else {
                return nil
            }
            // What the same decision offered before a rewind was seen, and counts.
            return circumstances.earlier.shopper.near(
                circumstances.atMs, spanMs: spanMs, item: circumstances.itemHash
            ).map(\.discount)
        case .item:
            return circumstances.earlier.itemDepths.near(circumstances.atMs, spanMs: spanMs)
        }
    }
}

extension OfferCircumstances {
    /// What a history knows the item by.
    public var itemHash: UInt64 { StableHash.of(itemID, seed: 0x17e3_0ff2) }

    /// What a history knows a decision by.
    public static func decisionHash(_ id: String) -> UInt64 {
        StableHash.of(id, seed: 0xdec1_510e)
    }
}
