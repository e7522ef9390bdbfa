import Events
import Pricing
import Records

/// The room of what rules remember: which offers were made, and at which prices items were offered to all.
///
/// All of it is ledger, since what was said to shoppers stays said: a rewind does not take it back. What a step
/// reads of it goes through the journal, so that a replay finds it as it was. For that nothing is kept in memory
/// beyond a commit. Rows are kept only for the rules that are set.
struct RuleLedger {
    static let shopperTable = StateTable("rules of shoppers", .ledger, keys: .owner)
    static let itemTable = StateTable("rules of items", .ledger)
    static let categoryTable = StateTable("rules of categories", .ledger)
    static let depthTable = StateTable("depths of items", .ledger)
    static let priceTable = StateTable("prices of items", .ledger)
    /// Its tables.
    static let tables = [shopperTable, itemTable, categoryTable, depthTable, priceTable]

    private let settings: RuleSettings
    private var state: (any StateReader)?
    // Since the last commit; `nil` for what is to be forgotten.
    private var shoppers: [RowOwner: OfferHistory?] = [:]
    private var items: [String: OfferTally?] = [:]
    private var categories: [String: OfferTally?] = [:]
    private var depths: [String: DepthHistory?] = [:]
    private var prices: [String: PriceHistory?] = [:]

    init(_ settings: RuleSettings) { self.settings = settings }

    mutating func attach(_ state: any StateReader) { self.state = state }
    mutating func detach() { state = nil }

    /// What rules are told of one decision, with the rows that it comes from.
    struct Sight {
        var circumstances = OfferCircumstances()
        fileprivate var prices = PriceHistory()
    }

    /// What the rules are told before an offer is decided.
    func look(
        for userID: String, _ itemID: String, known: Item?, decisionID: String, atMs ms: Int64
    ) throws -> Sight {
        var sight = Sight()
        var facts = OfferCircumstances()
        facts.itemID = itemID
        facts.category = known?.category
        facts.brand = known?.brand
        facts.minimumPrice = known?.minPrice
        facts.atMs = ms
        facts.decision = OfferCircumstances.decisionHash(decisionID)
        if settings.asksShopper { facts.shopper = try shopper(RowOwner(user: userID)) }
        if settings.caps[.item] != nil { facts.itemTally = try tally(of: itemID) }
        if settings.caps[.category] != nil, let category = known?.category {
            facts.categoryTally = try tally(ofCategory: category)
        }
        if settings.asksItemDepths { facts.itemDepths = try depths(of: itemID) }
        if settings.prior.days > 0 {
            sight.prices = try prices(of: itemID)
            // Of an item that was in the catalogue before the rule was set, its price counts from here on.
            if sight.prices.sinceMs == nil, let price = known?.price {
                sight.prices.note(cataloguePrice: price, atMs: ms, days: settings.prior.days)
            }
            if settings.prior.concerns(known?.category) {
                facts.prior = sight.prices.prior(atMs: ms, settings.prior)
            }
        }
        sight.circumstances = facts
        return sight
    }

    /// Remembers a new offer.
    ///
    /// - Parameters:
    ///   - sight: what it was decided by.
    ///   - discount: as a fraction of the list price.
    mutating func note(_ sight: Sight, userID: String, discount: Double, price: Double) {
        let facts = sight.circumstances
        if settings.prior.days > 0 {
            var history = sight.prices
            history.note(offer: price, atMs: facts.atMs, settings.prior)
            prices[facts.itemID] = .some(history)
        }
        let isDiscounted = discount > 0
        if settings.asksItemDepths, isDiscounted {
            var history = facts.itemDepths
            history.add(discount, atMs: facts.atMs, keepMs: settings.depthKeepMs)
            depths[facts.itemID] = .some(history)
        }
        guard settings.asksShopper, isDiscounted || settings.asksShopperItem else { return }
        var history = facts.shopper
        let change = history.add(
            OfferHistory.Entry(
                decision: facts.decision, atMs: facts.atMs, item: facts.itemHash,
                discount: discount), keepMs: settings.shopperKeepMs)
        guard change != .none else { return }
        shoppers[RowOwner(user: userID)] = .some(history)
        guard isDiscounted, change.countsOnceMore else { return }
        if let cap = settings.caps[.item] {
            var tally = facts.itemTally
            tally.add(atMs: facts.atMs, periodMs: cap.periodMs)
            items[facts.itemID] = .some(tally)
        }
        if let cap = settings.caps[.category], let category = facts.category {
            var tally = facts.categoryTally
            tally.add(atMs: facts.atMs, periodMs: cap.periodMs)
            categories[category] = .some(tally)
        }
    }

    /// Takes a price of the catalogue.
    mutating func note(cataloguePrice price: Double, of itemID: String, atMs ms: Int64) throws {
        guard settings.prior.days > 0 else { return }
        let known = try prices(of: itemID)
        var history = known
        history.note(cataloguePrice: price, atMs: ms, days: settings.prior.days)
        if history != known { prices[itemID] = .some(history) }
    }

    /// Forgets a shopper who was erased, or of whom nothing is known any more.
    mutating func forget(_ owner: RowOwner) { shoppers[owner] = .some(nil) }

    // MARK: Rows

    private func shopper(_ owner: RowOwner) throws -> OfferHistory {
        if let own = shoppers[owner] { return own ?? OfferHistory() }
        return try state?.value(Self.shopperTable, owner.bytes).map(OfferHistory.init(encoded:))
            ?? OfferHistory()
    }

    private func tally(of itemID: String) throws -> OfferTally {
        if let own = items[itemID] { return own ?? OfferTally() }
        return try state?.value(Self.itemTable, Array(itemID.utf8)).map(OfferTally.init(encoded:))
            ?? OfferTally()
    }

    private func tally(ofCategory category: String) throws -> OfferTally {
        if let own = categories[category] { return own ?? OfferTally() }
        return try state?.value(Self.categoryTable, Array(category.utf8))
            .map(OfferTally.init(encoded:)) ?? OfferTally()
    }

    private func depths(of itemID: String) throws -> DepthHistory {
        if let own = depths[itemID] { return own ?? DepthHistory() }
        return try state?.value(Self.depthTable, Array(itemID.utf8))
            .map(DepthHistory.init(encoded:)) ?? DepthHistory()
    }

    private func prices(of itemID: String) throws -> PriceHistory {
        if let own = prices[itemID] { return own ?? PriceHistory() }
        return try state?.value(Self.priceTable, Array(itemID.utf8))
            .map(PriceHistory.init(encoded:)) ?? PriceHistory()
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for (owner, history) in shoppers.sorted(by: { $0.key < $1.key }) {
            if let history {
                changes.put(Self.shopperTable, owner.bytes, history.encoded(), owner: owner)
            } else {
                changes.remove(Self.shopperTable, owner.bytes)
            }
        }
        func put<Row>(
            _ table: StateTable, _ rows: [String: Row?], _ encoded: (Row) -> [UInt8]
        ) {
            for (name, row) in rows.sorted(by: { $0.key < $1.key }) {
                if let row {
                    changes.put(table, Array(name.utf8), encoded(row))
                } else {
                    changes.remove(table, Array(name.utf8))
                }
            }
        }
        put(Self.itemTable, items) { $0.encoded() }
        put(Self.categoryTable, categories) { $0.encoded() }
        put(Self.depthTable, depths) { $0.encoded() }
        put(Self.priceTable, prices) { $0.encoded() }
        (shoppers, items, categories, depths, prices) = ([:], [:], [:], [:], [:])
    }
}
