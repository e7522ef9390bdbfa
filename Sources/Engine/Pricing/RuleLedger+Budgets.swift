import Events
import Pricing
import Records

/// Budgets: what a decision is told of them, and what decisions and purchases take.
extension RuleLedger {
    /// How far the records of a partition were published before a rewind. It is no table of the state: whoever
    /// takes the steps knows it, and what it says goes into the journal with the rows of the ledger.
    static let publishedTable = StateTable("published before", .ledger)

    static func publishedKey(_ position: TopicPartition) -> [UInt8] {
        var writer = ByteWriter()
        writer.string(position.topic)
        writer.integer(position.partition)
        return writer.bytes
    }

    /// Whether a record was published before a rewind: what is learned again is not spent again.
    mutating func isAgain(_ place: RecordPlace) throws -> Bool {
        if let known = publishedTo[place.position] { return place.offset < known }
        var known: Int64 = .min
        if let row = try state?.value(Self.publishedTable, Self.publishedKey(place.position)) {
            var reader = ByteReader(row)
            known = try reader.integer()
            try reader.finish()
        }
        publishedTo[place.position] = known
        return place.offset < known
    }

    /// The budgets that are for an item.
    private func concerned(_ itemID: String, _ known: Item?) -> [Budget] {
        budgets.list.filter {
            $0.scope.holds(item: itemID, category: known?.category, brand: known?.brand)
        }
    }

    mutating func budgetSight(_ asking: Asking) throws -> BudgetSight {
        // What is learned again was let in by budgets as they were then.
        guard !budgets.list.isEmpty, !asking.isAgain else { return BudgetSight() }
        let concerned = concerned(asking.itemID, asking.known)
        guard !concerned.isEmpty else { return BudgetSight() }
        var looked: [(budget: Budget, account: BudgetAccount)] = []
        for budget in concerned {
            looked.append((budget, try accounts.row(budget.name, in: state)))
        }
        return BudgetSight(
            looked,
            offers: try budgetOffers.row(RowOwner(user: asking.userID), in: state),
            standing: asking.heldID.map(OfferCircumstances.decisionHash), atMs: asking.atMs,
            knownMs: asking.knownMs)
    }

    /// Reserves what an offer may cost, a new one or one that is kept and has nothing reserved.
    ///
    /// - Parameters:
    ///   - quantity: expected units of a purchase, as they are published.
    ///   - expiresMs: when the offer ends.
    package mutating func reserve(
        _ sight: Sight, _ decision: Decision, quantity: Double, expiresMs: Int64
    ) {
        var budgets = sight.budgets
        let id = decision.isHeld ? sight.asking.heldID : sight.asking.decisionID
        budgets.note(
            decision.budgeted(quantity: quantity),
            as: OfferCircumstances.decisionHash(id ?? sight.asking.decisionID),
            item: sight.circumstances.itemHash, untilMs: expiresMs,
            lifetimeMs: self.budgets.lifetimeMs)
        for (name, account) in budgets.accounts { accounts.set(name, account) }
        if !budgets.accounts.isEmpty {
            budgetOffers.set(RowOwner(user: sight.asking.userID), budgets.offers)
        }
    }

    /// Takes what a purchase was sold below the list price.
    ///
    /// - Parameter knownMs: event time that all purchases up to are known.
    package mutating func book(
        _ purchase: Event.Purchase, known: Item?, atMs ms: Int64, knownMs: Int64?
    ) throws {
        guard !budgets.list.isEmpty else { return }
        let owner = RowOwner(user: purchase.offer.userID)
        var offers = try budgetOffers.row(owner, in: state)
        var facts = OfferCircumstances()
        facts.itemID = purchase.offer.itemID
        let offer = offers.find(
            decision: purchase.offer.recommendationID.map {
                OfferCircumstances.decisionHash(Recommendation.decision(of: $0))
            }, item: facts.itemHash, atMs: ms)
        let given = purchase.given ?? offer?.given ?? 0
        guard given > 0 else { return }
        let amount = BudgetAmount(
            cents: Cents.times(given, Int64(max(0, purchase.quantity))), uses: 1)
        for budget in budgets.list {
            let isReserved = offer?.holds(budget) ?? false
            guard
                isReserved
                    || budget.scope.holds(
                        item: purchase.offer.itemID, category: known?.category,
                        brand: known?.brand)
            else { continue }
            var account = try accounts.row(budget.name, in: state)
            account.book(amount, of: budget, offer: offer, atMs: ms, knownMs: knownMs)
            accounts.set(budget.name, account)
        }
        guard let offer else { return }
        offers.remove(offer)
        budgetOffers.set(owner, offers)
    }
}

extension Event.Purchase {
    /// Money given away with a unit, in hundredths: by what was paid, or else by the discount that the event names;
    /// `nil` where it says neither.
    fileprivate var given: Int64? {
        if let paid { return Cents.given(list: offer.price, price: paid) }
        guard offer.discount > 0 else { return nil }
        let price = (offer.price * (1 - offer.discount) * 100).rounded() / 100
        return Cents.given(list: offer.price, price: price)
    }
}
