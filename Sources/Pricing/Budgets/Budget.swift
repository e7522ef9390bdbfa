/// How much may be given away as discounts in a period, and on what.
public struct Budget: Sendable, Hashable {
    /// Names it in the ledger, in reports and in metrics; no two budgets have one.
    public var name: String
    /// What it is for.
    public var scope: Scope
    /// When it begins anew.
    public var period: BudgetPeriod
    /// Money given away in a period, at most, in hundredths of the currency's unit; `nil`: any.
    public var spendMax: Int64?
    /// Discounted purchases in a period, at most; `nil`: any.
    public var usesMax: Int64?
    /// Units that are reserved for each offer; `nil`: those that are expected of a purchase, rounded, one
    /// at least.
    public var units: Int64?
    /// Whether spending has a price in decisions, so that it is spread over the period.
    public var isPaced: Bool

    /// Items, categories and brands; what is in any of the lists is in the scope, and with three empty
    /// lists everything is.
    public struct Scope: Sendable, Hashable {
        /// Item ids.
        public var items: Set<String>
        /// Categories, each with what lies below it.
        public var categories: Set<String>
        /// Brands.
        public var brands: Set<String>

        /// Takes the names as they are; by default everything.
        public init(
            items: Set<String> = [], categories: Set<String> = [], brands: Set<String> = []
        ) {
            self.items = items
            self.categories = categories
            self.brands = brands
        }

        /// Whether an item is in it.
        public func holds(item: String, category: String?, brand: String?) -> Bool {
            if items.isEmpty, categories.isEmpty, brands.isEmpty { return true }
            return items.contains(item) || brand.map(brands.contains) ?? false
                || categories.contains { GroupName.holds(category: category, in: $0) }
        }
    }

    /// Takes each field as it is; `validate` checks them.
    public init(
        name: String, scope: Scope = Scope(), period: BudgetPeriod, spendMax: Int64? = nil,
        usesMax: Int64? = nil, units: Int64? = nil, isPaced: Bool = true
    ) {
        self.name = name
        self.scope = scope
        self.period = period
        self.spendMax = spendMax
        self.usesMax = usesMax
        self.units = units
        self.isPaced = isPaced
    }

    /// Budgets of one configuration, at most: each decision asks all that are for its item.
    public static let countMax = 1_000

    /// The part of one of several daemons that share it: parts differ by one at most, and together they are
    /// the whole.
    public func share(of shard: Int, among shards: Int) -> Budget {
        func part(_ whole: Int64) -> Int64 {
            let (each, rest) = whole.quotientAndRemainder(dividingBy: Int64(shards))
            return each + (Int64(shard) < rest ? 1 : 0)
        }
        var budget = self
        budget.spendMax = spendMax.map(part)
        budget.usesMax = usesMax.map(part)
        return budget
    }

    /// What is wrong with it, in a sentence that names the field; `nil` where nothing is.
    public var problem: String? {
        if name.isEmpty { return "has no name" }
        if name.utf8.count > 200 { return "name has more than 200 bytes" }
        if spendMax == nil, usesMax == nil { return "has neither spend nor uses" }
        // A part of several daemons may be nothing.
        if let spendMax, !(0...Cents.limitMax).contains(spendMax) {
            return "spend must be at most 1e13"
        }
        if let usesMax, !(0...Cents.limitMax).contains(usesMax) {
            return "uses must be at most 1e15"
        }
        if let units, !(1...1_000_000).contains(units) {
            return "units must be a whole number from 1 to 1000000"
        }
        return period.problem
    }

    /// Of several: also no two of one name.
    static func validate(_ budgets: [Budget]) throws(PricingError) {
        func refuse(_ value: String, _ expected: String) throws(PricingError) {
            throw .badConfiguration(key: "budgets", value: value, expected: expected)
        }
        if budgets.count > countMax {
            try refuse("\(budgets.count) budgets", "at most \(countMax)")
        }
        var names: Set<String> = []
        for budget in budgets {
            if let problem = budget.problem {
                try refuse("'\(budget.name)'", "a budget without this: it \(problem)")
            }
            if !names.insert(budget.name).inserted {
                try refuse("'\(budget.name)' twice", "budgets of different names")
            }
        }
    }
}

/// Money in hundredths of the currency's unit. Sums and products stop at a bound instead of trapping.
public enum Cents {
    /// What sums and products stop at, far above any limit.
    public static let most: Int64 = 1 << 60
    /// The largest limit.
    static let limitMax: Int64 = 1_000_000_000_000_000

    /// What a price gives away of a list price: exact where both are in whole cents, else the next cent up.
    public static func given(list: Double, price: Double) -> Int64 {
        guard price < list else { return 0 }
        let (list, price) = (list * 100, (price * 100).rounded())
        let whole = abs(list - list.rounded()) < 1e-3 ? list.rounded() : list.rounded(.up)
        let given = whole - price
        return given > 0 ? Int64(min(given, Double(most))) : 0
    }

    /// A product that stops at `most`. Neither factor is negative.
    public static func times(_ cents: Int64, _ count: Int64) -> Int64 {
        let (product, isOver) = cents.multipliedReportingOverflow(by: count)
        return isOver ? most : min(product, most)
    }

    static func plus(_ a: Int64, _ b: Int64) -> Int64 { min(a + b, most) }
}

/// What is spent or reserved of a budget: money and purchases. Neither is negative.
public struct BudgetAmount: Sendable, Hashable {
    /// Units: hundredths of the currency's unit.
    public var cents: Int64
    /// Discounted purchases.
    public var uses: Int64

    /// Takes both as they are.
    public init(cents: Int64 = 0, uses: Int64 = 0) {
        self.cents = cents
        self.uses = uses
    }

    /// Both are zero.
    public var isNone: Bool { cents == 0 && uses == 0 }

    /// Sums stop at `Cents.most`.
    public static func + (a: BudgetAmount, b: BudgetAmount) -> BudgetAmount {
        BudgetAmount(cents: Cents.plus(a.cents, b.cents), uses: Cents.plus(a.uses, b.uses))
    }

    /// Differences stop at zero.
    public static func - (a: BudgetAmount, b: BudgetAmount) -> BudgetAmount {
        BudgetAmount(cents: max(0, a.cents - b.cents), uses: max(0, a.uses - b.uses))
    }
}
