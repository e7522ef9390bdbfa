import Pricing
import Testing

@Suite struct FloorRuleTests {
    @Test("an amount of money remains above cost, to the cent")
    func amount() throws {
        for (amount, price, rules) in [
            (5.0, 7.0, []), (5.01, 8, [PricingRule.marginAmount]), (8, 10, [.marginAmount]),
        ] {
            let decision = try RuleFixture {
                $0.configuration.rules.marginAmount = amount
            }.decide()
            #expect(decision.price == price && decision.rules == rules, "\(amount)")
        }
    }

    @Test("share and amount hold side by side")
    func both() throws {
        let decision = try RuleFixture {
            $0.configuration.marginFloor = 0.55
            $0.configuration.rules.marginAmount = 6.5
        }.decide()
        // 2 + 5.5 by the share, 2 + 6.5 by the amount.
        #expect(decision.price == 9 && decision.rules == [.marginFloor, .marginAmount])
    }

    @Test("no discounted price lies below the minimum of the item or of its brand")
    func minimum() throws {
        let item = try RuleFixture { $0.circumstances.minimumPrice = 7.5 }.decide()
        #expect(item.price == 8 && item.rules == [.minimumPrice])
        let brand = try RuleFixture {
            $0.configuration.rules.brandMinimums = ["Boil": 0.85, "Other": 1]
        }.decide()
        #expect(brand.price == 9 && brand.rules == [.minimumPrice])
        let both = try RuleFixture {
            $0.circumstances.minimumPrice = 9.5
            $0.configuration.rules.brandMinimums = ["Boil": 0.5]
        }.decide()
        #expect(both.price == 10 && both.rules == [.minimumPrice])
        // The list price is the shop's own.
        let above = try RuleFixture { $0.circumstances.minimumPrice = 12 }.decide()
        #expect(above.price == 10 && above.discount == 0)
    }

    @Test("a minimum that is no amount is refused", arguments: [-1, .nan, .infinity, 1e13])
    func refused(minimum: Double) {
        #expect(throws: PricingError.self) {
            try RuleFixture { $0.circumstances.minimumPrice = minimum }.decide()
        }
    }
}
