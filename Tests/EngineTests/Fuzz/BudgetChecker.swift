import Engine
import Pricing
import Records

/// Judges by what budgets say in words, from all that happened: it shares no code with them, keeps no sums and
/// forgets nothing.
struct BudgetChecker {
    private struct Offer {
        let asked: RuleWorld.Asked
        let number: UInt64
        /// Cents given away with a unit.
        let given: Int64
        /// When it was reserved, and when it ends.
        let atMs: Int64
        let untilMs: Int64
        var isBought = false
    }

    private struct Spending {
        let bought: RuleWorld.Bought
        let cents: Int64
        /// Of which offer; nil of none.
        let offer: Offer?
    }

    private let budgets: [Budget]
    private var offers: [Offer] = []
    private var spendings: [Spending] = []
    private(set) var met: [String: Int] = [:]

    init(_ configuration: PricingConfiguration) { budgets = configuration.budgets }

    /// What a happening breaks; nothing, where all is well.
    mutating func judge(_ happening: RuleWorld.Happening) -> [String] {
        switch happening {
        case .catalogue, .objection, .answer: []
        case .purchase(let bought): take(bought)
        case .decision(let asked, let decision): judge(asked, decision)
        }
    }

    private mutating func judge(_ asked: RuleWorld.Asked, _ decision: Decision) -> [String] {
        let concerned = budgets.filter { holds($0, asked.item, asked.category, asked.brand) }
        let named = Set(decision.rules.map(\.rawValue))
        if concerned.isEmpty, !named.isDisjoint(with: ["budget", "budget_pacing"]) {
            return ["a budget is named that is not for the item"]
        }
        // Made again, it is not published again.
        guard !asked.isAgain, !concerned.isEmpty else { return [] }
        let offer = Offer(
            asked: asked, number: (decision.isHeld ? asked.held : nil) ?? asked.number,
            given: cents(asked.offer.price) - cents(decision.price), atMs: asked.atMs,
            untilMs: (decision.isHeld ? asked.heldUntilMs : nil) ?? asked.untilMs)
        // What an offer that stands has reserved is still its own; one that was bought reserves anew.
        let hasOwn = offers.contains { $0.number == offer.number && !$0.isBought }
        if decision.isHeld, hasOwn { return [] }
        var broken: [String] = []
        for budget in concerned {
            guard let period = span(budget, asked.atMs) else { continue }
            let taken = taken(budget, period, asked.knownMs)
            for action in decision.actions where !decision.isHeld {
                let given = cents(asked.offer.price) - cents(action.price)
                guard given > 0 else { continue }
                broken += judge(budget, taken, given, offer)
            }
            guard offer.given > 0 else { continue }
            broken += judge(budget, taken, offer.given, offer)
            met["reserved", default: 0] += 1
            if let most = budget.spendMax,
                taken.cents + offer.given * units(budget, offer) > most * 9 / 10
            {
                met["nearly full", default: 0] += 1
            }
        }
        if offer.given > 0, concerned.contains(where: { span($0, asked.atMs) != nil }) {
            offers.append(offer)
        }
        return broken
    }

    private func judge(
        _ budget: Budget, _ taken: (cents: Int64, uses: Int64), _ given: Int64, _ offer: Offer
    ) -> [String] {
        let wanted = given * units(budget, offer)
        if let most = budget.spendMax, taken.cents + wanted > most {
            return ["\(budget.name): \(taken.cents) cents and \(wanted) are above \(most)"]
        }
        if let most = budget.usesMax, taken.uses + 1 > most {
            return ["\(budget.name): \(taken.uses) uses and one more are above \(most)"]
        }
        return []
    }

    /// What is spent in a period, and what offers of it may still take.
    private func taken(
        _ budget: Budget, _ period: Range<Int64>, _ knownMs: Int64
    ) -> (cents: Int64, uses: Int64) {
        var (cents, uses) = spent(budget, period)
        for offer in offers
        where !offer.isBought && offer.untilMs > knownMs && period.contains(offer.atMs)
            && holds(budget, offer.asked.item, offer.asked.category, offer.asked.brand)
        {
            cents += offer.given * units(budget, offer)
            uses += 1
        }
        return (cents, uses)
    }

    /// - Parameter reserved: whether only what was bought of an offer that the budget let in counts.
    private func spent(
        _ budget: Budget, _ period: Range<Int64>, reserved: Bool = false
    ) -> (cents: Int64, uses: Int64) {
        var (cents, uses): (Int64, Int64) = (0, 0)
        for spending in spendings {
            let bought = spending.bought
            guard holds(budget, bought.item, bought.category, bought.brand) else { continue }
            // In the period that its offer was made in; in its own where there was none.
            var atMs = bought.atMs
            if let offer = spending.offer, span(budget, offer.atMs) != nil {
                atMs = offer.atMs
            } else if reserved {
                continue
            }
            guard period.contains(atMs) else { continue }
            cents += spending.cents
            uses += 1
        }
        return (cents, uses)
    }

    private mutating func take(_ bought: RuleWorld.Bought) -> [String] {
        let given = cents(bought.listPrice) - cents(bought.paid)
        guard given > 0 else { return [] }
        let its = offers.indices.filter {
            !offers[$0].isBought && offers[$0].asked.shopper == bought.shopper
                && offers[$0].asked.item == bought.item
        }
        let place =
            its.last { offers[$0].number == bought.number }
            ?? its.last { offers[$0].atMs <= bought.atMs && bought.atMs < offers[$0].untilMs }
        if let place { offers[place].isBought = true }
        spendings.append(
            Spending(
                bought: bought, cents: given * Int64(bought.quantity),
                offer: place.map { offers[$0] }))
        met["bought", default: 0] += 1
        return []
    }

    /// At the end, when no offer stands any more: whether the ledger's sums are those of all that was bought.
    func judge(_ state: MemoryState, knownMs: Int64, isHonest: Bool) throws -> [String] {
        var broken: [String] = []
        for budget in budgets {
            guard let row = state.value(RuleTables.budgets, Array(budget.name.utf8)) else {
                continue
            }
            var account = try BudgetAccount(encoded: row)
            account.release(upTo: knownMs)
            for period in account.periods {
                let (cents, uses) = spent(budget, period.span.fromMs..<period.span.untilMs)
                if period.spent != BudgetAmount(cents: cents, uses: uses) {
                    broken.append("\(budget.name): spent is \(period.spent), not \(cents), \(uses)")
                }
                if !period.reserved.isNone {
                    broken.append("\(budget.name): \(period.reserved) is never released")
                }
                let own = spent(
                    budget, period.span.fromMs..<period.span.untilMs, reserved: true)
                let isOver =
                    budget.spendMax.map { own.cents > $0 } ?? false
                    || budget.usesMax.map { own.uses > $0 } ?? false
                if isHonest, isOver { broken.append("\(budget.name): \(own) spent") }
            }
        }
        return broken
    }

    // MARK: Words

    private func cents(_ price: Double) -> Int64 { Int64((price * 100 - 1e-3).rounded(.up)) }

    private func units(_ budget: Budget, _ offer: Offer) -> Int64 {
        budget.units ?? max(1, Int64(offer.asked.demand[0].expectedQuantity.rounded()))
    }

    private func holds(
        _ budget: Budget, _ item: Int, _ category: String?, _ brand: String?
    ) -> Bool {
        let scope = budget.scope
        if scope.items.isEmpty, scope.brands.isEmpty, scope.categories.isEmpty { return true }
        if scope.items.contains("item \(item)") { return true }
        if let brand, scope.brands.contains(brand) { return true }
        guard let category else { return false }
        return scope.categories.contains { category == $0 || category.hasPrefix($0 + " /") }
    }

    /// The period of a time by the days since 1970; nil outside of a campaign.
    private func span(_ budget: Budget, _ ms: Int64) -> Range<Int64>? {
        let dayMs: Int64 = 86_400_000
        switch budget.period {
        case .campaign(let fromMs, let untilMs):
            return (fromMs..<untilMs).contains(ms) ? fromMs..<untilMs : nil
        case .calendar(let unit, let zone):
            let aheadMs: Int64 = zone == "UTC" ? 0 : 9 * 3_600_000
            let day = (ms + aheadMs) / dayMs
            var (first, count): (Int64, Int64) = (day, 1)
            switch unit {
            case .day: break
            // The first of January 1970 was a Thursday.
            case .week: (first, count) = (day - (day + 3) % 7, 7)
            case .month: (first, count) = month(of: day)
            }
            return first * dayMs - aheadMs..<(first + count) * dayMs - aheadMs
        }
    }

    private func month(of day: Int64) -> (first: Int64, count: Int64) {
        var (first, year): (Int64, Int64) = (0, 1970)
        while true {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for count: Int64 in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                if day < first + count { return (first, count) }
                first += count
            }
            year += 1
        }
    }
}
