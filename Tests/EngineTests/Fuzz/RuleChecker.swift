import Pricing

/// Judges decisions by what the rules say in words, from all that happened: it shares no code with the rules,
/// keeps no sums and forgets nothing.
struct RuleChecker {
    private struct Made {
        let asked: RuleWorld.Asked
        let discount: Double
        let price: Double
    }

    let configuration: PricingConfiguration
    private var made: [Made] = []
    private var catalogue: [Int: [(ms: Int64, price: Double)]] = [:]
    /// Of each item the prices decided on a day, without those that came when a later day had begun.
    private var days: [Int: [Int64: [Double]]] = [:]
    /// What was met, so that a test knows that it tested something.
    private(set) var met: [String: Int] = [:]

    private static let dayMs: Int64 = 86_400_000

    init(_ configuration: PricingConfiguration) { self.configuration = configuration }

    /// What a happening breaks; nothing, where all is well.
    mutating func judge(_ happening: RuleWorld.Happening) -> [String] {
        switch happening {
        case .catalogue(let item, let price, let ms):
            catalogue[item, default: []].append((ms, price))
            return []
        case .purchase, .objection, .answer: return []
        case .decision(let asked, let decision):
            var broken = judgeNumbers(asked, decision)
            for action in decision.actions where action.price != asked.offer.price {
                broken += judge(action.price, action.discount, asked, isNew: true)
            }
            if decision.price != asked.offer.price {
                broken += judge(
                    decision.price, decision.discount, asked, isNew: !decision.isHeld)
                met["discounted", default: 0] += 1
            }
            broken += judgeNames(asked, decision)
            if decision.isHeld { met["held", default: 0] += 1 } else { note(asked, decision) }
            for rule in decision.rules { met[rule.rawValue, default: 0] += 1 }
            return broken
        }
    }

    private mutating func note(_ asked: RuleWorld.Asked, _ decision: Decision) {
        let day = Self.day(asked.atMs)
        if days[asked.item, default: [:]].keys.allSatisfy({ $0 <= day }) {
            days[asked.item, default: [:]][day, default: []].append(decision.price)
        }
        // Made again, it is not published: what was said the first time stands.
        guard !asked.isAgain else { return }
        made.append(
            Made(
                asked: asked,
                discount: decision.price == asked.offer.price
                    ? 0 : 1 - decision.price / asked.offer.price,
                price: decision.price))
    }

    // MARK: Numbers

    private func judgeNumbers(_ asked: RuleWorld.Asked, _ decision: Decision) -> [String] {
        var broken: [String] = []
        let numbers =
            [
                decision.discount, decision.depth, decision.price, decision.expectedConversion,
                decision.baselineConversion, decision.expectedMargin ?? 0,
                decision.incrementalMargin, decision.propensity, decision.priorPrice ?? 1,
            ]
            + decision.actions.flatMap {
                [$0.discount, $0.price, $0.propensity, $0.expectedConversion, $0.incrementalMargin]
            }
        if !numbers.allSatisfy(\.isFinite) { broken.append("a number that is none") }
        let sum = decision.actions.reduce(0) { $0 + $1.propensity }
        if abs(sum - 1) > 1e-9 { broken.append("propensities sum to \(sum)") }
        if decision.actions.contains(where: { $0.propensity < -1e-12 }) {
            broken.append("a propensity below 0")
        }
        if !decision.isHeld {
            let own = decision.actions.filter { $0.price == decision.price }
            if own.count != 1 || own[0].propensity != decision.propensity || own[0].propensity <= 0
            {
                broken.append("a price that was not among its actions")
            }
        }
        if decision.actions.count > 1, asked.holdout { broken.append("hold-out") }
        return broken
    }

    // MARK: Prices

    private func judge(
        _ price: Double, _ discount: Double, _ asked: RuleWorld.Asked, isNew: Bool
    ) -> [String] {
        var broken: [String] = []
        func require(_ holds: Bool, _ what: String) {
            if !holds { broken.append("\(what) at \(price) of \(asked.offer.price)") }
        }
        let list = asked.offer.price
        let rules = configuration.rules
        let slack = list * 2e-9
        require(price < list && price >= 0.01 - 1e-9, "no discounted price")
        require(abs(price * 100 - (price * 100).rounded()) < 1e-9 * max(1, price * 100), "cents")
        require(barring(asked).isEmpty && !asked.holdout, "barred by \(barring(asked))")
        for (most, name) in depths(asked) {
            require(price >= list * (1 - most) - slack, "deeper than \(name)")
        }
        for (floor, name) in floors(asked) { require(price >= floor - slack, "below \(name)") }
        if !rules.endings.isEmpty {
            let hundredths = Int((price * 100).rounded()) % 100
            require(rules.endings.contains(hundredths), "ending")
        }
        // Of each price apart: a lower one may be a reduction of its own.
        let reference = reference(price, asked)
        require(
            reference != nil || !concernsPrior(asked), "reduced without a prior price")
        if let reference {
            let true_ = 1 - price / min(list, reference)
            require(discount <= true_ + 1e-9, "announces \(discount) against \(reference)")
            require(discount > true_ - 2e-6, "announces too little: \(discount)")
            if rules.prior.policy == .refuse {
                require(lowestPrior(asked).map { $0 >= list } ?? false, "refused")
            }
        } else {
            require(abs(discount - (1 - price / list)) < 2e-6, "announces \(discount)")
        }
        return isNew ? broken + judgePace(1 - price / list, asked) : broken
    }

    private func isBelow(_ category: String?, _ name: String) -> Bool {
        guard let category else { return false }
        func parts(_ path: String) -> [String] {
            path.split(separator: "/").map { part in
                String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
        }
        return parts(category).starts(with: parts(name))
    }

    private func barring(_ asked: RuleWorld.Asked) -> Set<String> {
        let rules = configuration.rules
        var names: Set<String> = []
        if configuration.killSwitch { names.insert("kill_switch") }
        if asked.offer.deleted { names.insert("deleted_item") }
        if asked.offer.cost == nil, configuration.costFraction == nil {
            names.insert("unknown_cost")
        }
        if let stock = asked.offer.stock {
            if stock <= 0 {
                names.insert("out_of_stock")
            } else if rules.lowStock > 0, stock <= rules.lowStock {
                names.insert("low_stock")
            }
        }
        if rules.excludedItems.contains("item \(asked.item)")
            || rules.excludedCategories.contains(where: { isBelow(asked.category, $0) })
            || rules.excludedBrands.contains(asked.brand ?? "")
        {
            names.insert("excluded")
        }
        for blackout in rules.blackouts
        where asked.atMs >= blackout.fromMs && asked.atMs < blackout.toMs {
            if blackout.categories.isEmpty
                || blackout.categories.contains(where: { isBelow(asked.category, $0) })
            {
                names.insert("blackout")
            }
        }
        return names
    }

    private func depths(_ asked: RuleWorld.Asked) -> [(Double, String)] {
        let rules = configuration.rules
        var found = [(configuration.maximumDepth, "maximum_depth")]
        for (name, depth) in rules.categoryDepths where isBelow(asked.category, name) {
            found.append((depth, "category_depth"))
        }
        if let depth = rules.brandDepths[asked.brand ?? ""] { found.append((depth, "brand_depth")) }
        if let depth = rules.itemDepths["item \(asked.item)"] {
            found.append((depth, "item_depth"))
        }
        return found
    }

    private func floors(_ asked: RuleWorld.Asked) -> [(Double, String)] {
        let rules = configuration.rules
        let list = asked.offer.price
        let cost = asked.offer.cost ?? (configuration.costFraction ?? 0) * list
        var found = [
            (cost + configuration.marginFloor * list, "margin_floor"),
            (asked.minimumPrice ?? 0, "minimum_price"),
        ]
        if rules.marginAmount > 0 {
            found.append((cost + rules.marginAmount, "margin_floor_amount"))
        }
        if let share = rules.brandMinimums[asked.brand ?? ""] {
            found.append((share * list, "minimum_price"))
        }
        return found
    }

    // MARK: Names

    /// Every rule that bars is named, and every floor that keeps from what was best without it.
    private func judgeNames(_ asked: RuleWorld.Asked, _ decision: Decision) -> [String] {
        var broken: [String] = []
        let named = Set(decision.rules.map(\.rawValue))
        let barred = barring(asked)
        if !barred.isSubset(of: named) { broken.append("\(barred) bars and is not named") }
        let bars: Set<String> = [
            "kill_switch", "deleted_item", "unknown_cost", "out_of_stock", "low_stock", "excluded",
            "blackout",
        ]
        if !named.intersection(bars).isSubset(of: barred) {
            broken.append("\(named) is named and does not bar")
        }
        guard configuration.exploration == .none, barred.isEmpty, !asked.holdout,
            !decision.isHeld, !named.contains("frequency_cap"), !concernsPrior(asked),
            !named.contains("objection"), !named.contains("budget"), configuration.budgets.isEmpty
        else { return broken }
        // All else being free, a floor well above what would be best is what kept from it.
        let wanted = unruledBest(asked)
        guard wanted < asked.offer.price else { return broken }
        let limits =
            depths(asked).map { ((1 - $0.0) * asked.offer.price, $0.1) } + floors(asked)
        for (floor, name) in limits where wanted < floor - 0.02 && !named.contains(name) {
            let isShort = named.contains("change_interval") || named.contains("day_change")
            if !isShort || decision.actions.count > 1 {
                broken.append("\(name) kept from \(wanted) and is not named")
            }
        }
        return broken
    }

    /// The price that would earn most if there were no rules.
    private func unruledBest(_ asked: RuleWorld.Asked) -> Double {
        let list = asked.offer.price
        guard let cost = asked.offer.cost ?? configuration.costFraction.map({ $0 * list }) else {
            return list
        }
        var best = (price: list, margin: (list - cost) * asked.demand[0].probability)
        for point in asked.demand.dropFirst() {
            let price = max(1, (list * (1 - point.depth) * 100 + 0.500001).rounded(.down)) / 100
            let margin = (min(price, list) - cost) * point.probability
            if margin > best.margin { best = (price, margin) }
        }
        return best.price
    }

    // MARK: Pace

    private func judgePace(_ discount: Double, _ asked: RuleWorld.Asked) -> [String] {
        var broken: [String] = []
        let rules = configuration.rules
        let others = made.filter { $0.asked.number != asked.number }
        for (scope, cap) in rules.caps {
            let times =
                others.filter { one in
                    guard one.discount > 0 else { return false }
                    switch scope {
                    case .shopper: return one.asked.shopper == asked.shopper
                    case .shopperItem:
                        return one.asked.shopper == asked.shopper && one.asked.item == asked.item
                    case .item: return one.asked.item == asked.item
                    case .category:
                        return asked.category != nil && one.asked.category == asked.category
                    }
                }.map(\.asked.atMs)
                + (asked.category == nil && scope == .category ? [] : [asked.atMs])
            // Only windows with the new offer in it; what was before was judged before. One that is made
            // again was counted.
            guard !asked.isAgain else { continue }
            for first in times where first <= asked.atMs && asked.atMs - first < cap.periodMs {
                let inside = times.count { $0 >= first && $0 - first < cap.periodMs }
                if inside > cap.offers {
                    broken.append("\(inside) offers of \(scope) in \(cap.periodMs) ms")
                }
            }
        }
        guard !asked.isAgain else { return broken }
        for scope in DepthScope.allCases {
            let its = others.filter {
                $0.asked.item == asked.item
                    && (scope == .item
                        ? $0.discount > 0 : $0.asked.shopper == asked.shopper)
            }
            if let most = rules.dayChanges[scope] {
                for one in its
                where abs(one.asked.atMs - asked.atMs) < Self.dayMs
                    && abs(one.discount - discount) > most + 3e-6
                {
                    broken.append("from \(one.discount) to \(discount) within a day (\(scope))")
                }
            }
            if let least = rules.changeIntervalsMs[scope] {
                for one in its
                where abs(one.asked.atMs - asked.atMs) < least
                    && abs(one.discount - discount) > 0.001 + 3e-6
                {
                    broken.append("changed from \(one.discount) to \(discount) (\(scope))")
                }
            }
        }
        return broken
    }

    // MARK: Prior price

    private func concernsPrior(_ asked: RuleWorld.Asked) -> Bool {
        configuration.rules.prior.days > 0
            && !configuration.rules.prior.perishable.contains { isBelow(asked.category, $0) }
    }

    /// What a reduction to `price` is to be measured against; `nil` where the rule does not hold, and where
    /// no such price is known.
    private func reference(_ price: Double, _ asked: RuleWorld.Asked) -> Double? {
        guard concernsPrior(asked) else { return nil }
        let run = run(asked)
        if let run, !configuration.rules.prior.isProgressive, price < run.highest - 1e-6 {
            return lowest(asked.item, from: window(run.beganMs), to: asked.atMs)
        }
        return lowestPrior(asked)
    }

    private func lowestPrior(_ asked: RuleWorld.Asked) -> Double? {
        let prior = configuration.rules.prior
        let beganMs = run(asked)?.beganMs ?? asked.atMs
        guard let since = catalogue[asked.item, default: []].map(\.ms).min(), since < asked.atMs
        else { return nil }
        let known = beganMs - since
        let least = prior.newDays > 0 ? min(prior.newDays, prior.days) : prior.days
        guard known >= Int64(least) * Self.dayMs else { return nil }
        return lowest(asked.item, from: window(beganMs), to: beganMs)
    }

    private func window(_ ms: Int64) -> Int64 {
        ms - Int64(configuration.rules.prior.days) * Self.dayMs
    }

    /// The lowest price for everybody in a time.
    private func lowest(_ item: Int, from: Int64, to: Int64) -> Double? {
        // In the order of their times; of one time, in the order they were told.
        let told = catalogue[item, default: []].enumerated().sorted {
            ($0.element.ms, $0.offset) < ($1.element.ms, $1.offset)
        }.map(\.element)
        var found: [Double] = []
        for (index, entry) in told.enumerated() where entry.ms < to {
            if index + 1 == told.count || told[index + 1].ms > from { found.append(entry.price) }
        }
        for day in days[item, default: [:]].keys
        where day * Self.dayMs < to && (day + 1) * Self.dayMs > from {
            if let price = general(item, day) { found.append(price) }
        }
        return found.min()
    }

    /// A day's price for everybody, where it is below the catalogue's at the end of the day.
    private func general(_ item: Int, _ day: Int64) -> Double? {
        let prices = days[item, default: [:]][day, default: []].sorted()
        guard prices.count >= 10 else { return nil }
        let share = configuration.rules.prior.generalShare
        let price = prices.first { price in
            Double(prices.count { $0 <= price }) >= share * Double(prices.count)
        }
        let usual = catalogue[item, default: []].enumerated()
            .filter { $0.element.ms < (day + 1) * Self.dayMs }
            .max { ($0.element.ms, $0.offset) < ($1.element.ms, $1.offset) }?.element.price
        guard let price, let usual, price < usual else { return nil }
        return price
    }

    private func run(_ asked: RuleWorld.Asked) -> (beganMs: Int64, highest: Double)? {
        let own = days[asked.item, default: [:]]
        var day = Self.day(asked.atMs)
        var prices: [Double] = []
        if let today = general(asked.item, day) {
            prices.append(today)
        } else if own[day, default: []].count >= 10 {
            return nil
        }
        day -= 1
        // A day with hardly a decision, the last there was, ends nothing.
        while let price = general(asked.item, day) {
            prices.append(price)
            day -= 1
        }
        guard let highest = prices.max() else { return nil }
        return ((day + 1) * Self.dayMs, highest)
    }

    private static func day(_ ms: Int64) -> Int64 { ms / dayMs }
}
