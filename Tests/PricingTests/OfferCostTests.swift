import Pricing
import Records
import Testing

/// What an offer costs beside what it takes off the price.
@Suite struct OfferCostTests {
    private func decide(
        made: Double = 0, redeemed: Double = 0, confidence: Double? = nil,
        standing: StandingPrice = StandingPrice()
    ) throws -> Decision {
        var configuration = PricingConfiguration(
            depths: [0, 0.1, 0.2], exploration: .none, confidence: confidence)
        configuration.offerCost.made = made
        configuration.offerCost.redeemed = redeemed
        // Expected margins of 6, 7.5 and 8.
        let demand = zip([0, 0.1, 0.2], [0.1, 0.15, 0.2]).map { depth, chance in
            let logit = naturalLogarithm(chance / (1 - chance))
            return DemandPoint(
                depth: depth, probability: chance,
                uncertainty: LogitUncertainty(
                    mean: logit, variance: 1e-9, covarianceWithBaseline: 0))
        }
        return try DiscountPolicy(configuration).decide(
            item: ItemOffer(price: 100, cost: 40), demand: demand, holdout: false,
            draws: PricingDraws(explore: 0, depth: 0), standing: standing)
    }

    @Test("a discount that earns less than it costs to send is not given")
    func made() throws {
        let cheap = try decide(made: 1.5)
        #expect(cheap.discount == 0.2)
        #expect(abs(try #require(cheap.expectedMargin) - 6.5) < 1e-12)
        #expect(abs(cheap.incrementalMargin - 0.5) < 1e-12)
        let dear = try decide(made: 2.5)
        #expect(dear.discount == 0 && dear.incrementalMargin == 0)
        #expect(abs(try #require(dear.expectedMargin) - 6) < 1e-12)
    }

    @Test("what a redemption costs falls on those who buy alone")
    func redeemed() throws {
        // 8 - 0.2 · 12 is less than 7.5 - 0.15 · 12, and that less than 6.
        let dear = try decide(redeemed: 12)
        #expect(dear.discount == 0)
        // 8 - 0.2 · 6 = 6.8 where 0.1 off comes to 6.6.
        let cheap = try decide(redeemed: 6)
        #expect(cheap.discount == 0.2)
        #expect(abs(cheap.incrementalMargin - 0.8) < 1e-12)
        #expect(abs(cheap.actions[1].incrementalMargin - 0.6) < 1e-12)
    }

    @Test("being sure counts with both")
    func sure() throws {
        #expect(try decide(made: 1.9, confidence: 0.8).discount == 0.2)
        #expect(try decide(made: 2.1, confidence: 0.8).discount == 0)
        #expect(try decide(made: 1, redeemed: 4.9, confidence: 0.8).discount == 0.2)
        #expect(try decide(made: 1, redeemed: 5.1, confidence: 0.8).discount == 0)
    }

    @Test("an offer that stands has been sent")
    func standing() throws {
        let offer = StandingPrice.Offer(discount: 0.1, propensity: 0.5, explored: false)
        let kept = try decide(made: 5, redeemed: 2, standing: StandingPrice(offer: offer))
        #expect(kept.isHeld && kept.discount == 0.1)
        #expect(abs(try #require(kept.expectedMargin) - 7.2) < 1e-12)
        #expect(abs(kept.incrementalMargin - 1.2) < 1e-12)
    }

    @Test("what is no amount is refused by its key", arguments: [-1, .infinity, .nan])
    func refused(amount: Double) {
        var configuration = PricingConfiguration()
        configuration.offerCost.made = amount
        #expect(throws: PricingError.self) { try DiscountPolicy(configuration) }
        configuration.offerCost = OfferCost()
        configuration.offerCost.redeemed = amount
        #expect(throws: PricingError.self) { try DiscountPolicy(configuration) }
    }
}
