import Pricing
import Records
import Testing

/// What goes before the choice: an offer that stands, and the shop's habit.
@Suite struct StandingPriceTests {
    private func decide(
        _ standing: StandingPrice, holdout: Bool = false, maximumDepth: Double = 0.5,
        stock: Double = 5
    ) throws -> Decision {
        try DiscountPolicy(
            PricingConfiguration(maximumDepth: maximumDepth, exploration: .none)
        ).decide(
            item: ItemOffer(price: 100, cost: 50, stock: stock),
            demand: PricingConfiguration.defaultDepths.map {
                DemandPoint(depth: $0, probability: logistic(-2.5 + 8 * $0))
            }, holdout: holdout, draws: PricingDraws(explore: 0.5, depth: 0.5),
            standing: standing)
    }

    static let offer = StandingPrice.Offer(discount: 0.35, propensity: 0.07, explored: true)

    @Test("an offer that stands is kept, with its propensity, at what it is expected to earn today")
    func held() throws {
        let free = try decide(StandingPrice())
        #expect(!free.isHeld && free.discount != 0.35)
        for habit in [nil, 0.1] {
            let kept = try decide(StandingPrice(habit: habit, offer: Self.offer))
            #expect(kept.isHeld && kept.explored && kept.propensity == 0.07)
            #expect(kept.discount == 0.35 && kept.price == 65)
            let chance = logistic(-2.5 + 8 * 0.35)
            #expect(abs(kept.expectedConversion - chance) < 1e-12)
            #expect(abs(kept.expectedMargin! - 15 * chance) < 1e-9)
            #expect(abs(kept.incrementalMargin - (15 * chance - 50 * logistic(-2.5))) < 1e-9)
            #expect(kept.actions == free.actions)
        }
    }

    @Test("it falls where the rules have tightened, and for a hold-out unless it is none")
    func falls() throws {
        let tight = try decide(StandingPrice(offer: Self.offer), maximumDepth: 0.2)
        #expect(!tight.isHeld && tight.discount <= 0.2)
        let empty = try decide(StandingPrice(offer: Self.offer), stock: 0)
        #expect(!empty.isHeld && empty.discount == 0)
        let held = try decide(StandingPrice(habit: 0.2, offer: Self.offer), holdout: true)
        #expect(!held.isHeld && held.discount == 0 && held.policy != "merchant")
        let none = StandingPrice.Offer(discount: 0, propensity: 1, explored: false)
        #expect(try decide(StandingPrice(offer: none), holdout: true).isHeld)
    }

    @Test("a habit is followed with certainty at the nearest depth that the rules allow")
    func habit() throws {
        for (habit, discount) in [(0.0, 0.0), (0.02, 0), (0.11, 0.1), (0.33, 0.35), (0.9, 0.5)] {
            let decision = try decide(StandingPrice(habit: habit))
            #expect(decision.discount == discount && decision.propensity == 1)
            #expect(decision.policy == "merchant" && !decision.explored && !decision.isHeld)
        }
        #expect(try decide(StandingPrice(habit: 0.4), maximumDepth: 0.15).discount == 0.15)
    }
}
