import ArgumentParser
import Pricing
import ResponseModel
import Simulator

/// `bench effect`: how well the causal slope is found in worlds where discounts are not random.
struct EffectBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "effect",
        abstract: "The effect of discounts found in worlds with planted confounding.",
        discussion: """
            Each world is learned once. The effect of a discount of 30 % on the logit is then asked of the \
            plain model (the head's own association) and of the effect model, and both are held against \
            the truth; and each pair of shopper and item is priced, at a cost of half the price.
            """)

    @Option(help: "Visits in each world.")
    var visits = 200_000

    @Option(help: "Worlds of each kind, by seed.")
    var seeds = 3

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard visits >= 1000, seeds >= 1 else {
            throw ValidationError("--visits must be 1000 or more, --seeds 1 or more.")
        }
    }

    func run() throws {
        var results: [EffectResult] = []
        for confounding in ConfoundedWorld.Confounding.allCases {
            for (step, slope) in [(0.1, 2.0), (0, 0)] {
                for seed in 1...UInt64(seeds) {
                    let world = ConfoundedWorld(confounding, step: step, slope: slope, seed: seed)
                    do {
                        results.append(try EffectTrial(world).run(visits: visits, seed: seed))
                    } catch { throw ExitStatus.bug.failure("\(error)") }
                }
            }
        }
        print(json ? try jsonText(results) : EffectResult.table(results))
    }
}

struct EffectResult: Encodable {
    let world: String
    let seed: UInt64
    let truth: Double
    let plain: Double
    let found: Double
    let unconstrained: Double
    let deviation: Double
    /// Share of pairs that would get a discount, and of those where the truth loses by it.
    let discounted: Double
    let wrongly: Double
    /// True margin of the prices chosen over that of the best prices in hindsight.
    let marginShare: Double

    static func table(_ results: [EffectResult]) -> String {
        var table = TextTable([
            ("world", .left), ("seed", .right), ("true effect", .right), ("plain", .right),
            ("found", .right), ("uncut ± sd", .right), ("discounted", .right),
            ("wrongly", .right), ("margin of best", .right),
        ])
        for result in results {
            table.add(
                result.world, "\(result.seed)", fixed(result.truth, 3), fixed(result.plain, 3),
                fixed(result.found, 3),
                "\(fixed(result.unconstrained, 3)) ± \(fixed(result.deviation, 3))",
                fixed(100 * result.discounted, 1) + " %", fixed(100 * result.wrongly, 1) + " %",
                fixed(100 * result.marginShare, 1) + " %")
        }
        return table.rendered()
    }
}

/// One world, learned and asked.
struct EffectTrial {
    private var world: ConfoundedWorld
    private var head = ResponseHead(name: "purchase", dimension: 0)
    private var effect = EffectModel()
    private static let depth = 0.3

    init(_ world: ConfoundedWorld) { self.world = world }

    func run(visits: Int, seed: UInt64) throws -> EffectResult {
        var copy = self
        return try copy.learnAndAsk(visits: visits, seed: seed)
    }

    private mutating func learnAndAsk(visits: Int, seed: UInt64) throws -> EffectResult {
        var asked: [(Exposure, ItemFeatures, ConfoundedWorld.Row)] = []
        for number in 0..<visits {
            let row = world.next()
            let (exposure, item) = Self.exposure(row)
            let base = try head.predict(exposure.at(discount: 0), item: item).logit
            let served = try head.learn(exposure, item: item, label: row.purchased)
            try effect.learn(
                exposure, item: item, label: row.purchased, served: served.logit, base: base,
                propensity: row.propensity)
            if number >= visits - 400 { asked.append((exposure.at(discount: 0), item, row)) }
        }
        var plain = 0.0
        for (exposure, item, _) in asked {
            let two = try head.demand(exposure, item: item, depths: [0, Self.depth])
            plain += (two[1].logit - two[0].logit) / Double(asked.count)
        }
        let uncut = effect.unconstrained(Self.depth)
        let priced = try price(asked)
        let kind = world.slope == 0 ? "no effect" : "effect"
        return EffectResult(
            world: "\(world.confounding.rawValue), \(kind)", seed: seed,
            truth: world.marginalEffect(Self.depth), plain: plain,
            found: effect.served(Self.depth), unconstrained: uncut.mean,
            deviation: uncut.deviation, discounted: priced.discounted,
            wrongly: priced.wrongly, marginShare: priced.share)
    }

    /// Prices every asked pair as the daemon would, without exploring.
    private func price(_ asked: [(Exposure, ItemFeatures, ConfoundedWorld.Row)]) throws -> (
        discounted: Double, wrongly: Double, share: Double
    ) {
        let configuration = PricingConfiguration(
            depths: ConfoundedWorld.depths, exploration: .none, holdoutFraction: 0,
            confidence: 0.8)
        let policy = try DiscountPolicy(configuration)
        var (discounted, wrongly, earned, best) = (0.0, 0.0, 0.0, 0.0)
        for (exposure, item, row) in asked {
            let demand = try effect.demand(
                exposure, item: item, base: try head.predict(exposure, item: item),
                discounts: ConfoundedWorld.depths)
            let cost = 0.5 * exposure.price
            let decision = try policy.decide(
                item: ItemOffer(price: exposure.price, cost: cost),
                demand: demand.map { point in
                    DemandPoint(
                        depth: point.discount, probability: point.probability,
                        uncertainty: LogitUncertainty(
                            mean: point.logit, variance: point.variance,
                            covarianceWithBaseline: point.covarianceWithBaseline))
                }, holdout: false, draws: PricingDraws(explore: 0.99, depth: 0))
            let margins = ConfoundedWorld.depths.map { discount in
                (exposure.price * (1 - discount) - cost)
                    * world.conversion(row, discount: discount)
            }
            let chosen =
                ConfoundedWorld.depths.lastIndex { $0 <= decision.discount + 1e-6 } ?? 0
            if chosen > 0 { discounted += 1 }
            if margins[chosen] < margins[0] { wrongly += 1 }
            earned += margins[chosen]
            best += margins.max() ?? 0
        }
        let count = Double(asked.count)
        return (discounted / count, wrongly / count, earned / best)
    }

    static func exposure(_ row: ConfoundedWorld.Row) -> (Exposure, ItemFeatures) {
        let exposure = Exposure(
            tsMs: row.tsMs, user: "user \(row.user)", price: row.price, discount: row.discount,
            context: [(key: "weekend", value: .number(row.weekend ? 1 : 0))])
        let item = ItemFeatures(
            id: "item \(row.item)", category: ConfoundedWorld.category(ofItem: row.item))
        return (exposure, item)
    }
}
