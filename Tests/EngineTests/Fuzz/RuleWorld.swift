import Engine
import Events
import Pricing
import Records

/// A small shop under random rules: catalogue prices change, shoppers ask and buy, clocks go back a little,
/// decisions are made again, offers stand.
///
/// It drives the rules' ledger as the engine does, with commits now and then. What was decided and bought it hands to
/// whoever judges it.
struct RuleWorld {
    /// What happened, as a judge is told it.
    enum Happening {
        case catalogue(item: Int, price: Double, atMs: Int64)
        case decision(Asked, Decision)
        case purchase(Bought)
        case objection(shopper: Int, atMs: Int64)
        case answer(item: Int, Approval.Answer)
    }

    /// One purchase.
    struct Bought {
        let shopper: Int
        let item: Int
        let category: String?
        let brand: String?
        let listPrice: Double
        let paid: Double
        let quantity: Int
        /// The decision that it names.
        let number: UInt64?
        let atMs: Int64
        /// Up to when all purchases were known before it.
        let knownMs: Int64
    }

    /// One question.
    struct Asked {
        let shopper: Int
        let item: Int
        let offer: ItemOffer
        let category: String?
        let brand: String?
        let minimumPrice: Double?
        let atMs: Int64
        let number: UInt64
        let holdout: Bool
        /// Whether it was asked before, under the same number.
        let isAgain: Bool
        /// What was expected at each depth.
        let demand: [DemandPoint]
        /// The decision whose offer stands, where one does.
        var held: UInt64?
        /// When that one ends.
        var heldUntilMs: Int64?
        /// When an offer made now ends.
        var untilMs: Int64 = 0
        /// Up to when all purchases are known.
        var knownMs: Int64 = 0
    }

    struct Goods {
        var category: String?
        var brand: String?
        var price: Double
        var cost: Double?
        var minimumPrice: Double?
    }

    let configuration: PricingConfiguration
    private let policy: DiscountPolicy
    private var random: SeededRandom
    /// Of what people say: apart, so that worlds where nobody says anything stay as they were.
    var voices: SeededRandom
    /// Whether many come within a day, so that there are prices for everybody.
    let isBusy: Bool
    private(set) var goods: [Goods] = []
    var nowMs: Int64 = 1_795_000_000_000
    private var number: UInt64 = 0
    var ledger: RuleLedger
    private(set) var state = MemoryState()
    private var asked: [Asked] = []
    private var held: [String: Held] = [:]
    /// Discounted offers that may be bought.
    private var offered: [(asked: Asked, price: Double, units: Int)] = []
    /// Whether all purchases are of what was reserved for them.
    let isHonest: Bool

    private struct Held {
        let offer: StandingPrice.Offer
        let number: UInt64
        let price: Double
        let untilMs: Int64
    }

    static let categoryNames: [String?] = [
        nil, "Kitchen", "Kitchen / Kettles", "Kitchenware", "Wine / Red", "Wine",
    ]
    static let brandNames: [String?] = [nil, "Boil", "Pour"]
    static let dayMs = 86_400_000.0
    private static let lifetimeMs = Int64(0.3 * dayMs)
    /// The farthest that events come late.
    private static let latenessMs = Int64(0.3 * dayMs)

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        voices = SeededRandom(seed: ~seed)
        isBusy = random.unit() < 0.1
        var configuration = Self.configuration(&random)
        configuration.rules.approval = Self.approval(&voices)
        self.configuration = configuration
        policy = try DiscountPolicy(configuration)
        ledger = RuleLedger(configuration)
        ledger.attach(state)
        isHonest = random.unit() < 0.7
    }

    /// Time goes on until everything that was offered has ended, and all of it is known.
    mutating func end() throws {
        nowMs += Self.lifetimeMs + 2 * Self.latenessMs
        commit()
    }

    var knownMs: Int64 { nowMs - Self.latenessMs }

    /// What is kept is what was encoded.
    private mutating func commit() {
        var changes = StateChanges()
        ledger.collectChanges(into: &changes)
        state.apply(changes)
        ledger.attach(state)
    }

    /// Opens the shop: each item has had a price for some time.
    mutating func open() throws -> [Happening] {
        var happened: [Happening] = []
        for item in 0..<3 {
            let price = (100 * exponential(random.unit() * 7 - 1)).rounded() / 100
            goods.append(
                Goods(
                    category: pick(Self.categoryNames), brand: pick(Self.brandNames), price: price,
                    cost: chance(0.95) ? price * random.unit() * 0.9 : nil,
                    minimumPrice: chance(0.2) ? price * random.unit() : nil))
            let sinceMs = nowMs - Int64(random.unit() * 80 * Self.dayMs)
            happened.append(try setPrice(price, of: item, atMs: sinceMs))
            if chance(0.4) {
                let price = (price * (80 + 60 * random.unit())).rounded() / 100
                goods[item].price = price
                happened.append(
                    try setPrice(
                        price, of: item, atMs: nowMs - Int64(random.unit() * 40 * Self.dayMs)))
            }
        }
        return happened
    }

    /// What happens next.
    mutating func next() throws -> Happening {
        // Hours on the whole, so that days and periods are reached; at times minutes.
        nowMs += Int64(random.unit() * (isBusy || chance(0.5) ? 0.03 : 0.7) * Self.dayMs)
        let item = Int(random.unit() * 3)
        if chance(0.04) {
            goods[item].price = (goods[item].price * (80 + 45 * random.unit())).rounded() / 100
            if goods[item].price <= 0 { goods[item].price = 0.01 }
            return try setPrice(goods[item].price, of: item, atMs: nowMs)
        }
        if chance(0.2) { commit() }
        if let said = try people() { return said }
        if chance(isHonest ? 0.25 : 0.3), let bought = try buy() { return .purchase(bought) }
        if chance(0.05), let before = asked.randomElement(using: &random) {
            return try decide(
                Asked(
                    shopper: before.shopper, item: before.item, offer: before.offer,
                    category: before.category, brand: before.brand,
                    minimumPrice: before.minimumPrice, atMs: before.atMs, number: before.number,
                    holdout: before.holdout, isAgain: true, demand: demand()))
        }
        let shopper = Int(random.unit() * 3)
        let its = goods[item]
        number += 1
        return try decide(
            Asked(
                shopper: shopper, item: item,
                offer: ItemOffer(
                    price: chance(0.9) ? its.price : its.price * (0.7 + 0.6 * random.unit()),
                    cataloguePrice: its.price, cost: its.cost,
                    stock: chance(0.7) ? nil : (random.unit() * 12 - 1).rounded(),
                    deleted: chance(0.02)),
                category: its.category, brand: its.brand, minimumPrice: its.minimumPrice,
                // Some come late, by up to some hours.
                atMs: nowMs - (chance(0.1) ? Int64(random.unit() * 0.3 * Self.dayMs) : 0),
                number: number, holdout: chance(0.05), isAgain: false, demand: demand()))
    }

    private mutating func demand() -> [DemandPoint] {
        let level = random.normal() - 2
        let slope = random.normal() * 3 + 3
        let quantity = chance(0.7) ? 1 : 1 + 2 * random.unit()
        return configuration.depths.map {
            DemandPoint(
                depth: $0, probability: logistic(level + slope * $0), expectedQuantity: quantity)
        }
    }

    private mutating func setPrice(
        _ price: Double, of item: Int, atMs ms: Int64
    ) throws -> Happening {
        try ledger.note(cataloguePrice: price, of: "item \(item)", atMs: ms)
        return .catalogue(item: item, price: price, atMs: ms)
    }

    private func known(_ item: Int, _ category: String?, _ brand: String?) -> Item {
        var known = Item(id: "item \(item)")
        known.category = category
        known.brand = brand
        return known
    }

    private mutating func decide(_ question: Asked) throws -> Happening {
        var asked = question
        let pair = "\(asked.shopper) \(asked.item)"
        let its = held[pair].flatMap { $0.untilMs > asked.atMs ? $0 : nil }
        asked.held = its?.number
        asked.heldUntilMs = its?.untilMs
        asked.untilMs = asked.atMs + Self.lifetimeMs
        asked.knownMs = knownMs
        var known = known(asked.item, asked.category, asked.brand)
        known.minPrice = asked.minimumPrice
        var asking = RuleLedger.Asking(
            "shopper \(asked.shopper)", "item \(asked.item)", known: known,
            decisionID: "\(asked.number)", atMs: asked.atMs)
        asking.heldID = asked.held.map { "\($0)" }
        asking.knownMs = asked.knownMs
        asking.isAgain = asked.isAgain
        let sight = try ledger.look(asking)
        var standing = StandingPrice()
        if let its, its.price == asked.offer.price { standing.offer = its.offer }
        let decision = try policy.decide(
            item: asked.offer, demand: asked.demand, holdout: asked.holdout,
            draws: PricingDraws(explore: random.unit(), depth: random.unit()), standing: standing,
            circumstances: sight.circumstances)
        if !decision.isHeld {
            ledger.note(sight, discount: decision.depth, price: decision.price)
            try ledger.note(decision.withheld, sight)
        }
        ledger.reserve(
            sight, decision, quantity: asked.demand[0].expectedQuantity,
            expiresMs: decision.isHeld ? its?.untilMs ?? asked.untilMs : asked.untilMs)
        if !decision.isHeld { remember(asked, decision, pair) }
        return .decision(asked, decision)
    }

    private mutating func remember(_ asked: Asked, _ decision: Decision, _ pair: String) {
        guard !asked.isAgain else { return }
        self.asked.append(asked)
        held[pair] = Held(
            offer: StandingPrice.Offer(
                discount: decision.depth, propensity: decision.propensity,
                explored: decision.explored),
            number: asked.number, price: asked.offer.price, untilMs: asked.untilMs)
        if decision.price < asked.offer.price {
            let units = max(1, Int64(asked.demand[0].expectedQuantity.rounded()))
            let least = configuration.budgets.compactMap(\.units).min() ?? units
            offered.append((asked, decision.price, Int(min(units, least))))
        }
    }

    /// An offer is bought, or, where not all are honest, something beside the offers.
    private mutating func buy() throws -> Bought? {
        if !isHonest, chance(0.4) {
            let item = Int(random.unit() * 3)
            let its = goods[item]
            return try book(
                Bought(
                    shopper: Int(random.unit() * 3), item: item, category: its.category,
                    brand: its.brand, listPrice: its.price,
                    paid: (its.price * random.unit() * 100).rounded() / 100,
                    quantity: 1 + Int(random.unit() * 3), number: chance(0.5) ? 99_999 : nil,
                    atMs: nowMs - (chance(0.3) ? Int64(random.unit() * Self.dayMs) : 0),
                    knownMs: knownMs))
        }
        let open = offered.indices.filter { offered[$0].asked.untilMs > nowMs }
        guard let place = open.randomElement(using: &random) else { return nil }
        let (asked, price, units) = offered[place]
        if isHonest || chance(0.7) { offered.remove(at: place) }
        return try book(
            Bought(
                shopper: asked.shopper, item: asked.item, category: asked.category,
                brand: asked.brand, listPrice: asked.offer.price, paid: price,
                quantity: isHonest
                    ? 1 + Int(random.unit() * Double(units)) : 1 + Int(random.unit() * 4),
                number: isHonest || chance(0.5) ? asked.number : nil, atMs: nowMs,
                knownMs: knownMs))
    }

    private mutating func book(_ bought: Bought) throws -> Bought {
        var offer = Event.Offer(
            userID: "shopper \(bought.shopper)", itemID: "item \(bought.item)",
            price: bought.listPrice)
        offer.recommendationID = bought.number.map { "\($0)" }
        try ledger.book(
            Event.Purchase(offer: offer, quantity: bought.quantity, paid: bought.paid),
            known: known(bought.item, bought.category, bought.brand), atMs: bought.atMs,
            knownMs: bought.knownMs)
        return bought
    }

    private mutating func chance(_ p: Double) -> Bool { random.unit() < p }
    private mutating func pick<T>(_ values: [T]) -> T {
        values[Int(random.unit() * Double(values.count))]
    }
}

extension RuleWorld {
    private static func configuration(_ random: inout SeededRandom) -> PricingConfiguration {
        func chance(_ p: Double) -> Bool { random.unit() < p }
        func pick<T>(_ values: [T]) -> T { values[Int(random.unit() * Double(values.count))] }
        let step = pick([0.05, 0.1, 0.033])
        var made = PricingConfiguration(
            depths: (0..<(2 + Int(random.unit() * 8))).map { Double($0) * step },
            maximumDepth: pick([0.1, 0.25, 0.5, 0.9]), marginFloor: pick([0, 0, 0.1, 0.3]),
            exploration: pick([.epsilonGreedy, .epsilonGreedy, .costBounded, .none]),
            epsilon: random.unit())
        made.exploreCost = 0.1
        made.killSwitch = chance(0.02)
        made.costFraction = chance(0.3) ? random.unit() * 0.9 : nil
        made.offerLifetimeMs = lifetimeMs
        made.budgets = budgets(&random)
        var rules = RuleSettings()
        let names = ["Kitchen", "Wine", "Wine / Red", "Tea"]
        if chance(0.3) { rules.categoryDepths = [pick(names): pick([0, 0.1, 0.3])] }
        if chance(0.2) { rules.categoryDepths[pick(names)] = 0.2 }
        if chance(0.2) { rules.brandDepths = ["Boil": pick([0.05, 0.2])] }
        if chance(0.2) { rules.itemDepths = ["item 1": pick([0, 0.15])] }
        if chance(0.2) { rules.marginAmount = random.unit() * 3 }
        if chance(0.2) { rules.brandMinimums = ["Pour": 0.5 + 0.5 * random.unit()] }
        if chance(0.3) { rules.endings = pick([[99], [95, 99], [0], [0, 50, 99]]) }
        if chance(0.1) { rules.excludedItems = ["item 2"] }
        if chance(0.1) { rules.excludedCategories = [pick(names)] }
        if chance(0.1) { rules.excludedBrands = ["Pour"] }
        if chance(0.2) { rules.lowStock = (random.unit() * 8).rounded() }
        if chance(0.2) {
            let from = 1_795_000_000_000 + Int64(random.unit() * 5 * dayMs)
            rules.blackouts = [
                Blackout(
                    fromMs: from, toMs: from + 1 + Int64(random.unit() * 3 * dayMs),
                    categories: chance(0.5) ? [] : [pick(names)])
            ]
        }
        for scope in FrequencyCap.Scope.allCases where chance(0.25) {
            rules.caps[scope] = RuleSettings.Cap(
                offers: 1 + Int(random.unit() * 4),
                periodMs: 1_000 + Int64(random.unit() * 6 * dayMs))
        }
        for scope in DepthScope.allCases {
            if chance(0.15) { rules.dayChanges[scope] = pick([0, 0.05, 0.1, 0.3]) }
            if chance(0.15) {
                rules.changeIntervalsMs[scope] = 1 + Int64(random.unit() * 3 * dayMs)
            }
        }
        if chance(0.35) {
            rules.prior.days = pick([30, 30, 45])
            rules.prior.policy = pick([.compute, .compute, .refuse])
            rules.prior.isProgressive = chance(0.3)
            rules.prior.newDays = pick([0, 0, 5])
            rules.prior.generalShare = pick([0.3, 0.5, 1])
            if chance(0.2) { rules.prior.perishable = ["Kitchen"] }
        }
        made.rules = rules
        return made
    }
}
