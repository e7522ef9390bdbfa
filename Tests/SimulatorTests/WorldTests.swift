import Pricing
import Records
import Simulator
import Testing

@Suite struct WorldTests {
    let world: World

    init() throws {
        world = try World(seed: 7)
    }

    @Test("the catalogue has 600 items in 10 categories, ids and titles never twice")
    func catalogue() throws {
        #expect(world.items.count == 600 && world.shoppers.count == 2000)
        #expect(Set(world.items.map(\.category)).count == 10)
        #expect(Set(world.items.map(\.id)).count == 600)
        #expect(Set(world.items.map(\.title)).count == 600)
        let unknown = world.items.count { !$0.costIsKnown }
        #expect(unknown > 0 && unknown < 30)
        for item in world.items {
            #expect(item.price > item.cost && item.cost > 0, "\(item.title)")
            let cents = item.price * 100
            #expect(abs(cents - cents.rounded()) < 1e-6)
            #expect(item.title.split(separator: " ").count >= 3 && !item.title.contains(" Mk "))
        }
    }

    @Test("a world of 3,000 items still has a new title for each")
    func manyItems() throws {
        let large = try World(seed: 1, configuration: WorldConfiguration(itemCount: 3000))
        #expect(Set(large.items.map(\.title)).count == 3000)
    }

    @Test("all segments are there, in about their shares, and differ in sensitivity")
    func segments() {
        for (index, segment) in Segment.all.enumerated() {
            let share = Double(world.shoppers.count { $0.segment == index }) / 2000
            #expect(abs(share - segment.share) < 0.05, "\(segment.name): \(share)")
        }
        #expect(Segment.all.map(\.sensitivity).max() ?? 0 > 5 * 0.9)
        #expect(Segment.all.map(\.sensitivity).min() ?? 9 < 1)
    }

    @Test(
        "worlds answer to a discount as they say: not at all, with harm in some categories, by thresholds"
    )
    func answers() throws {
        func conversions(_ answer: PriceAnswer) throws -> [(
            none: Double, deep: Double, category: String
        )] {
            let world = try World(seed: 7, configuration: WorldConfiguration(answer: answer))
            var random = SeededRandom(seed: 4)
            return (0..<20_000).map { _ in
                let item = Int(random.unit() * 600)
                let demand = world.demand(
                    shopper: Int(random.unit() * 2000), item: item, atMs: spring)
                return (
                    demand.conversion(discount: 0), demand.conversion(discount: 0.3),
                    world.items[item].category
                )
            }
        }
        #expect(try conversions(.none).allSatisfy { $0.none == $0.deep })
        let harmful = try conversions(.harmful)
        let harmed = Set(harmful.filter { $0.deep < $0.none }.map(\.category))
        #expect(harmed.count == 4)
        #expect(harmful.allSatisfy { harmed.contains($0.category) == ($0.deep < $0.none) })
        let thresholds = try conversions(.thresholds)
        #expect(thresholds.allSatisfy { (0...1).contains($0.none) && $0.deep >= $0.none })
        let moved = thresholds.count { $0.deep > $0.none }
        #expect(moved > 10_000 && moved < 20_000, "\(moved)")
        // The list price is the same question in all of them, but for the form of the curve.
        let sensitive = try conversions(.sensitive)
        #expect(zip(sensitive, harmful).allSatisfy { $0.none == $1.none })
    }

    @Test("demand rises with the discount for every shopper, item and moment")
    func monotone() {
        var random = SeededRandom(seed: 4)
        var falls = 0
        for _ in 0..<100_000 {
            let demand = world.demand(
                shopper: Int(random.unit() * 2000), item: Int(random.unit() * 600),
                atMs: spring + Int64(random.unit() * 400) * day)
            let (a, b) = (random.unit() * 0.9, random.unit() * 0.9)
            let (low, high) = (min(a, b), max(a, b))
            if low < high, demand.conversion(discount: low) >= demand.conversion(discount: high) {
                falls += 1
            }
        }
        #expect(falls == 0)
    }

    @Test("the oracle is what the pricing rules choose when they are told the truth")
    func oracleIsBestDecision() throws {
        let configuration = PricingConfiguration(
            maximumDepth: 0.3, marginFloor: 0.1, exploration: .none)
        let world = try World(seed: 7, configuration: WorldConfiguration(pricing: configuration))
        let policy = try DiscountPolicy(configuration)
        var random = SeededRandom(seed: 11)
        var discounted = 0
        for _ in 0..<20_000 {
            let item = Int(random.unit() * 600)
            let demand = world.demand(
                shopper: Int(random.unit() * 2000), item: item, atMs: spring)
            let points = try configuration.depths.map { depth in
                let given = try policy.delivered(depth: depth, item: world.items[item].offer)
                return DemandPoint(
                    depth: depth, probability: demand.conversion(discount: given.discount))
            }
            let decision = try policy.decide(
                item: world.items[item].offer, demand: points, holdout: false,
                draws: PricingDraws(explore: 0, depth: 0))
            let oracle = world.oracle(item: item, demand: demand)
            #expect(oracle.price == decision.price)
            discounted += oracle.discount > 0 ? 1 : 0
        }
        #expect(discounted > 5000 && discounted < 15_000)
    }

    @Test("demand moves with the season, and differently by category")
    func seasons() {
        var ranges: [Double] = []
        for item in 0..<10 {
            let levels = (0..<26).map {
                world.demand(shopper: 0, item: item, atMs: spring + Int64($0 * 7) * day).level
            }
            ranges.append((levels.max() ?? 0) - (levels.min() ?? 0))
        }
        #expect(ranges.allSatisfy { $0 > 0.3 && $0 < 1.2 }, "\(ranges)")
        let change = (0..<10).map { item in
            world.demand(shopper: 0, item: item, atMs: spring + 14 * day).level
                - world.demand(shopper: 0, item: item, atMs: spring).level
        }
        #expect((change.max() ?? 0) > 0 && (change.min() ?? 0) < 0)
    }
}
