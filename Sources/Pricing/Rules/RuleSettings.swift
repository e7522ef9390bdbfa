/// The hard rules beside those of `PricingConfiguration`'s own fields; by default none is set.
public struct RuleSettings: Sendable, Hashable {
    /// Maximum depth by category, each with what lies below it.
    public var categoryDepths: [String: Double] = [:]
    /// Maximum depth by brand.
    public var brandDepths: [String: Double] = [:]
    /// Maximum depth by item id.
    public var itemDepths: [String: Double] = [:]
    /// Money that must remain above cost, in the currency of the prices; 0: none.
    public var marginAmount = 0.0
    /// Lowest price to be advertised by brand, as a fraction of the list price.
    public var brandMinimums: [String: Double] = [:]
    /// Hundredths that a discounted price ends in; empty: any.
    public var endings: [Int] = []
    /// Items that are never discounted.
    public var excludedItems: Set<String> = []
    /// Categories likewise, each with what lies below it.
    public var excludedCategories: Set<String> = []
    /// Brands likewise.
    public var excludedBrands: Set<String> = []
    /// When nothing is discounted.
    public var blackouts: [Blackout] = []
    /// At so many units left, or fewer, there is no discount; 0: none but for the sold out.
    public var lowStock = 0.0
    /// Caps of discounted offers; one a scope.
    public var caps: [FrequencyCap.Scope: Cap] = [:]
    /// The most that discounts within a day may differ by.
    public var dayChanges: [DepthScope: Double] = [:]
    /// Event time between different discounts, at least. Units: milliseconds.
    public var changeIntervalsMs: [DepthScope: Int64] = [:]
    /// What reductions are measured against.
    public var prior = PriorPriceSettings()
    /// When discounts wait for a person's word.
    public var approval = ApprovalSettings()
    /// The sales channel that is priced; `nil`: prices of every channel count.
    public var channel: String?

    /// So many discounted offers in a period.
    public struct Cap: Sendable, Hashable {
        /// At most, 1 or more.
        public var offers: Int
        /// Units: milliseconds.
        public var periodMs: Int64

        /// Takes each field as it is.
        public init(offers: Int, periodMs: Int64) {
            self.offers = offers
            self.periodMs = periodMs
        }
    }

    /// Nothing is set.
    public init() {}

    /// Whether rules look at what a shopper was offered.
    public var asksShopper: Bool { !caps.isEmpty || asksShopperItem }

    /// Whether it counts what was offered without a discount as well.
    public var asksShopperItem: Bool {
        dayChanges[.shopperItem] != nil || changeIntervalsMs[.shopperItem] != nil
    }

    /// Whether rules look at the discounts of an item.
    public var asksItemDepths: Bool {
        dayChanges[.item] != nil || changeIntervalsMs[.item] != nil
    }

    /// How long a shopper's offers are kept: twice as long as rules look back, and thirty days more for a
    /// stream that is learned again. Units: milliseconds.
    public var shopperKeepMs: Int64 {
        2 * longestPeriodMs + 30 * DayChange.dayMs
    }

    /// How far rules look back, the one that looks farthest. Units: milliseconds.
    public var longestPeriodMs: Int64 {
        let periods =
            caps.values.map(\.periodMs) + dayChanges.values.map { _ in DayChange.dayMs }
            + changeIntervalsMs.values
        return periods.max() ?? 0
    }

    /// The same of an item's discounts. Units: milliseconds.
    public var depthKeepMs: Int64 { shopperKeepMs }

    /// Offers that a shopper's history has room for.
    public static let shopperOffersMax = OfferHistory.entriesMax / 4

    /// - Throws: `badConfiguration`, naming the key as the configuration file spells it.
    public func validate() throws(PricingError) {
        func require(
            _ holds: Bool, _ key: String, _ value: some Any, _ expected: String
        ) throws(PricingError) {
            if !holds {
                throw .badConfiguration(key: key, value: "\(value)", expected: expected)
            }
        }
        for (key, depths) in [
            ("rules.category_depth", categoryDepths), ("rules.brand_depth", brandDepths),
            ("rules.item_depth", itemDepths),
        ] {
            for (name, depth) in depths {
                try require(
                    !name.isEmpty && (0..<1).contains(depth), "\(key).\(name)", depth, "in [0, 1)")
            }
        }
        try require(
            marginAmount >= 0 && marginAmount <= ItemOffer.amountMax, "rules.margin_floor_amount",
            marginAmount, "from 0 to 1e12")
        for (name, share) in brandMinimums {
            try require(
                !name.isEmpty && share > 0 && share <= 1, "rules.brand_minimum_price.\(name)",
                share, "above 0 and at most 1")
        }
        try require(
            endings.allSatisfy { (0...99).contains($0) }, "rules.price_endings", endings,
            "hundredths from 0 to 99")
        try require(
            lowStock >= 0 && lowStock <= ItemOffer.amountMax, "rules.low_stock", lowStock,
            "from 0 to 1e12")
        for blackout in blackouts {
            try require(
                blackout.fromMs < blackout.toMs, "rules.blackouts", blackout,
                "a time that ends after it begins")
        }
        try approval.validate()
        try validatePace(require)
    }

    private func validatePace(
        _ require: (Bool, String, Any, String) throws(PricingError) -> Void
    ) throws(PricingError) {
        for (scope, cap) in caps {
            let most =
                scope == .shopper || scope == .shopperItem
                ? Self.shopperOffersMax : 1_000_000_000
            try require(
                cap.offers >= 1 && cap.offers <= most, "rules.\(scope.rawValue)_offers", cap.offers,
                "from 1 to \(most)")
            try require(
                cap.periodMs >= 1000 && cap.periodMs <= 366 * DayChange.dayMs,
                "rules.\(scope.rawValue)_period", cap.periodMs, "from a second to 366 days")
        }
        for (scope, most) in dayChanges {
            try require(
                (0..<1).contains(most), "rules.\(scope.rawValue)_day_change", most, "in [0, 1)")
        }
        for (scope, ms) in changeIntervalsMs {
            try require(
                ms > 0 && ms <= 366 * DayChange.dayMs, "rules.\(scope.rawValue)_change_interval",
                ms, "above 0 and at most 366 days")
        }
        try require(
            prior.days == 0 || (30...366).contains(prior.days), "prior_price_days", prior.days,
            "0, or from 30 to 366")
        try require(
            (0...366).contains(prior.newDays), "prior_price_new_days", prior.newDays,
            "from 0 to 366")
        try require(
            prior.generalShare > 0 && prior.generalShare <= 1, "prior_price_general_share",
            prior.generalShare, "above 0 and at most 1")
    }
}
