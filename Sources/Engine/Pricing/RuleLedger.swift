import Events
import Pricing
import Records

/// The room of what rules remember: which offers were made, at which prices items were offered to all, and what is
/// spent of budgets.
///
/// All of it is ledger, since what was said to shoppers stays said: a rewind does not take it back. What a step
/// reads of it goes through the journal, so that a replay finds it as it was. For that nothing is kept in memory
/// beyond a commit; until then each row is read once. Rows are kept only for the rules that are set.
package struct RuleLedger {
    static let shopperTable = StateTable("rules of shoppers", .ledger, keys: .owner)
    static let itemTable = StateTable("rules of items", .ledger)
    static let categoryTable = StateTable("rules of categories", .ledger)
    static let depthTable = StateTable("depths of items", .ledger)
    static let priceTable = StateTable("prices of items", .ledger)
    static let budgetTable = StateTable("budgets", .ledger)
    static let budgetOfferTable = StateTable("budgets of shoppers", .ledger, keys: .owner)
    static let approvalTable = StateTable("approvals", .ledger)
    static let waitingTable = StateTable("approvals waited for", .ledger)
    static let objectionTable = StateTable("objections", .ledger, keys: .blinded)
    /// Its tables but for that of objections.
    static let tables = [
        shopperTable, itemTable, categoryTable, depthTable, priceTable, budgetTable,
        budgetOfferTable, approvalTable, waitingTable,
    ]

    let settings: RuleSettings
    let budgets: Budgets
    private(set) var state: (any StateReader)?
    private var offered = Offered()
    private var prices = LedgerRows<String, PriceHistory>(priceTable)
    var accounts = LedgerRows<String, BudgetAccount>(budgetTable)
    var budgetOffers = LedgerRows<RowOwner, BudgetOffers>(budgetOfferTable)
    var approvals = LedgerRows<String, Approval>(approvalTable)
    var waiting = LedgerRows<String, WaitingList>(waitingTable)
    var objections = LedgerRows<RowOwner, ObjectionRow>(objectionTable)
    /// Up to where the records of a partition were published before a rewind, as far as a step has asked.
    var publishedTo: [TopicPartition: Int64] = [:]

    /// Which offers were made.
    private struct Offered {
        var shoppers = LedgerRows<RowOwner, OfferHistory>(shopperTable)
        var items = LedgerRows<String, OfferTally>(itemTable)
        var categories = LedgerRows<String, OfferTally>(categoryTable)
        var depths = LedgerRows<String, DepthHistory>(depthTable)

        mutating func collectChanges(into changes: inout StateChanges) {
            shoppers.collectChanges(into: &changes)
            items.collectChanges(into: &changes)
            categories.collectChanges(into: &changes)
            depths.collectChanges(into: &changes)
        }
    }

    /// What is configured of budgets.
    struct Budgets: Sendable {
        let list: [Budget]
        let lifetimeMs: Int64
    }

    /// With nothing remembered.
    package init(_ pricing: PricingConfiguration) {
        settings = pricing.rules
        budgets = Budgets(list: pricing.budgets, lifetimeMs: pricing.offerLifetimeMs)
    }

    /// Lends what is read from.
    package mutating func attach(_ state: any StateReader) {
        self.state = state
        publishedTo = [:]
    }

    mutating func detach() { state = nil }

    /// What is asked about.
    package struct Asking {
        let userID: String
        let itemID: String
        let known: Item?
        let decisionID: String
        /// Event time. Units: milliseconds since 1970, here and below.
        let atMs: Int64
        /// The decision whose offer stands, if one does.
        package var heldID: String?
        /// Event time that all purchases up to are known.
        package var knownMs: Int64?
        /// The record that asks; `nil` where none does.
        var place: RecordPlace?
        /// Whether what is decided was published before, and is learned again after a rewind; beside what the
        /// record says.
        package var isAgain = false

        /// No offer stands.
        package init(
            _ userID: String, _ itemID: String, known: Item?, decisionID: String, atMs: Int64
        ) {
            self.userID = userID
            self.itemID = itemID
            self.known = known
            self.decisionID = decisionID
            self.atMs = atMs
        }
    }

    /// What rules are told of one decision, with the rows that it comes from.
    package struct Sight {
        /// What rules are told.
        package fileprivate(set) var circumstances = OfferCircumstances()
        fileprivate var prices = PriceHistory()
        var budgets = BudgetSight()
        fileprivate(set) var asking: Asking
    }

    /// What the rules are told before an offer is decided.
    package mutating func look(_ asking: Asking) throws -> Sight {
        var sight = Sight(asking: asking)
        var facts = OfferCircumstances()
        try lookBack(&sight, &facts)
        let (itemID, known) = (asking.itemID, asking.known)
        facts.itemID = itemID
        facts.category = known?.category
        facts.brand = known?.brand
        facts.minimumPrice = known?.minPrice
        facts.atMs = asking.atMs
        facts.decision = OfferCircumstances.decisionHash(asking.decisionID)
        if settings.asksShopper {
            facts.earlier.shopper = try offered.shoppers.row(
                RowOwner(user: asking.userID), in: state)
        }
        if settings.caps[.item] != nil {
            facts.earlier.itemTally = try offered.items.row(itemID, in: state)
        }
        if settings.caps[.category] != nil, let category = known?.category {
            facts.earlier.categoryTally = try offered.categories.row(category, in: state)
        }
        if settings.approval.isUsed { facts.approval = try approvals.row(itemID, in: state) }
        if settings.asksItemDepths {
            facts.earlier.itemDepths = try offered.depths.row(itemID, in: state)
        }
        if settings.prior.days > 0 {
            sight.prices = try prices.row(itemID, in: state)
            // Of an item that was in the catalogue before the rule was set, its price counts from here on.
            if sight.prices.sinceMs == nil, let price = known?.price {
                sight.prices.note(
                    cataloguePrice: price, atMs: asking.atMs, days: settings.prior.days)
            }
            if settings.prior.concerns(known?.category) {
                facts.prior = sight.prices.prior(atMs: asking.atMs, settings.prior)
            }
        }
        sight.budgets = try budgetSight(sight.asking)
        facts.budgets = sight.budgets.standings
        sight.circumstances = facts
        return sight
    }

    /// Whether the shopper has objected, and whether the record was published before: that is asked only where
    /// it matters.
    ///
    /// What was decided before the objection, and is learned again after a rewind, was told to the shopper then.
    /// So it is learned as it was told; it is not published again.
    private mutating func lookBack(_ sight: inout Sight, _ facts: inout OfferCircumstances) throws {
        let objectedMs = try objections.row(RowOwner(user: sight.asking.userID), in: state).sinceMs
        if let place = sight.asking.place,
            objectedMs != nil || !budgets.list.isEmpty || settings.approval.isUsed
        {
            sight.asking.isAgain = try isAgain(place)
        }
        guard let objectedMs else { return }
        facts.hasObjected = !sight.asking.isAgain || sight.asking.atMs >= objectedMs
    }

    /// Remembers a new offer.
    ///
    /// - Parameters:
    ///   - sight: what it was decided by.
    ///   - discount: as a fraction of the list price.
    package mutating func note(_ sight: Sight, discount: Double, price: Double) {
        let facts = sight.circumstances
        if settings.prior.days > 0 {
            var history = sight.prices
            history.note(offer: price, atMs: facts.atMs, settings.prior)
            prices.set(facts.itemID, history)
        }
        let isDiscounted = discount > 0
        if settings.asksItemDepths, isDiscounted {
            var history = facts.earlier.itemDepths
            history.add(discount, atMs: facts.atMs, keepMs: settings.depthKeepMs)
            offered.depths.set(facts.itemID, history)
        }
        guard settings.asksShopper, isDiscounted || settings.asksShopperItem else { return }
        var history = facts.earlier.shopper
        let change = history.add(
            OfferHistory.Entry(
                decision: facts.decision, atMs: facts.atMs, item: facts.itemHash,
                discount: discount), keepMs: settings.shopperKeepMs)
        guard change != .none else { return }
        offered.shoppers.set(RowOwner(user: sight.asking.userID), history)
        guard isDiscounted, change.countsOnceMore else { return }
        if let cap = settings.caps[.item] {
            var tally = facts.earlier.itemTally
            tally.add(atMs: facts.atMs, periodMs: cap.periodMs)
            offered.items.set(facts.itemID, tally)
        }
        if let cap = settings.caps[.category], let category = facts.category {
            var tally = facts.earlier.categoryTally
            tally.add(atMs: facts.atMs, periodMs: cap.periodMs)
            offered.categories.set(category, tally)
        }
    }

    /// Takes a price of the catalogue.
    package mutating func note(
        cataloguePrice price: Double, of itemID: String, atMs ms: Int64
    ) throws {
        guard settings.prior.days > 0 else { return }
        var history = try prices.row(itemID, in: state)
        history.note(cataloguePrice: price, atMs: ms, days: settings.prior.days)
        prices.set(itemID, history)
    }

    /// Forgets a shopper who was erased, or of whom nothing is known any more. What was reserved of budgets stays
    /// reserved until the offers end, and an objection holds.
    mutating func forget(_ owner: RowOwner) {
        offered.shoppers.forget(owner)
        budgetOffers.forget(owner)
    }

    /// What was offered under one id counts for another one, and what was reserved for it goes along.
    mutating func move(_ old: RowOwner, to new: RowOwner) throws {
        if settings.asksShopper {
            let history = try offered.shoppers.row(old, in: state)
            if history != OfferHistory() {
                var taker = try offered.shoppers.row(new, in: state)
                taker.takeOver(history, keepMs: settings.shopperKeepMs)
                offered.shoppers.set(new, taker)
            }
        }
        if !budgets.list.isEmpty {
            let reserved = try budgetOffers.row(old, in: state)
            if !reserved.entries.isEmpty {
                var taker = try budgetOffers.row(new, in: state)
                taker.takeOver(reserved)
                budgetOffers.set(new, taker)
            }
        }
        forget(old)
    }

    /// Emits every row that changed since the last call.
    package mutating func collectChanges(into changes: inout StateChanges) {
        offered.collectChanges(into: &changes)
        prices.collectChanges(into: &changes)
        accounts.collectChanges(into: &changes)
        budgetOffers.collectChanges(into: &changes)
        approvals.collectChanges(into: &changes)
        waiting.collectChanges(into: &changes)
        objections.collectChanges(into: &changes)
    }
}
