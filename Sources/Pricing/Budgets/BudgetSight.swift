/// The budgets that are for one decision, with their accounts: first asked what is left, then told what
/// became of it.
public struct BudgetSight: Sendable {
    private struct Part: Sendable {
        let budget: Budget
        var account: BudgetAccount
        /// `nil` where nothing is known of the time any more.
        let period: BudgetAccount.Period?
        /// What an offer that stands has reserved.
        let own: BudgetOffers.Share?
    }

    private var parts: [Part] = []
    /// The shopper's offers.
    public private(set) var offers = BudgetOffers()
    private var atMs: Int64 = 0

    /// No budget is for it.
    public init() {}

    /// Looks into accounts.
    ///
    /// - Parameters:
    ///   - accounts: of the budgets that are for the item.
    ///   - offers: what the shopper's offers have reserved.
    ///   - standing: the decision whose offer stands, if one does.
    ///   - knownMs: event time that all purchases up to are known; `nil` before there is any.
    public init(
        _ accounts: [(budget: Budget, account: BudgetAccount)], offers: BudgetOffers,
        standing: UInt64?, atMs ms: Int64, knownMs: Int64?
    ) {
        self.offers = offers
        atMs = ms
        let own = standing.flatMap(offers.find)?.shares ?? []
        for (budget, known) in accounts {
            var account = known
            if let knownMs { account.release(upTo: knownMs) }
            let period = account.period(at: ms, of: budget.period)
            // Outside of its campaign a budget says nothing.
            if period == nil, !account.isForgotten(ms) { continue }
            let hash = BudgetOffers.hash(ofBudget: budget.name)
            parts.append(
                Part(
                    budget: budget, account: account, period: period,
                    own: own.first { $0.budget == hash }))
        }
    }

    /// What the rules are told.
    public var standings: [BudgetStanding] { parts.map(Self.standing) }

    private static func standing(_ part: Part) -> BudgetStanding {
        var standing = BudgetStanding(name: part.budget.name)
        standing.units = part.budget.units
        standing.own = part.own?.amount ?? BudgetAmount()
        guard let period = part.period else {
            standing.usesLeft = 0
            return standing
        }
        let taken = period.spent + period.reserved
        standing.centsLeft = part.budget.spendMax.map { $0 - taken.cents }
        standing.usesLeft = part.budget.usesMax.map { $0 - taken.uses }
        if part.budget.isPaced {
            standing.spendMultiplier = part.account.pace.spendMultiplier
            standing.useMultiplier = part.account.pace.useMultiplier
        }
        return standing
    }

    /// Reserves what a decision may cost, and has pacing take it in.
    ///
    /// - Parameters:
    ///   - id: the decision's; that of the offer that stands where it was kept.
    ///   - item: the hash of the item's id.
    ///   - untilMs: when the offer ends.
    public mutating func note(
        _ offered: BudgetedOffer, as id: UInt64, item: UInt64, untilMs: Int64, lifetimeMs: Int64
    ) {
        let given = Cents.given(list: offered.listPrice, price: offered.price)
        let chance = given > 0 ? offered.conversion : 0
        var shares: [BudgetOffers.Share] = []
        var isNew = false
        for index in parts.indices {
            let budget = parts[index].budget
            guard let period = parts[index].period else { continue }
            if !offered.isHeld, budget.isPaced {
                parts[index].account.changePace {
                    $0.note(
                        expected: (cents: chance * offered.quantity * Double(given), uses: chance),
                        left: (
                            cents: budget.spendMax.map { $0 - period.spent.cents },
                            uses: budget.usesMax.map { $0 - period.spent.uses }
                        ), in: period.span, atMs: atMs, isBound: offered.isBound)
                }
            }
            guard given > 0 else { continue }
            if offered.isHeld, let own = parts[index].own {
                shares.append(own)
                continue
            }
            isNew = true
            let amount = BudgetAmount(
                cents: Cents.times(given, budget.units ?? Self.units(offered.quantity)), uses: 1)
            let endMs = parts[index].account.reserve(
                amount, in: period.span.fromMs, untilMs: untilMs, lifetimeMs: lifetimeMs)
            shares.append(
                BudgetOffers.Share(
                    budget: BudgetOffers.hash(ofBudget: budget.name),
                    periodMs: period.span.fromMs, endMs: endMs, amount: amount))
        }
        guard isNew else { return }
        offers.put(
            BudgetOffers.Entry(
                decision: id, item: item, atMs: min(atMs, offers.find(id)?.atMs ?? atMs),
                untilMs: untilMs, given: given, shares: shares))
    }

    /// Each budget's account as it is now.
    public var accounts: [(name: String, account: BudgetAccount)] {
        parts.map { ($0.budget.name, $0.account) }
    }

    /// Units that an offer is reserved for.
    static func units(_ quantity: Double) -> Int64 {
        max(1, Int64(min(quantity, 1e6).rounded()))
    }
}

/// What became of a decision, as budgets need it.
public struct BudgetedOffer: Sendable, Hashable {
    /// The list price that was decided on.
    public var listPrice: Double
    /// The price offered.
    public var price: Double
    /// Probability of a purchase at it.
    public var conversion: Double
    /// Expected units of a purchase.
    public var quantity: Double
    /// Whether it is an offer that stood.
    public var isHeld: Bool
    /// Whether a budget's limit kept it from what was wanted.
    public var isBound: Bool

    /// Takes each field as it is.
    public init(
        listPrice: Double, price: Double, conversion: Double, quantity: Double, isHeld: Bool,
        isBound: Bool
    ) {
        self.listPrice = listPrice
        self.price = price
        self.conversion = conversion
        self.quantity = quantity
        self.isHeld = isHeld
        self.isBound = isBound
    }
}

/// How one budget stands when a decision is made.
public struct BudgetStanding: Sendable, Hashable {
    /// The budget's.
    public var name: String
    /// Money that is neither spent nor reserved, in hundredths of the unit; below 0 where purchases took more
    /// than was reserved for them. `nil`: no limit.
    public var centsLeft: Int64?
    /// Likewise discounted purchases.
    public var usesLeft: Int64?
    /// What the offer that stands has reserved.
    public var own = BudgetAmount()
    /// Units that each offer is reserved for; `nil`: those that are expected.
    public var units: Int64?
    /// What spending costs beside the money.
    public var spendMultiplier = 0.0
    /// What a discounted purchase costs beside its margin.
    public var useMultiplier = 0.0

    /// Of a budget without limits.
    public init(name: String) { self.name = name }
}

extension BudgetAccount {
    /// Takes a purchase of an item that the budget is for.
    ///
    /// - Parameters:
    ///   - offer: the offer it belongs to; `nil` where none is known.
    ///   - knownMs: event time that all purchases up to are known.
    public mutating func book(
        _ amount: BudgetAmount, of budget: Budget, offer: BudgetOffers.Entry?, atMs ms: Int64,
        knownMs: Int64?
    ) {
        if let knownMs { release(upTo: knownMs) }
        let hash = BudgetOffers.hash(ofBudget: budget.name)
        let share = offer?.shares.first { $0.budget == hash }
        if let share, periods.contains(where: { $0.span.fromMs == share.periodMs }) {
            spend(amount, in: share.periodMs, reserved: (share.amount, share.endMs))
        } else if let period = period(at: ms, of: budget.period) {
            spend(amount, in: period.span.fromMs, reserved: nil)
        }
    }
}
