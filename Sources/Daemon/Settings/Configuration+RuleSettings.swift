import Pricing
import Records

extension Configuration.Pricing {
    /// The most margin, or what the shop itself would offer.
    public enum Aim: String, Sendable, CaseIterable {
        case margin, merchant
    }

    /// By what a trial tells within its cost, evenly, or not at all.
    public enum Exploration: String, Sendable, CaseIterable {
        case costBounded = "cost-bounded"
        case epsilonGreedy = "epsilon-greedy"
        case none
    }

    /// What reductions are measured against.
    public struct Prior: Sendable {
        /// Days before a reduction whose lowest price counts; 0: the rule is off.
        public var days = 0
        /// What becomes of a discount where the list price is above the prior price.
        public var policy = PriorPriceSettings.Policy.compute
        /// Whether a reduction that goes on and grows is measured against the price before all of it.
        public var progressive = false
        /// Days after which a new article may be reduced; 0: as many as count.
        public var newDays = 0
        /// Categories of goods that perish, which are exempt.
        public var perishable: [String] = []
        /// The share of a day's decisions that makes a price one for everybody.
        public var generalShare = 0.5
    }

    /// Hard rules beside the maximum depth and the margin floor. Names of categories hold for what lies below.
    public struct Rules: Sendable {
        /// Maximum depths by name.
        public var categoryDepth: [String: Double] = [:]
        /// Maximum depths by brand.
        public var brandDepth: [String: Double] = [:]
        /// Maximum depths by item id.
        public var itemDepth: [String: Double] = [:]
        /// Money that must remain above cost; 0: none.
        public var marginAmount = 0.0
        /// Lowest advertised price by brand, of the list price.
        public var brandMinimumPrice: [String: Double] = [:]
        /// Fractions of the currency's unit in which discounted prices end; empty: any.
        public var priceEndings: [Double] = []
        /// What is never discounted.
        public var excludeItems: [String] = []
        /// Categories that are never discounted, each with what lies below it.
        public var excludeCategories: [String] = []
        /// Brands likewise.
        public var excludeBrands: [String] = []
        /// When nothing is.
        public var blackouts: [Blackout] = []
        /// No discount at so many units or fewer; 0: at none left.
        public var lowStock = 0.0
        /// Discounted offers in a period, at most; 0: no cap.
        public var shopperOffers = 0
        /// Event time over which they are counted. Units: milliseconds, here and below.
        public var shopperPeriodMs = 7 * 86_400_000
        /// Discounted offers of one item to one shopper in `shopperItemPeriodMs`; 0: no cap.
        public var shopperItemOffers = 0
        /// Event time over which they are counted.
        public var shopperItemPeriodMs = 30 * 86_400_000
        /// Discounted offers of one item in `itemPeriodMs`; 0: no cap.
        public var itemOffers = 0
        /// Event time over which they are counted.
        public var itemPeriodMs = 86_400_000
        /// Discounted offers of one category in `categoryPeriodMs`; 0: no cap.
        public var categoryOffers = 0
        /// Event time over which they are counted.
        public var categoryPeriodMs = 86_400_000
        /// The most that discounts within a day may differ by; `nil`: no bound.
        public var shopperItemDayChange: Double? = nil
        /// The most that discounts of one item may differ by within a day; `nil`: no bound.
        public var itemDayChange: Double? = nil
        /// Time between different discounts, at least; 0: none.
        public var shopperItemChangeIntervalMs = 0
        /// Event time between different discounts of one item, at least.
        public var itemChangeIntervalMs = 0
    }

    /// As the engine takes them.
    var ruleSettings: RuleSettings {
        var settings = RuleSettings()
        settings.categoryDepths = rules.categoryDepth
        settings.brandDepths = rules.brandDepth
        settings.itemDepths = rules.itemDepth
        settings.marginAmount = rules.marginAmount
        settings.brandMinimums = rules.brandMinimumPrice
        settings.endings = rules.priceEndings.map { Int(saturating: ($0 * 100).rounded()) }
        settings.excludedItems = Set(rules.excludeItems)
        settings.excludedCategories = Set(rules.excludeCategories)
        settings.excludedBrands = Set(rules.excludeBrands)
        settings.blackouts = rules.blackouts
        settings.lowStock = rules.lowStock
        for (scope, offers, periodMs) in [
            (FrequencyCap.Scope.shopper, rules.shopperOffers, rules.shopperPeriodMs),
            (.shopperItem, rules.shopperItemOffers, rules.shopperItemPeriodMs),
            (.item, rules.itemOffers, rules.itemPeriodMs),
            (.category, rules.categoryOffers, rules.categoryPeriodMs),
        ] where offers > 0 {
            settings.caps[scope] = RuleSettings.Cap(offers: offers, periodMs: Int64(periodMs))
        }
        settings.dayChanges[.shopperItem] = rules.shopperItemDayChange
        settings.dayChanges[.item] = rules.itemDayChange
        for (scope, ms) in [
            (DepthScope.shopperItem, rules.shopperItemChangeIntervalMs),
            (.item, rules.itemChangeIntervalMs),
        ] where ms > 0 {
            settings.changeIntervalsMs[scope] = Int64(ms)
        }
        settings.prior.days = prior.days
        settings.prior.policy = prior.policy
        settings.prior.isProgressive = prior.progressive
        settings.prior.newDays = prior.newDays
        settings.prior.perishable = prior.perishable
        settings.prior.generalShare = prior.generalShare
        settings.channel = channel.isEmpty ? nil : channel
        return settings
    }
}

extension Configuration {
    private static let dayMs = 86_400_000

    static let priorPriceSettings: [Setting] = [
        Setting(
            key: "pricing.prior_price_days",
            summary:
                "Days before a reduction whose lowest price it is measured against, as EU law asks (deploy/docs/rules.md); 0: the rule is off. On, an item gets no discount before its prices are known for so long.",
            expects: "0, or a whole number from 30 to 366",
            read: { String($0.pricing.prior.days) },
            write: { target, value in
                guard case .scalar(let text) = value, let days = Int(text),
                    days == 0 || 30...366 ~= days
                else { return false }
                target.pricing.prior.days = days
                return true
            }),
        .choice(
            "pricing.prior_price_policy", \.pricing.prior.policy,
            "Where the list price is above the prior price, compute: the discount is taken off the prior price; refuse: there is none."
        ),
        .flag(
            "pricing.prior_price_progressive", \.pricing.prior.progressive,
            "true: a reduction that goes on and grows is measured against the price before all of it, where the country allows that."
        ),
        .integer(
            "pricing.prior_price_new_days", \.pricing.prior.newDays, 0...366,
            "Days after which a new article may be reduced, measured against all prices it had, where the country allows fewer; 0: as many as prior_price_days."
        ),
        .names(
            "pricing.prior_price_perishable", \.pricing.prior.perishable,
            "Categories of goods that perish quickly, with what lies below them: no prior price, where the country has rules of its own for them."
        ),
        .number(
            "pricing.prior_price_general_share", \.pricing.prior.generalShare, 0.01...1,
            "The share of a day's decisions on an item with a price, or a lower one, that makes it a price for everybody."
        ),
        .text(
            "pricing.channel", \.pricing.channel,
            "The sales channel that is priced: prices of item events that name another one are not taken; empty: all are."
        ),
    ]

    static let ruleSettings: [Setting] = [
        .shares(
            "pricing.rules.category_depth", \.pricing.rules.categoryDepth, 0...0.99,
            "Maximum depths by category, each with what lies below it, beside maximum_depth, as in {Wine: 0.2}; the smallest holds."
        ),
        .shares(
            "pricing.rules.brand_depth", \.pricing.rules.brandDepth, 0...0.99,
            "Maximum depths by brand."),
        .shares(
            "pricing.rules.item_depth", \.pricing.rules.itemDepth, 0...0.99,
            "Maximum depths by item id."),
        .number(
            "pricing.rules.margin_floor_amount", \.pricing.rules.marginAmount, 0...1e9,
            "Money that must remain above cost after the discount, in the currency of the prices."),
        .shares(
            "pricing.rules.brand_minimum_price", \.pricing.rules.brandMinimumPrice, 0.01...1,
            "Lowest price to be advertised by brand, as a fraction of the list price; single items say theirs in min_price of item events."
        ),
        .list(
            "pricing.rules.price_endings", \.pricing.rules.priceEndings,
            expects: "a list of hundredths in [0, 1), like [0.99, 0.95, 0]",
            parse: { value in
                guard case .scalar(let text) = value, let ending = Double(text), 0..<1 ~= ending,
                    abs(ending * 100 - (ending * 100).rounded()) < 1e-6
                else { return nil }
                return ending
            }, write: plain, valid: { Set($0).count == $0.count },
            "What discounted prices end in, as fractions of the currency's unit; []: any cent."),
        .names(
            "pricing.rules.exclude_items", \.pricing.rules.excludeItems,
            "Items that are never discounted."),
        .names(
            "pricing.rules.exclude_categories", \.pricing.rules.excludeCategories,
            "Categories likewise, each with what lies below it."),
        .names(
            "pricing.rules.exclude_brands", \.pricing.rules.excludeBrands, "Brands likewise."),
        .list(
            "pricing.rules.blackouts", \.pricing.rules.blackouts,
            expects:
                "a list of times like {from: \"2027-01-01T00:00:00Z\", to: \"2027-01-08T00:00:00Z\", categories: [Wine]}, in RFC 3339, each ending after it begins",
            parse: Blackout.init(value:), write: \.text,
            "Event times in which nothing is discounted, of some categories or, without any, of all."
        ),
        .number(
            "pricing.rules.low_stock", \.pricing.rules.lowStock, 0...1e9,
            "At so many units left, or fewer, there is no discount."),
        .integer(
            "pricing.rules.shopper_offers", \.pricing.rules.shopperOffers,
            0...RuleSettings.shopperOffersMax,
            "Discounted offers to one shopper in any shopper_period, at most; 0: no cap."),
        .duration(
            "pricing.rules.shopper_period", \.pricing.rules.shopperPeriodMs,
            1_000...(366 * dayMs), "Event time over which they are counted."),
        .integer(
            "pricing.rules.shopper_item_offers", \.pricing.rules.shopperItemOffers,
            0...RuleSettings.shopperOffersMax,
            "Discounted offers of one item to one shopper in any shopper_item_period, at most; 0: no cap."
        ),
        .duration(
            "pricing.rules.shopper_item_period", \.pricing.rules.shopperItemPeriodMs,
            1_000...(366 * dayMs), "Event time over which they are counted."),
        .integer(
            "pricing.rules.item_offers", \.pricing.rules.itemOffers, 0...1_000_000_000,
            "Discounted offers of one item, whoever to, in any item_period, at most; 0: no cap."),
        .duration(
            "pricing.rules.item_period", \.pricing.rules.itemPeriodMs, 1_000...(366 * dayMs),
            "Event time over which they are counted."),
        .integer(
            "pricing.rules.category_offers", \.pricing.rules.categoryOffers, 0...1_000_000_000,
            "Discounted offers of one category, whoever to, in any category_period, at most; 0: no cap."
        ),
        .duration(
            "pricing.rules.category_period", \.pricing.rules.categoryPeriodMs,
            1_000...(366 * dayMs), "Event time over which they are counted."),
        .optionalNumber(
            "pricing.rules.shopper_item_day_change", \.pricing.rules.shopperItemDayChange, 0...0.99,
            "The most that discounts of one item to one shopper may differ by within a day, none being 0; null: no bound."
        ),
        .optionalNumber(
            "pricing.rules.item_day_change", \.pricing.rules.itemDayChange, 0...0.99,
            "The most that discounts of one item may differ by within a day, whoever to; null: no bound."
        ),
        .duration(
            "pricing.rules.shopper_item_change_interval",
            \.pricing.rules.shopperItemChangeIntervalMs, 0...(366 * dayMs),
            "Event time between different discounts of one item to one shopper, at least; 0: none."
        ),
        .duration(
            "pricing.rules.item_change_interval", \.pricing.rules.itemChangeIntervalMs,
            0...(366 * dayMs),
            "Event time between different discounts of one item, whoever to, at least; 0: none."),
    ]
}

extension Setting {
    /// Fractions by name.
    static func shares(
        _ key: String, _ path: ConfigurationPath<[String: Double]>, _ range: ClosedRange<Double>,
        _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary,
            expects:
                "a map of names to numbers from \(plain(range.lowerBound)) to \(plain(range.upperBound))",
            read: {
                let pairs = $0[keyPath: path].sorted { $0.key < $1.key }
                    .map { "\(quoted($0.key)): \(plain($0.value))" }
                return "{" + pairs.joined(separator: ", ") + "}"
            },
            write: { target, value in
                var shares: [String: Double] = [:]
                switch value {
                case .null: break
                case .map(let entries):
                    for entry in entries {
                        guard case .scalar(let text) = entry.value, let share = Double(text),
                            range ~= share, !entry.key.isEmpty, shares[entry.key] == nil
                        else { return false }
                        shares[entry.key] = share
                    }
                case .scalar, .list: return false
                }
                target[keyPath: path] = shares
                return true
            })
    }

    /// Names, each once.
    static func names(
        _ key: String, _ path: ConfigurationPath<[String]>, _ summary: String
    ) -> Setting {
        .list(
            key, path, expects: "a list of names, each once",
            parse: { value in
                guard case .scalar(let text) = value, !text.isEmpty else { return nil }
                return text
            }, write: quoted, valid: { Set($0).count == $0.count }, summary)
    }
}

extension Blackout {
    init?(value: ConfigurationValue) {
        guard case .map(let entries) = value else { return nil }
        var ends: [String: Int64] = [:]
        var categories: [String] = []
        for entry in entries {
            switch (entry.key, entry.value) {
            case ("from", .scalar(let text)), ("to", .scalar(let text)):
                guard ends[entry.key] == nil, let ms = Timestamp.milliseconds(text) else {
                    return nil
                }
                ends[entry.key] = ms
            case ("categories", .list(let names)):
                for case .scalar(let name) in names where !name.isEmpty { categories.append(name) }
                guard categories.count == names.count else { return nil }
            default: return nil
            }
        }
        guard let from = ends["from"], let to = ends["to"], from < to else { return nil }
        self.init(fromMs: from, toMs: to, categories: categories)
    }

    fileprivate var text: String {
        let names = categories.map(quoted).joined(separator: ", ")
        return
            "{from: \(quoted(Timestamp.text(ms: fromMs))), to: \(quoted(Timestamp.text(ms: toMs)))"
            + (categories.isEmpty ? "}" : ", categories: [\(names)]}")
    }
}
