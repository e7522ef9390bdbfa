import Pricing
import Records

/// How large a world is, and the rules its shop prices by.
public struct WorldConfiguration: Sendable, Hashable {
    /// Items of the catalogue; at least one for each category.
    public var itemCount: Int
    /// Shoppers; 1 or more.
    public var shopperCount: Int
    /// The grid and the rules that the oracle and the fixed discounts keep to, as the daemon does.
    public var pricing: PricingConfiguration
    /// How shoppers answer to prices.
    public var answer: PriceAnswer
    /// When a `sudden` world changes. Units: epoch milliseconds.
    public var changesAtMs = Int64.max

    /// Takes each field as it is; `World` traps where there are too few items.
    public init(
        itemCount: Int = 600, shopperCount: Int = 2000,
        pricing: PricingConfiguration = PricingConfiguration(), answer: PriceAnswer = .sensitive
    ) {
        self.itemCount = itemCount
        self.shopperCount = shopperCount
        self.pricing = pricing
        self.answer = answer
    }
}

/// The truth about one shopper before one item at one moment.
public struct Demand: Sendable, Hashable {
    /// Purchase logit at the list price.
    public internal(set) var level: Double
    /// By how much the logit rises when the logarithm of the price falls by 1.
    public internal(set) var sensitivity: Double
    /// In place of the logistic, in a world of thresholds.
    var thresholds: ThresholdAnswer?
    /// Likewise, in a world of classes.
    var classes: ClassAnswer?

    init(level: Double, sensitivity: Double) {
        self.level = level
        self.sensitivity = sensitivity
    }

    /// Probability of a purchase at this fraction off the list price.
    public func conversion(discount: Double) -> Double {
        if let thresholds { return thresholds.conversion(level: level, discount: discount) }
        if let classes { return classes.conversion(level: level, discount: discount) }
        return logistic(level - sensitivity * naturalLogarithm(1 - discount))
    }
}

/// A price and what it truly earns at one visit.
public struct Outcome: Sendable, Hashable {
    /// Fraction of the list price.
    public let discount: Double
    /// The price of one unit, in the shop's currency.
    public let price: Double
    /// Probability of a purchase at it.
    public let conversion: Double
    /// Expected margin, net of refunds. Units: the shop's currency for each visit.
    public let margin: Double
}

/// The shop and its shoppers as they truly are. A seed determines all of it.
public struct World: Sendable {
    /// What determines it.
    public let seed: UInt64
    /// As it was given.
    public let configuration: WorldConfiguration
    /// The catalogue; events and the scoreboard name items by their index here.
    public let items: [CatalogueItem]
    /// The shoppers, named by their index here.
    public let shoppers: [Shopper]

    let choices: VisitChoices
    /// For each item, what each depth of the grid comes to under the rules.
    private let ladders: [[DeliveredPrice]]
    private let seasons: [Season]

    /// - Throws: `PricingError` for a pricing configuration that makes no sense.
    public init(
        seed: UInt64, configuration: WorldConfiguration = WorldConfiguration()
    ) throws(PricingError) {
        precondition(configuration.itemCount >= Vocabulary.categories.count)
        precondition(configuration.shopperCount > 0)
        self.seed = seed
        self.configuration = configuration
        items = Catalogue.items(
            count: configuration.itemCount, seed: seed,
            hasHeavyTail: configuration.answer == .classes)
        shoppers = Population.shoppers(
            count: configuration.shopperCount, categoryCount: Vocabulary.categories.count,
            seed: seed)
        let policy = try DiscountPolicy(configuration.pricing)
        var ladders: [[DeliveredPrice]] = []
        for item in items {
            var ladder: [DeliveredPrice] = []
            for depth in configuration.pricing.depths {
                ladder.append(try policy.delivered(depth: depth, item: item.offer))
            }
            ladders.append(ladder)
        }
        self.ladders = ladders
        var phases = SeededRandom(seed: StableHash.of("seasons", seed: seed))
        seasons = Vocabulary.categories.map { _ in Season(&phases) }
        choices = VisitChoices(items: items, shoppers: shoppers)
    }

    /// - Parameters: indices in `shoppers` and `items`, and the moment in epoch milliseconds.
    public func demand(shopper: Int, item: Int, atMs: Int64) -> Demand {
        let person = shoppers[shopper]
        let thing = items[item]
        let season = seasons[thing.categoryIndex]
        let level =
            Self.baseLevel + person.level + thing.truth.worth
            + Self.tasteWeight * naturalLogarithm(person.taste[thing.categoryIndex])
            + season.level(atMs: atMs)
        let sensitivity =
            person.sensitivity * thing.truth.sensitivity
            * Vocabulary.categories[thing.categoryIndex].sensitivity
            * season.sensitivity(atMs: atMs)
        var demand = Demand(level: level, sensitivity: sensitivity)
        switch configuration.answer {
        case .sensitive: break
        case .sudden: if atMs >= configuration.changesAtMs { demand.sensitivity *= 0.1 }
        case .none: demand.sensitivity = 0
        case .harmful:
            let isHarmed = thing.categoryIndex % 5 == 1 || thing.categoryIndex % 5 == 3
            if isHarmed { demand.sensitivity *= -0.4 }
        case .thresholds:
            // What he remembers lies up to a fifth below the list price, the same at every visit.
            let memory = StableHash.of(person.id, thing.id, seed: seed)
            demand.thresholds = ThresholdAnswer(
                kind: .init(rawValue: person.segment) ?? .indifferent, listPrice: thing.price,
                remembered: thing.price * (0.8 + 0.2 * Double(memory >> 11) * 0x1p-53))
        case .classes:
            demand.classes = ClassAnswer(segment: person.segment, listPrice: thing.price)
        }
        return demand
    }

    /// What a price earns in expectation: margin of a sale, times how many are sold and kept.
    public func outcome(item: Int, demand: Demand, price: Double, discount: Double) -> Outcome {
        let thing = items[item]
        let conversion = demand.conversion(discount: discount)
        let kept =
            expectedUnits(bulk: Vocabulary.categories[thing.categoryIndex].bulk)
            * (1 - thing.truth.refundRate)
        return Outcome(
            discount: discount, price: price, conversion: conversion,
            margin: (price - thing.cost) * conversion * kept)
    }

    /// The price of the grid that earns most under the rules; the smaller discount among equals.
    public func oracle(item: Int, demand: Demand) -> Outcome {
        var best = outcome(
            item: item, demand: demand, price: items[item].price, discount: 0)
        for step in ladders[item].dropFirst() {
            let other = outcome(
                item: item, demand: demand, price: step.price, discount: step.discount)
            if other.margin > best.margin { best = other }
        }
        return best
    }

    /// What a wish for `depth` comes to on this item under the rules.
    public func fixed(depth: Double, item: Int, demand: Demand) -> Outcome {
        let wished = configuration.pricing.depths.lastIndex { $0 <= depth + 1e-9 } ?? 0
        let step = ladders[item][wished]
        return outcome(item: item, demand: demand, price: step.price, discount: step.discount)
    }

    /// A depth drawn evenly from the grid, and what it comes to under the rules; depths that come
    /// to one price add up in its propensity.
    ///
    /// - Parameter unit: uniform in [0, 1).
    func randomPrice(
        item: Int, unit: Double
    ) -> (price: Double, discount: Double, propensity: Double) {
        let ladder = ladders[item]
        let step = ladder[Int(unit * Double(ladder.count))]
        let draws = ladder.count { $0.price == step.price }
        return (step.price, step.discount, Double(draws) / Double(ladder.count))
    }

    func drawnUnits(item: Int, _ random: inout SeededRandom) -> Int {
        let bulk = Vocabulary.categories[items[item].categoryIndex].bulk
        var units = 1
        while units < 5, random.unit() < bulk { units += 1 }
        return units
    }

    private static let baseLevel = -2.75
    private static let tasteWeight = 0.25
}

extension CatalogueItem {
    /// What the shop's pricing knows of it.
    public var offer: ItemOffer {
        ItemOffer(price: price, cost: costIsKnown ? cost : nil, stock: Double(stock))
    }
}

/// One unit, and one more with probability `bulk` again and again, five at most.
func expectedUnits(bulk: Double) -> Double {
    1 + bulk * (1 + bulk * (1 + bulk * (1 + bulk)))
}
