import Pricing
import Records
import Testing

@Suite struct BudgetPeriodTests {
    private func span(_ unit: BudgetPeriod.Unit, _ zone: String, at text: String) throws -> [String]
    {
        var account = BudgetAccount()
        let budget = Budget(name: "b", period: .calendar(unit, timeZone: zone), spendMax: 1)
        let ms = try #require(Timestamp.milliseconds(text))
        account.book(BudgetAmount(uses: 1), of: budget, offer: nil, atMs: ms, knownMs: nil)
        let span = try #require(account.periods.first).span
        return [Timestamp.text(ms: span.fromMs), Timestamp.text(ms: span.untilMs)]
    }

    @Test("days, weeks and months are those of the time zone, with its changes of the clock")
    func calendar() throws {
        #expect(
            try span(.day, "UTC", at: "2027-03-28T12:00:00Z")
                == ["2027-03-28T00:00:00Z", "2027-03-29T00:00:00Z"])
        // The clock goes forward in that night: a day of 23 hours.
        #expect(
            try span(.day, "Europe/Berlin", at: "2027-03-28T12:00:00Z")
                == ["2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"])
        #expect(
            try span(.week, "Europe/Berlin", at: "2027-03-28T21:59:59Z")
                == ["2027-03-21T23:00:00Z", "2027-03-28T22:00:00Z"])
        #expect(
            try span(.month, "America/New_York", at: "2027-03-01T04:59:59Z")
                == ["2027-02-01T05:00:00Z", "2027-03-01T05:00:00Z"])
        #expect(
            try span(.month, "Asia/Tokyo", at: "2028-02-10T00:00:00Z")
                == ["2028-01-31T15:00:00Z", "2028-02-29T15:00:00Z"])
    }

    @Test(
        "a budget that cannot be is refused by its name and field",
        arguments: [
            ("", 1, "UTC", "no name"), ("b", nil, "UTC", "neither spend nor uses"),
            ("b", -1, "UTC", "spend"), ("b", 1, "Mars/Base", "Mars/Base"),
        ] as [(String, Int64?, String, String)])
    func refused(name: String, spend: Int64?, zone: String, word: String) {
        var configuration = PricingConfiguration()
        configuration.budgets = [
            Budget(name: name, period: .calendar(.day, timeZone: zone), spendMax: spend)
        ]
        let error = #expect(throws: PricingError.self) { try configuration.validate() }
        let said = error?.description ?? ""
        #expect(said.contains("pricing.budgets") && said.contains(word), "\(said)")
    }

    @Test("two budgets of one name are refused, and a campaign that ends before it begins")
    func refusedTogether() {
        var configuration = PricingConfiguration()
        let budget = Budget(name: "b", period: .campaign(fromMs: 1, untilMs: 2), usesMax: 1)
        configuration.budgets = [budget, budget]
        #expect(throws: PricingError.self) { try configuration.validate() }
        configuration.budgets = [
            Budget(name: "b", period: .campaign(fromMs: 2, untilMs: 2), usesMax: 1)
        ]
        #expect(throws: PricingError.self) { try configuration.validate() }
    }
}
