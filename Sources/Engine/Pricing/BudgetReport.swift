import Events
import Pricing
import Records

/// How one budget stands in the period that event time is in.
public struct BudgetReport: Codable, Sendable, Equatable {
    /// The budget's.
    public var name: String
    /// `day`, `week`, `month` or `campaign`.
    public var period: String
    /// The period's beginning, RFC 3339 in UTC; `nil` outside of a campaign's life and before any event.
    public var from: String?
    /// Its end, which is outside of it.
    public var until: String?
    /// Money given away; `nil` where it has no limit. Units: the currency's, to the hundredth.
    public var spend: Resource?
    /// Discounted purchases; `nil` where they have no limit.
    public var uses: Resource?

    /// What is limited. With shards the part of this one.
    public struct Resource: Codable, Sendable, Equatable {
        /// At most so much in a period.
        public var limit: Double
        /// What purchases took.
        public var spent: Double
        /// What offers that may still be bought would take.
        public var reserved: Double
        /// What new offers may take. Where it is below 0, purchases took more than was reserved for them.
        public var left: Double
        /// What it costs in decisions beside itself; 0 where nothing needs to be held back, or pacing is off.
        public var multiplier: Double
    }
}

extension BudgetReport {
    init(_ budget: Budget, _ account: BudgetAccount, atMs ms: Int64?) {
        var account = account
        let now = ms.flatMap { account.period(at: $0, of: budget.period) }
        name = budget.name
        period = budget.period.name
        from = now.map { Timestamp.text(ms: $0.span.fromMs) }
        until = now.map { Timestamp.text(ms: $0.span.untilMs) }
        let spent = now?.spent ?? BudgetAmount()
        let reserved = now?.reserved ?? BudgetAmount()
        spend = budget.spendMax.map {
            Resource(
                $0, spent.cents, reserved.cents, scale: 100,
                budget.isPaced ? account.pace.spendMultiplier : 0)
        }
        uses = budget.usesMax.map {
            Resource(
                $0, spent.uses, reserved.uses, scale: 1,
                budget.isPaced ? account.pace.useMultiplier : 0)
        }
    }
}

extension BudgetReport.Resource {
    fileprivate init(
        _ limit: Int64, _ spent: Int64, _ reserved: Int64, scale: Double, _ multiplier: Double
    ) {
        func units(_ count: Int64) -> Double { Double(count) / scale }
        self.init(
            limit: units(limit), spent: units(spent), reserved: units(reserved),
            left: units(limit - spent - reserved), multiplier: multiplier)
    }
}
