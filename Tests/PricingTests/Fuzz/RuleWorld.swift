import Pricing
import Records

/// A small shop under random rules: catalogue prices change, shoppers ask, clocks go back a little, decisions are
/// made again, offers stand.
///
/// It keeps what the ledger would keep. What was decided it hands to whoever judges it.
struct RuleWorld {
    /// What happened, as a judge is told it.
    enum Happening {
        case catalogue(item: Int, price: Double, atMs: Int64)
        case decision(Asked, Decision)
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
    /// Whether many come within a day, so that there are prices for everybody.
    let isBusy: Bool
    private(set) var goods: [Goods] = []
    private var nowMs: Int64 = 1_795_000_000_000
    private var number: UInt64 = 0
    private var shoppers: [Int: OfferHistory] = [:]
    private var tallies: [Int: OfferTally] = [:]
    private var categories: [String: OfferTally] = [:]
    private var depths: [Int: DepthHistory] = [:]
    private var prices: [Int: PriceHistory] = [:]
    private var asked: [Asked] = []
    private var held: [String: (offer: StandingPrice.Offer, price: Double, untilMs: Int64)] = [:]

    static let categoryNames: [String?] = [
        nil, "Kitchen", "Kitchen / Kettles", "Kitchenware", "Wine / Red", "Wine",
    ]
    static let brandNames: [String?] = [nil, "Boil", "Pour"]
    private static let dayMs = 86_400_000.0

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        isBusy = random.unit() < 0.1
        configuration = Self.configuration(&random)
        policy = try DiscountPolicy(configuration)
    }

    /// Opens the shop: each item has had a price for some time.
    mutating func open() -> [Happening] {
        var happened: [Happening] = []
        for item in 0..<3 {
            let price = (100 * exponential(random.unit() * 7 - 1)).rounded() / 100
            goods.append(
                Goods(
                    category: pick(Self.categoryNames), brand: pick(Self.brandNames), price: price,
                    cost: chance(0.95) ? price * random.unit() * 0.9 : nil,
                    minimumPrice: chance(0.2) ? price * random.unit() : nil))
            let sinceMs = nowMs - Int64(random.unit() * 80 * Self.dayMs)
            happened.append(setPrice(price, of: item, atMs: sinceMs))
            if chance(0.4) {
                let price = (price * (80 + 60 * random.unit())).rounded() / 100
                goods[item].price = price
                happened.append(
                    setPrice(price, of: item, atMs: nowMs - Int64(random.unit() * 40 * Self.dayMs)))
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
            return setPrice(goods[item].price, of: item, atMs: nowMs)
        }
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
        return configuration.depths.map {
            DemandPoint(depth: $0, probability: logistic(level + slope * $0))
        }
    }

    private mutating func setPrice(_ price: Double, of item: Int, atMs ms: Int64) -> Happening {
        prices[item, default: PriceHistory()].note(
            cataloguePrice: price, atMs: ms, days: configuration.rules.prior.days)
        return .catalogue(item: item, price: price, atMs: ms)
    }

    private mutating func decide(_ asked: Asked) throws -> Happening {
        let rules = configuration.rules
        var facts = OfferCircumstances()
        facts.itemID = "item \(asked.item)"
        facts.category = asked.category
        facts.brand = asked.brand
        facts.minimumPrice = asked.minimumPrice
        facts.atMs = asked.atMs
        facts.decision = asked.number
        facts.shopper = shoppers[asked.shopper] ?? OfferHistory()
        facts.itemTally = tallies[asked.item] ?? OfferTally()
        facts.categoryTally = asked.category.flatMap { categories[$0] } ?? OfferTally()
        facts.itemDepths = depths[asked.item] ?? DepthHistory()
        if rules.prior.concerns(asked.category) {
            facts.prior = prices[asked.item, default: PriceHistory()].prior(
                atMs: asked.atMs, rules.prior)
        }
        var standing = StandingPrice()
        let pair = "\(asked.shopper) \(asked.item)"
        if let offer = held[pair], offer.untilMs > asked.atMs, offer.price == asked.offer.price {
            standing.offer = offer.offer
        }
        let decision = try policy.decide(
            item: asked.offer, demand: asked.demand, holdout: asked.holdout,
            draws: PricingDraws(explore: random.unit(), depth: random.unit()), standing: standing,
            circumstances: facts)
        if !decision.isHeld { remember(asked, facts, decision, pair) }
        return .decision(asked, decision)
    }

    private mutating func remember(
        _ asked: Asked, _ facts: OfferCircumstances, _ decision: Decision, _ pair: String
    ) {
        let rules = configuration.rules
        prices[asked.item]?.note(offer: decision.price, atMs: asked.atMs, rules.prior)
        if decision.depth > 0 {
            depths[asked.item, default: DepthHistory()].add(
                decision.depth, atMs: asked.atMs, keepMs: rules.depthKeepMs)
        }
        let change = shoppers[asked.shopper, default: OfferHistory()].add(
            OfferHistory.Entry(
                decision: asked.number, atMs: asked.atMs, item: facts.itemHash,
                discount: decision.depth), keepMs: rules.shopperKeepMs)
        if decision.depth > 0, change.countsOnceMore {
            if let cap = rules.caps[.item] {
                tallies[asked.item, default: OfferTally()].add(
                    atMs: asked.atMs, periodMs: cap.periodMs)
            }
            if let cap = rules.caps[.category], let category = asked.category {
                categories[category, default: OfferTally()].add(
                    atMs: asked.atMs, periodMs: cap.periodMs)
            }
        }
        guard !asked.isAgain else { return }
        self.asked.append(asked)
        held[pair] = (
            StandingPrice.Offer(
                discount: decision.depth, propensity: decision.propensity,
                explored: decision.explored),
            asked.offer.price, asked.atMs + Int64(0.3 * Self.dayMs)
        )
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
            epsilon: random.unit(), exploreCost: 0.1, killSwitch: chance(0.02),
            costFraction: chance(0.3) ? random.unit() * 0.9 : nil)
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
