import Pricing
import Testing

@Suite struct PriceEndingTests {
    private func price(_ list: Double, _ depth: Double, _ endings: [Int], maximum: Double = 0.9)
        throws -> Decision
    {
        try RuleFixture {
            $0.item = ItemOffer(price: list, cost: 0.01)
            $0.configuration.depths = [0, depth]
            $0.configuration.maximumDepth = maximum
            $0.configuration.rules.endings = endings
        }.decide()
    }

    @Test("the nearest ending is taken, the higher of two as near")
    func nearest() throws {
        for (list, depth, endings, wanted) in [
            (100.0, 0.1, [99], 89.99), (100, 0.1, [0], 90), (20, 0.1, [95, 99], 17.99),
            (19.99, 0.2, [99, 95, 0], 15.99), (10, 0.2, [50], 8.5), (10, 0.25, [0], 8),
            (3, 0.2, [49], 2.49),
        ] {
            let decision = try price(list, depth, endings)
            #expect(decision.price == wanted, "\(list) less \(depth) ending in \(endings)")
            #expect(abs(decision.discount - (1 - wanted / list)) < 1.01e-6)
        }
    }

    @Test(
        "an ending never goes below a floor, nor deeper than the maximum: the next one up is taken")
    func floors() throws {
        // 79.99 would be nearest to 80, and is below the maximum depth.
        let decision = try price(100, 0.2, [99], maximum: 0.2)
        #expect(decision.price == 80.99 && decision.rules == [.priceEnding])
        let margin = try RuleFixture {
            $0.item = ItemOffer(price: 100, cost: 60)
            $0.configuration.depths = [0, 0.2]
            $0.configuration.marginFloor = 0.2
            $0.configuration.rules.endings = [99]
        }.decide()
        #expect(margin.price == 80.99)
    }

    @Test(
        "where the nearest ending is not below the list price there is no discount, and the rule is named"
    )
    func noRoom() throws {
        let decision = try price(0.9, 0.1, [99])
        #expect(decision.price == 0.9 && decision.discount == 0 && decision.actions.count == 1)
        #expect(decision.rules == [.priceEnding])
    }

    @Test("a price that ends so anyway binds nothing")
    func silent() throws {
        #expect(try price(100, 0.1, [0, 99]).rules == [])
    }

    @Test("what is expected of a price off the grid lies between the depths beside it")
    func demand() throws {
        let decision = try price(10, 0.3, [50])
        // 7 becomes 7.5: a quarter off, between 0 and 0.3.
        #expect(decision.price == 7.5)
        #expect(abs(decision.expectedConversion - (0.05 + 0.25)) < 1e-12)
    }

    @Test("depths that end alike are one action, whose propensity is that of all of them")
    func merged() throws {
        let decision = try RuleFixture {
            $0.configuration.exploration = .epsilonGreedy
            $0.configuration.epsilon = 1
            $0.configuration.rules.endings = [0]
            $0.item = ItemOffer(price: 4, cost: 0.5)
            $0.configuration.depths = [0, 0.1, 0.2, 0.3, 0.4]
        }.decide()
        // 3.6 is nearest to 4, which is no discount; 3.2, 2.8 to 3; 2.4 to 2.
        #expect(decision.actions.map(\.price) == [4, 3, 2])
        #expect(decision.actions.map(\.propensity) == [0.4, 0.4, 0.2])
    }
}
