import Pricing
import Records
import Testing

/// Article 6a of Directive 98/6/EC, case by case.
@Suite struct PriorPriceTests {
    private static func settings(
        _ change: (inout PriorPriceSettings) -> Void = { _ in }
    ) -> PriorPriceSettings {
        var settings = PriorPriceSettings()
        settings.days = 30
        change(&settings)
        return settings
    }

    /// A catalogue of prices, each from a day on.
    private static func catalogue(_ prices: [(day: Double, price: Double)]) -> PriceHistory {
        var history = PriceHistory()
        for (day, price) in prices {
            history.note(cataloguePrice: price, atMs: RuleFixture.day(day), days: 30)
        }
        return history
    }

    /// Twenty decisions within a day, `count` of them at a price and the rest at the list price.
    private static func offer(
        _ price: Double, to count: Int, on day: Int, list: Double = 100,
        _ settings: PriorPriceSettings, in history: inout PriceHistory
    ) {
        for index in 0..<20 {
            history.note(
                offer: index < count ? price : list,
                atMs: RuleFixture.day(Double(day) + 0.3 + Double(index) / 100), settings)
        }
    }

    private func decide(
        _ history: PriceHistory, _ settings: PriorPriceSettings, list: Double = 100,
        at day: Double = 100, depths: [Double] = [0, 0.1, 0.2]
    ) throws -> Decision {
        try RuleFixture {
            $0.item = ItemOffer(price: list, cost: 1)
            $0.configuration.depths = depths
            $0.configuration.rules.prior = settings
            $0.circumstances.atMs = RuleFixture.day(day)
            $0.circumstances.prior = history.prior(atMs: RuleFixture.day(day), settings)
        }.decide()
    }

    @Test("a price that never changed is the prior price, and binds nothing")
    func plain() throws {
        let decision = try decide(Self.catalogue([(1, 100)]), Self.settings())
        #expect(decision.price == 80 && decision.discount == 0.2)
        #expect(decision.priorPrice == 100 && decision.rules == [])
    }

    @Test(
        "a percentage is of the lowest price of the thirty days, not of the price of the day before"
    )
    func lowest() throws {
        // Sold at 100, for some days at 80, and at 100 again.
        let history = Self.catalogue([(1, 100), (90, 80), (95, 100)])
        let decision = try decide(history, Self.settings(), depths: [0, 0.1, 0.2, 0.36])
        #expect(decision.priorPrice == 80 && decision.price == 64 && decision.discount == 0.2)
        #expect(abs(decision.depth - 0.36) < 1.01e-6 && decision.rules == [.priorPrice])
        // What is expected is what is expected of that price.
        #expect(decision.actions.map(\.price) == [100, 72, 64, 51.2])
        #expect(abs(decision.expectedConversion - 0.41) < 1e-5)
        let refused = try decide(history, Self.settings { $0.policy = .refuse })
        #expect(refused.price == 100 && refused.rules == [.priorPrice] && refused.priorPrice == 80)
        // Thirty days after the low price ended it counts no more.
        #expect(try decide(history, Self.settings(), at: 124.9).priorPrice == 80)
        let later = try decide(history, Self.settings(), at: 125)
        #expect(later.priorPrice == 100 && later.price == 80)
    }

    @Test("more days than thirty look further back")
    func days() throws {
        let history = Self.catalogue([(1, 100), (40, 80), (45, 100)])
        #expect(try decide(history, Self.settings()).priorPrice == 100)
        #expect(try decide(history, Self.settings { $0.days = 60 }).priorPrice == 80)
    }

    @Test("a rise before a reduction is none of its prior price")
    func raised() throws {
        let history = Self.catalogue([(1, 100), (99.5, 150)])
        let decision = try decide(
            history, Self.settings(), list: 150, depths: [0, 0.1, 0.2, 0.47])
        #expect(decision.priorPrice == 100 && decision.price == 80 && decision.discount == 0.2)
    }

    @Test("a rule of depth holds against the list price as well")
    func depths() throws {
        let history = Self.catalogue([(1, 100), (99, 150)])
        let decision = try RuleFixture {
            $0.item = ItemOffer(price: 150, cost: 1)
            $0.configuration.maximumDepth = 0.4
            $0.configuration.rules.prior = Self.settings()
            $0.circumstances.prior = history.prior(atMs: RuleFixture.day(100), Self.settings())
        }.decide()
        #expect(decision.price == 90 && decision.discount == 0.1)
        #expect(decision.rules == [.maximumDepth, .priorPrice])
    }

    @Test("a new article is not reduced before its prices are known for long enough")
    func newArticle() throws {
        let history = Self.catalogue([(90, 120), (95, 100)])
        let decision = try decide(history, Self.settings())
        #expect(decision.discount == 0 && decision.rules == [.priorPrice])
        #expect(decision.priorPrice == nil)
        // Where the country allows fewer days, all prices it had count.
        let shorter = try decide(history, Self.settings { $0.newDays = 7 })
        #expect(shorter.priorPrice == 100 && shorter.discount == 0.2)
        #expect(try decide(history, Self.settings { $0.newDays = 11 }).rules == [.priorPrice])
        #expect(try decide(PriceHistory(), Self.settings()).rules == [.priorPrice])
        // After thirty days it is new no more.
        #expect(try decide(history, Self.settings(), at: 120).priorPrice == 100)
    }

    @Test("goods that perish are exempt where the configuration says so, with what lies below")
    func perishable() {
        let settings = Self.settings { $0.perishable = ["Fresh"] }
        #expect(!settings.concerns("Fresh / Milk") && settings.concerns("Freshness"))
        #expect(settings.concerns(nil) && !PriorPriceSettings().concerns("Tea"))
    }

    @Test("a reduction that goes on as it is is measured against the price before it began")
    func goesOn() throws {
        let settings = Self.settings()
        var history = Self.catalogue([(1, 100)])
        for day in 96...99 { Self.offer(90, to: 15, on: day, settings, in: &history) }
        let decision = try decide(history, settings, depths: [0, 0.1])
        #expect(decision.price == 90 && decision.discount == 0.1 && decision.priorPrice == 100)
    }

    @Test(
        "a reduction that grows is measured against its own lower price, unless the country allows more"
    )
    func progressive() throws {
        let settings = Self.settings()
        var history = Self.catalogue([(1, 100)])
        for day in 96...99 { Self.offer(90, to: 15, on: day, settings, in: &history) }
        // 80 would be deeper than the 90 that runs: the lowest price of the thirty days before is 90.
        let strict = try decide(history, settings)
        #expect(strict.actions.map(\.price) == [100, 90, 72])
        #expect(strict.price == 72 && strict.discount == 0.2 && strict.priorPrice == 90)
        #expect(strict.rules == [.priorPrice])
        // Article 6a(5): the price before the first of them.
        let allowed = try decide(history, Self.settings { $0.isProgressive = true })
        #expect(allowed.price == 80 && allowed.discount == 0.2 && allowed.priorPrice == 100)
        // Once it has ended, its price is one of the thirty days.
        let after = Self.settings { $0.isProgressive = true }
        Self.offer(100, to: 0, on: 100, settings, in: &history)
        Self.offer(100, to: 0, on: 101, settings, in: &history)
        #expect(try decide(history, after, at: 102).priorPrice == 90)
        #expect(try decide(history, after, at: 131).priorPrice == 100)
    }

    @Test("personal offers are no price for everybody, until most decisions of a day have them")
    func personal() throws {
        for (count, prior) in [(9, 100.0), (10, 90), (20, 90)] {
            let settings = Self.settings()
            var history = Self.catalogue([(1, 100)])
            Self.offer(90, to: count, on: 80, settings, in: &history)
            Self.offer(100, to: 0, on: 81, settings, in: &history)
            #expect(try decide(history, settings).priorPrice == prior, "\(count) of 20")
        }
        // A few decisions tell nothing.
        var history = Self.catalogue([(1, 100)])
        for index in 0..<9 {
            history.note(offer: 50, atMs: RuleFixture.day(80) + Int64(index), Self.settings())
        }
        #expect(try decide(history, Self.settings()).priorPrice == 100)
    }

    @Test("a price between two that most had counts by those that had it or a lower one")
    func between() throws {
        let settings = Self.settings { $0.generalShare = 0.6 }
        var history = Self.catalogue([(1, 100)])
        for (index, price) in [60.0, 70, 70, 80, 80, 80, 90, 100, 100, 100].enumerated() {
            history.note(offer: price, atMs: RuleFixture.day(80) + Int64(index), settings)
        }
        Self.offer(100, to: 0, on: 81, settings, in: &history)
        #expect(try decide(history, settings).priorPrice == 80)
    }

    @Test("events that come late or again change nothing that they should not")
    func order() throws {
        let settings = Self.settings()
        let inOrder = Self.catalogue([(1, 100), (90, 80), (95, 100)])
        #expect(
            Self.catalogue([(1, 100), (95, 100), (90, 80), (95, 100)]).prior(
                atMs: RuleFixture.day(100), settings) == .price(80))
        var again = inOrder
        again.note(cataloguePrice: 100, atMs: RuleFixture.day(1), days: 30)
        again.note(cataloguePrice: 80, atMs: RuleFixture.day(90), days: 30)
        #expect(again == inOrder)
    }

    @Test("an event of a day that is over is refused: what the others of that day were is not kept")
    func dayThatIsOver() throws {
        let settings = Self.settings()
        var history = Self.catalogue([(1, 100)])
        Self.offer(100, to: 20, on: 80, settings, in: &history)
        #expect(history.prior(atMs: RuleFixture.day(80) + 1, settings) == .price(100))
        Self.offer(100, to: 1, on: 81, settings, in: &history)
        #expect(history.prior(atMs: RuleFixture.day(80) + 1, settings) == .unknown)
        #expect(history.prior(atMs: RuleFixture.day(81) + 1, settings) == .price(100))
    }

    @Test("what is kept is bounded, and what is given up makes no prior price higher")
    func bounded() throws {
        let settings = Self.settings()
        var history = PriceHistory()
        var random = SeededRandom(seed: 4)
        var prices: [Double] = []
        for hour in 0..<3_000 {
            prices.append(10 + (random.unit() * 1_000).rounded() / 100)
            history.note(
                cataloguePrice: prices[hour], atMs: Int64(hour) * 3_600_000 / 24 * 6, days: 30)
        }
        #expect(history.steps.count == 512)
        let now = Int64(3_000) * 3_600_000 / 24 * 6
        guard case .price(let prior, _) = history.prior(atMs: now, settings) else {
            Issue.record("no prior price")
            return
        }
        // Thirty days are 2,880 of the quarters of an hour.
        #expect(prior <= prices.suffix(2_880).min()!)
        #expect(try PriceHistory(encoded: history.encoded()) == history)
    }

    @Test("a number of days that the law does not know is refused", arguments: [-1, 1, 29, 367])
    func refused(days: Int) {
        var configuration = PricingConfiguration()
        configuration.rules.prior.days = days
        #expect {
            try configuration.validate()
        } throws: {
            "\($0)".contains("pricing.prior_price_days")
        }
    }
}
