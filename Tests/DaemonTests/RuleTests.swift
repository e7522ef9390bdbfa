import Daemon
import Foundation
import Pricing
import Records
import SnapshotStore
import Testing

@Suite(.serialized) struct RuleTests {
    private func load(_ yaml: String) throws -> (Configuration, [ConfigurationError]) {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(UUID().uuidString).yaml").path
        try Data(yaml.utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        return Configuration.read(file: file, environment: [:], overrides: [])
    }

    @Test("rules are read from their own part of pricing, and stored so that they read back")
    func settings() throws {
        let (configuration, problems) = try load(
            """
            pricing:
              prior_price_days: 30
              prior_price_policy: refuse
              prior_price_perishable: [Fresh]
              channel: web
              rules:
                category_depth: {Wine: 0.2, "Wine / Red": 0.1}
                price_endings: [0.99, 0.95, 0]
                exclude_brands: [Boil]
                blackouts:
                  - {from: "2027-01-01T00:00:00Z", to: "2027-01-08T00:00:00+01:00", categories: [Tea]}
                shopper_offers: 3
                shopper_period: 14d
                item_day_change: 0.1
              margin_floor: 0.1
            """)
        #expect(problems.isEmpty, "\(problems)")
        let pricing = configuration.pricing
        #expect(pricing.marginFloor == 0.1 && pricing.channel == "web")
        #expect(pricing.prior.days == 30 && pricing.prior.policy == .refuse)
        #expect(pricing.rules.categoryDepth == ["Wine": 0.2, "Wine / Red": 0.1])
        #expect(pricing.rules.priceEndings == [0.99, 0.95, 0])
        #expect(pricing.rules.blackouts.map(\.categories) == [["Tea"]])
        #expect(pricing.rules.shopperOffers == 3 && pricing.rules.shopperPeriodMs == 1_209_600_000)
        #expect(pricing.rules.itemDayChange == 0.1 && pricing.rules.shopperItemDayChange == nil)
        let again = try Configuration(stored: configuration.stored(), place: "stored")
        #expect(again.stored() == configuration.stored())
        #expect(again.pricing.rules.blackouts == pricing.rules.blackouts)
        let over = try Configuration.load(
            file: nil, environment: ["TIDEMARK_PRICING_RULES_LOW_STOCK": "4"],
            overrides: ["pricing.rules.item_depth={kettle: 0.05}"])
        #expect(over.pricing.rules.lowStock == 4)
        #expect(over.pricing.rules.itemDepth == ["kettle": 0.05])
    }

    @Test(
        "each bad value of a rule is named by its key and line",
        arguments: [
            ("category_depth", "{Wine: 1}"), ("brand_depth", "[Wine]"),
            ("item_depth", "{kettle: deep}"), ("margin_floor_amount", "-1"),
            ("brand_minimum_price", "{Boil: 0}"), ("price_endings", "[0.999]"),
            ("price_endings", "[1.99]"), ("exclude_items", "{a: b}"),
            ("exclude_categories", "[\"\"]"), ("blackouts", "[{from: yesterday}]"),
            ("blackouts", "[{from: \"2027-01-02T00:00:00Z\", to: \"2027-01-01T00:00:00Z\"}]"),
            ("low_stock", "few"), ("shopper_offers", "-1"), ("shopper_offers", "1000"),
            ("item_period", "0s"), ("category_period", "400d"), ("item_day_change", "2"),
            ("shopper_item_change_interval", "soon"), ("shoper_offers", "1"),
        ])
    func refused(key: String, value: String) throws {
        let (_, problems) = try load("pricing:\n  rules:\n    \(key): \(value)\n")
        let said = try #require(problems.first).description
        #expect(problems.count == 1 && said.contains("pricing.rules.\(key)"), "\(said)")
        #expect(said.contains(".yaml:3: "), "\(said)")
    }

    @Test("a prior price of fewer days than the law asks for is refused, and rules that are no map")
    func refusedOthers() throws {
        for (yaml, word) in [
            ("pricing: {prior_price_days: 7}", "pricing.prior_price_days"),
            ("pricing: {prior_price_policy: ignore}", "pricing.prior_price_policy"),
            ("pricing: {rules: 5}", "pricing.rules"),
        ] {
            #expect(try load(yaml).1.first?.description.contains(word) == true)
        }
    }

    /// Discounted offers by item, in the order they were published.
    private func discounted(_ fixture: DaemonFixture) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for record in try fixture.read(fixture.recommendations) {
            let fields = try #require(
                try JSONSerialization.jsonObject(with: Data(text(record).utf8)) as? [String: Any])
            let discount = try #require(fields["discount"] as? Double)
            let item = try #require(fields["item_id"] as? String)
            if discount > 0 { counts[item, default: 0] += 1 }
        }
        return counts
    }

    @Test(
        "a cap that was used up stays so through a rewind that skips what used it up, and the journal of it all replays"
    )
    func rewind() throws {
        let fixture = try DaemonFixture(partitions: 1)
        let configuration = try fixture.configuration(
            ShopStream.overrides + [
                "pricing.exploration=epsilon-greedy", "pricing.epsilon=1", "pricing.holdout=0",
                "pricing.rules.item_offers=3", "pricing.rules.item_period=6h",
                "pricing.rules.shopper_item_day_change=0.5",
            ])
        var shop = ShopStream(seed: 61)
        try fixture.send(shop.next(1_500), partition: 0)
        _ = try fixture.run(configuration)
        let first = try discounted(fixture)
        #expect(first.count == ShopStream.items && first.values.allSatisfy { $0 == 3 })
        let store = try SnapshotStore.open(path: fixture.store, mode: .readWrite)
        let target = try #require(try store.snapshots().last?.record.id)
        let request = RollbackRequest(
            reference: target, rewind: true, skips: ["\(fixture.events):0:20-1400"],
            reason: "a drill", who: "ada")
        _ = try request.perform(on: store)
        try store.close()
        try fixture.send(shop.next(300), partition: 0)
        let last = try fixture.run(configuration)
        #expect(last.recommendations.published > 30)
        #expect(try discounted(fixture) == first)
        let result = try wholeReplay(of: fixture.store)
        #expect(result.result == .identical, "\(result.text)")
    }
}
