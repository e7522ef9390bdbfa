import Foundation
import Pricing
import Records
import Testing

@Suite struct DecisionTests {
    private func greedy(
        _ price: Double, cost: Double, depths: [Double], conversions: [Double],
        quantities: [Double]? = nil
    ) throws -> Decision {
        let configuration = PricingConfiguration(
            depths: depths, maximumDepth: 0.9, marginFloor: 0, exploration: .none)
        let demand = depths.indices.map {
            DemandPoint(
                depth: depths[$0], probability: conversions[$0],
                expectedQuantity: quantities?[$0] ?? 1)
        }
        return try DiscountPolicy(configuration).decide(
            item: ItemOffer(price: price, cost: cost), demand: demand, holdout: false,
            draws: PricingDraws(explore: 0, depth: 0))
    }

    @Test("the best incremental margin wins, quantities counted")
    func best() throws {
        let decision = try greedy(
            100, cost: 40, depths: [0, 0.1, 0.2], conversions: [0.1, 0.15, 0.2],
            quantities: [1, 1, 2])
        #expect(decision.discount == 0.2 && decision.price == 80)
        #expect(abs((decision.expectedMargin ?? 0) - 16) < 1e-12)
        #expect(abs(decision.incrementalMargin - 10) < 1e-12)
        #expect(decision.expectedConversion == 0.2 && decision.baselineConversion == 0.1)
        #expect(decision.propensity == 1 && decision.policy == "greedy" && !decision.explored)
    }

    @Test("a tie goes to the smaller depth, and to no discount above all")
    func ties() throws {
        // 50 · 0.2 = 40 · 0.25 = 10 in exact binary fractions.
        let level = try greedy(100, cost: 50, depths: [0, 0.1], conversions: [0.2, 0.25])
        #expect(level.discount == 0 && level.incrementalMargin == 0)
        let two = try greedy(
            100, cost: 0, depths: [0, 0.5, 0.75], conversions: [0.125, 0.5, 1])
        #expect(two.discount == 0.5)
    }

    @Test("in 100,000 random cases the choice is that of a plain search over the grid")
    func plainSearch() throws {
        var random = SeededRandom(seed: 9)
        var differences = 0
        for _ in 0..<100_000 {
            var problem = RandomCase(&random)
            problem.configuration.exploration = .none
            guard let cost = problem.cost else { continue }
            let decision = try DiscountPolicy(problem.configuration).decide(
                item: problem.item, demand: problem.demand, holdout: false,
                draws: PricingDraws(explore: 0, depth: 0))
            guard decision.rules.allSatisfy({ $0 == .maximumDepth || $0 == .marginFloor }) else {
                #expect(decision.discount == 0)
                continue
            }
            // Depths that come to one price are decided by the first of them.
            let policy = try DiscountPolicy(problem.configuration)
            var prices: [Double] = []
            var margins: [Double] = []
            for point in problem.demand {
                let price = try policy.delivered(depth: point.depth, item: problem.item).price
                guard prices.last != price else { continue }
                prices.append(price)
                margins.append((price - cost) * point.probability * point.expectedQuantity)
            }
            let most = try #require(margins.max())
            let first = try #require(margins.firstIndex(of: most))
            if decision.price != prices[first] || decision.expectedMargin != most {
                differences += 1
            }
        }
        #expect(differences == 0)
    }

    @Test(
        "prices are rounded as at the till: nearest cent, half up, and never past a rule",
        arguments: [
            (10.10, 0.05, 0.5, 9.60), (9.99, 0.15, 0.5, 8.49), (19.99, 0.5, 0.5, 10.00),
            (1.15, 0.1, 0.5, 1.04), (0.93, 0.35, 0.35, 0.61), (0.93, 0.35, 0.5, 0.60),
            (0.05, 0.05, 0.5, 0.05), (0.01, 0.5, 0.5, 0.01), (0.03, 0.5, 0.5, 0.02),
            (1234.56, 0.25, 0.5, 925.92), (9.999, 0.05, 0.5, 9.50),
        ])
    func rounding(list: Double, depth: Double, maximum: Double, price: Double) throws {
        let policy = try DiscountPolicy(
            PricingConfiguration(maximumDepth: maximum, marginFloor: 0))
        let given = try policy.delivered(depth: depth, item: ItemOffer(price: list, cost: 0))
        #expect(given.price == price)
        #expect(abs(given.discount - (1 - price / list)) <= 1e-6)
        if abs(list * (1 - depth) - price) < 1e-9 { #expect(given.discount == depth) }
    }

    @Test("a delivered discount comes to itself, in 200,000 random cases")
    func deliveredAgain() throws {
        var random = SeededRandom(seed: 21)
        var rounded = 0
        for _ in 0..<200_000 {
            let problem = RandomCase(&random)
            let policy = try DiscountPolicy(problem.configuration)
            let wish = problem.demand[Int(random.unit() * Double(problem.demand.count))].depth
            let first = try policy.delivered(depth: wish, item: problem.item)
            let again = try policy.delivered(depth: first.discount, item: problem.item)
            #expect(again.price == first.price && again.discount == first.discount)
            #expect(first.price > problem.item.price * (1 - wish) - 0.005_002)
            rounded += first.discount < wish && first.discount > 0 ? 1 : 0
        }
        #expect(rounded > 1000)
    }

    @Test("more demand at every depth never lowers the expected margin")
    func moreDemand() throws {
        var random = SeededRandom(seed: 12)
        for _ in 0..<20_000 {
            let conversions = (0..<5).map { _ in random.unit() / 2 }
            let depths = (0..<5).map { Double($0) / 10 }
            let less = try greedy(20, cost: 5, depths: depths, conversions: conversions)
            let more = try greedy(
                20, cost: 5, depths: depths, conversions: conversions.map { $0 * 1.5 })
            let (a, b) = (try #require(less.expectedMargin), try #require(more.expectedMargin))
            #expect(b >= a)
        }
    }
}

@Suite struct PricingErrorTests {
    static let demand = [
        DemandPoint(depth: 0, probability: 0.1), DemandPoint(depth: 0.1, probability: 0.2),
    ]

    private func decide(
        _ item: ItemOffer = ItemOffer(price: 10, cost: 2), _ demand: [DemandPoint] = demand,
        explore: Double = 0.5, depth: Double = 0.5
    ) throws -> Decision {
        try DiscountPolicy(PricingConfiguration(depths: [0, 0.1])).decide(
            item: item, demand: demand, holdout: false,
            draws: PricingDraws(explore: explore, depth: depth))
    }

    @Test(
        "what is not finite or out of range is refused",
        arguments: [
            Double.nan, .infinity, -.infinity, -1, -0.001,
        ])
    func refused(bad: Double) throws {
        #expect(throws: PricingError.self) { try decide(ItemOffer(price: bad, cost: 2)) }
        #expect(throws: PricingError.self) { try decide(ItemOffer(price: 10, cost: bad)) }
        #expect(throws: PricingError.self) { try decide(explore: bad) }
        #expect(throws: PricingError.self) { try decide(depth: bad) }
        for field in 0..<4 {
            var demand = Self.demand
            switch field {
            case 0: demand[1].probability = bad
            case 1: demand[1].expectedQuantity = bad
            case 2: demand[0].depth = bad
            default:
                demand[1].uncertainty = LogitUncertainty(
                    mean: 0, variance: bad, covarianceWithBaseline: 0)
            }
            #expect(throws: PricingError.self, "field \(field)") {
                try decide(ItemOffer(price: 10, cost: 2), demand)
            }
        }
    }

    @Test("zero, one and the enormous are refused where they make no sense")
    func edges() throws {
        #expect(throws: PricingError.self) { try decide(ItemOffer(price: 0, cost: 0)) }
        #expect(throws: PricingError.self) { try decide(ItemOffer(price: 1e300, cost: 0)) }
        #expect(throws: PricingError.self) { try decide(ItemOffer(price: 1, stock: .nan)) }
        #expect(throws: PricingError.self) { try decide(explore: 1) }
        #expect(throws: PricingError.self) { try decide(depth: 1) }
        #expect(throws: PricingError.self) { try decide(ItemOffer(price: 1), []) }
        #expect(throws: PricingError.self) {
            try decide(ItemOffer(price: 1), [Self.demand[1], Self.demand[0]])
        }
    }

    @Test("a configuration that makes no sense is refused, and the key is named")
    func configuration() {
        let changes: [(String, @Sendable (inout PricingConfiguration) -> Void)] = [
            ("depths", { $0.depths = [] }), ("depths", { $0.depths = [0.1, 0.2] }),
            ("depths", { $0.depths = [0, 0.2, 0.1] }), ("depths", { $0.depths = [0, 1] }),
            ("depths", { $0.depths = [0, .nan] }), ("depths", { $0.depths = [0, 0.0001] }),
            ("maximum_depth", { $0.maximumDepth = 1 }),
            ("maximum_depth", { $0.maximumDepth = .nan }),
            ("margin_floor", { $0.marginFloor = -0.1 }),
            ("offer_lifetime", { $0.offerLifetimeMs = 0 }), ("epsilon", { $0.epsilon = 1.1 }),
            ("epsilon", { $0.epsilon = .nan }),
            ("holdout_fraction", { $0.holdoutFraction = -0.1 }),
            ("cost_fraction", { $0.costFraction = .infinity }),
            ("confidence", { $0.confidence = 1 }),
        ]
        for (key, change) in changes {
            var configuration = PricingConfiguration()
            change(&configuration)
            do {
                _ = try DiscountPolicy(configuration)
                Issue.record("\(configuration) was taken")
            } catch {
                #expect("\(error)".hasPrefix("pricing.\(key) is "), "\(error)")
            }
        }
    }
}
