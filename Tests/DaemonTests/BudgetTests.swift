import Daemon
import Engine
import Foundation
import Pricing
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct BudgetTests {
    private func read(_ budgets: String) -> (Configuration, [String]) {
        let (configuration, problems) = Configuration.read(
            file: nil, environment: [:], overrides: ["pricing.budgets=\(budgets)"])
        return (configuration, problems.map(\.description))
    }

    @Test("budgets are read with all that they may say, and stored so that they read back")
    func settings() throws {
        let (configuration, problems) = read(
            """
            [{name: all, spend: 20000.5, period: month, time_zone: Europe/Berlin}, \
            {name: "a, b", uses: 500, units: 2, period: campaign, from: "2027-03-01T00:00:00+01:00", \
            until: "2027-03-15T00:00:00Z", items: [kettle], categories: [Wine], brands: [Boil], pacing: false}]
            """)
        #expect(problems.isEmpty, "\(problems)")
        let budgets = configuration.pricing.budgets.map(\.budget)
        #expect(budgets.count == 2)
        #expect(budgets[0].spendMax == 2_000_050 && budgets[0].usesMax == nil)
        #expect(budgets[0].isPaced && budgets[0].units == nil)
        #expect(budgets[0].period == .calendar(.month, timeZone: "Europe/Berlin"))
        #expect(
            budgets[1].period
                == .campaign(fromMs: 1_803_855_600_000, untilMs: 1_805_068_800_000))
        #expect(budgets[1].scope.holds(item: "x", category: "Wine / Red", brand: nil))
        #expect(!budgets[1].scope.holds(item: "x", category: nil, brand: "Pour"))
        #expect(budgets[1].usesMax == 500 && budgets[1].units == 2 && !budgets[1].isPaced)
        let again = try Configuration(stored: configuration.stored(), place: "stored")
        #expect(again.stored() == configuration.stored())
        #expect(again.pricing.budgets.map(\.budget) == budgets)
    }

    @Test(
        "what is wrong with a budget is said by its name and field",
        arguments: [
            ("[5]", "a list of maps"), ("[{spend: 5, period: day}]", "has no name"),
            ("[{name: b, period: day}]", "neither spend nor uses"),
            ("[{name: b, spend: 5}]", "has no period"),
            ("[{name: b, spend: 5, period: year}]", "day, week, month or campaign"),
            ("[{name: b, spend: 5.005, period: day}]", "spend must be an amount"),
            ("[{name: b, spend: -5, period: day}]", "spend must be an amount"),
            ("[{name: b, spend: 0, period: day}]", "above 0"),
            ("[{name: b, uses: few, period: day}]", "uses must be a whole number"),
            ("[{name: b, spend: 5, period: day, time_zone: Mars/Base}]", "Mars/Base"),
            ("[{name: b, spend: 5, period: campaign}]", "needs from and until"),
            (
                "[{name: b, spend: 5, period: campaign, from: \"2027-03-02T00:00:00Z\", until: \"2027-03-01T00:00:00Z\"}]",
                "until must be after from"
            ),
            (
                "[{name: b, spend: 5, period: day, from: \"2027-03-02T00:00:00Z\"}]",
                "campaign alone"
            ),
            ("[{name: b, spent: 5, period: day}]", "did you mean 'spend'?"),
            ("[{name: b, spend: 5, period: day, items: kettle}]", "items must be a list"),
            ("[{name: b, spend: 5, period: day, pacing: often}]", "pacing must be"),
            (
                "[{name: b, spend: 5, period: day}, {name: b, uses: 5, period: day}]",
                "another budget"
            ),
        ])
    func refused(budgets: String, word: String) {
        let (_, problems) = read(budgets)
        let said = problems.first ?? ""
        #expect(said.contains("pricing.budgets") && said.contains(word), "\(said)")
    }

    private static let settings =
        ShopStream.overrides + [
            "pricing.exploration=epsilon-greedy", "pricing.epsilon=1", "pricing.holdout=0",
            "pricing.offer_lifetime=100m",
            "pricing.budgets=[{name: all, spend: 40.00, uses: 30, period: day}, {name: kind, spend: 9.37, period: campaign, from: \"2025-01-01T00:00:00Z\", until: \"2026-01-01T00:00:00Z\", categories: [kind 1], pacing: false}]",
        ]

    /// The discounts published so far, in the order of their records.
    private func discounts(_ fixture: DaemonFixture) throws -> [Double] {
        try fixture.read(fixture.recommendations).map { record in
            let fields = try #require(
                try JSONSerialization.jsonObject(with: Data(text(record).utf8)) as? [String: Any])
            return try #require(fields["discount"] as? Double)
        }
    }

    @Test(
        "a budget holds over restarts and a rewind, the report tells it, and the journal of it all replays"
    )
    func life() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let configuration = try fixture.configuration(Self.settings)
        var shop = ShopStream(seed: 61, stepMs: ShopStream.slowStepMs)
        try fixture.send(shop.next(700), partition: 0)
        _ = try fixture.run(configuration)
        try fixture.send(shop.next(700), partition: 0)
        let first = try fixture.run(configuration)
        #expect(first.budgets.map(\.name) == ["all", "kind"])
        for budget in first.budgets {
            let spend = try #require(budget.spend)
            #expect(spend.spent > 0 && spend.left >= 0, "\(budget)")
            let sum = spend.spent + spend.reserved + spend.left
            #expect(abs(sum - spend.limit) < 1e-9)
        }
        #expect(try #require(first.budgets[0].uses).left >= 0)
        let published = try discounts(fixture)
        #expect(published.contains(0) && published.contains { $0 > 0 })
        // Back to the beginning: nothing is published, reserved or spent again.
        let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
        let target = try #require(try store.snapshots().last?.record.id)
        _ = try RollbackRequest(
            reference: target, rewind: true, skips: ["\(fixture.events):0:20-400"],
            reason: "a drill", who: "ada"
        ).perform(on: store)
        try store.close()
        try fixture.send(shop.next(100), partition: 0)
        let last = try fixture.run(configuration)
        for (before, after) in zip(first.budgets, last.budgets) {
            let (before, after) = (try #require(before.spend), try #require(after.spend))
            #expect(after.spent >= before.spent && after.left >= 0)
            // Purchases of a hundred events, not of fifteen hundred.
            #expect(after.spent - before.spent < before.spent / 2 + 5)
        }
        #expect(try discounts(fixture).prefix(published.count) == published[...])
        let result = try wholeReplay(of: fixture.store)
        #expect(result.result == .identical, "\(result.text)")
    }

    @Test("each of three shards has its part of a budget, together exactly all of it")
    func shards() throws {
        var limits: [Double] = []
        for shard in 0..<3 {
            let fixture = try DaemonFixture(partitions: 3)
            let report = try fixture.run(
                try fixture.configuration(
                    Self.settings + ["kafka.shards=3", "kafka.shard=\(shard)"]))
            limits.append(try #require(report.budgets[1].spend).limit)
        }
        #expect(limits == [3.13, 3.12, 3.12])
    }
}
