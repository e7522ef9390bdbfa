import Pricing
import ResponseModel
import Simulator

/// A confounded world, learned as the engine learns it: a head, and beside it the effect model.
public struct LearnedWorld {
    /// The world, after the visits so far.
    public private(set) var world: ConfoundedWorld
    /// Probability that a visit ends in a purchase.
    public private(set) var head = ResponseHead(name: "purchase", dimension: 0)
    /// What a discount does to that.
    public var effect = EffectModel()
    /// The last visits, to be asked about.
    public private(set) var last: [ConfoundedWorld.Row] = []

    /// - Parameter keeping: how many of the visits are kept to be asked about.
    public init(
        _ world: ConfoundedWorld, visits: Int, keeping: Int
    ) throws(ResponseError) {
        self.world = world
        for number in 0..<visits {
            let row = try learn()
            if number >= visits - keeping { last.append(row) }
        }
    }

    /// Learns the next visit.
    @discardableResult
    public mutating func learn() throws(ResponseError) -> ConfoundedWorld.Row {
        let row = world.next()
        let (exposure, item) = Self.exposure(row)
        let base =
            row.discount > 0 ? try head.logit(exposure.at(discount: 0), item: item) : nil
        let served = try head.learn(exposure, item: item, label: row.purchased)
        try effect.learn(
            exposure, item: item, label: row.purchased, served: served.logit,
            base: base ?? served.logit, choice: .others(propensity: row.propensity))
        return row
    }

    /// The next visit, which is not learned.
    public mutating func next() -> ConfoundedWorld.Row { world.next() }

    /// A visit as the response models take it.
    public static func exposure(_ row: ConfoundedWorld.Row) -> (Exposure, ItemFeatures) {
        let exposure = Exposure(
            tsMs: row.tsMs, user: "user \(row.user)", price: row.price, discount: row.discount,
            context: [(key: "weekend", value: .number(row.weekend ? 1 : 0))])
        let item = ItemFeatures(
            id: "item \(row.item)", category: ConfoundedWorld.category(ofItem: row.item))
        return (exposure, item)
    }

    /// The head's own association of a discount with the response, in the mean of the visits kept.
    public func plainEffect(_ discount: Double) throws(ResponseError) -> Double {
        var sum = 0.0
        for row in last {
            let (exposure, item) = Self.exposure(row)
            let two = try head.demand(exposure, item: item, depths: [0, discount])
            sum += (two[1].logit - two[0].logit) / Double(last.count)
        }
        return sum
    }

    /// The discount that the visits kept would get as the daemon decides when it is asked to be 80 %
    /// sure, exploration apart, where items cost half their price.
    public func decisions() throws -> [(row: ConfoundedWorld.Row, discount: Double)] {
        try last.map { row in
            let (exposure, item) = Self.exposure(row)
            let bare = exposure.at(discount: 0)
            let demand = try effect.demand(
                bare, item: item, base: try head.predict(bare, item: item),
                discounts: ConfoundedWorld.depths)
            return (row, try Self.discount(price: row.price, demand: demand))
        }
    }

    /// The discount that the daemon would choose when it is asked to be 80 % sure, exploration apart,
    /// where an item costs half its price.
    static func discount(price: Double, demand: [CausalPrediction]) throws -> Double {
        let policy = try DiscountPolicy(
            PricingConfiguration(
                depths: demand.map(\.discount), exploration: .none, holdoutFraction: 0,
                confidence: 0.8))
        return try policy.decide(
            item: ItemOffer(price: price, cost: price / 2),
            demand: demand.map { point in
                DemandPoint(
                    depth: point.discount, probability: point.probability,
                    uncertainty: LogitUncertainty(
                        mean: point.logit, variance: point.variance,
                        covarianceWithBaseline: point.covarianceWithBaseline))
            }, holdout: false, draws: PricingDraws(explore: 0.99, depth: 0)
        ).discount
    }
}
