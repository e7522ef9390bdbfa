import Daemon
import Foundation
import Records
import Testing

/// `holdout`: what discounts add, against the shoppers who never get one.
@Suite struct HoldoutComparisonTests {
    @Test("groups, whole orders and segments are told from events and recommendations")
    func tells() throws {
        let logs = try LogFolder()
        var shop = DecisionShop(seed: 9)
        // One visit a shopper.
        let visits = (0..<4000).map { shop.visit($0, holdouts: true) }
        var events: [(Int64, String)] = []
        for visit in visits {
            let tsMs = DecisionShop.tsMs(visit.number)
            events.append((tsMs, visit.click))
            guard let purchase = visit.purchase else { continue }
            events.append((tsMs + 90_000, purchase))
            // The same order has a cup in it that nobody decided about.
            let cup = purchase.replacing("\"kettle\"", with: "\"cup\"")
                .replacing("\"p-", with: "\"q-").replacing(
                    "\"discount\":0.2", with: "\"discount\":0")
            events.append((tsMs + 90_000, cup))
        }
        events.sort { $0.0 < $1.0 }
        // Two days on, all windows have closed.
        let end = DecisionShop.Visit(
            number: 8000, shopper: "end", discount: 0, propensity: 1, bought: false)
        let items = [
            DecisionShop.item,
            DecisionShop.item.replacing("kettle", with: "cup").replacing("i-0", with: "i-1"),
        ]
        var question = HoldoutComparison.Question(
            events: [
                try logs.write("events", events.map(\.1) + [end.click]),
                try logs.write("offers", visits.map(\.recommendation)),
            ])
        question.catalog = try logs.write("items", items)
        question.segment = "tier"
        var configuration = Configuration()
        configuration.pricing.offerCost = 0.25
        configuration.pricing.redemptionCost = 0.5
        let report = try HoldoutComparison(question, configuration: configuration).run()
        #expect(report.reward == .margin && report.withoutCost == 0)
        #expect(report.rows.map(\.name) == ["by decisions", "all purchases"])
        let (decided, bought) = (report.rows[0].estimate, report.rows[1].estimate)
        #expect(decided.heldOut == 800 && decided.treated == 3200)
        let treated = visits.filter { !$0.isHoldout }
        // Two units of each, at a cost of 8; an offer costs 0.25, and 0.5 more where it is taken.
        let kettles = treated.reduce(0.0) {
            $0 + ($1.bought ? 2 * (20 * (1 - $1.discount) - 8) : 0)
                - ($1.discount > 0 ? 0.25 + ($1.bought ? 0.5 : 0) : 0)
        }
        let cups = treated.reduce(0.0) { $0 + ($1.bought ? 24 : 0) }
        #expect(abs(decided.treatedMean - kettles / 3200) < 1e-9)
        #expect(abs(bought.treatedMean - (kettles + cups) / 3200) < 1e-9)
        #expect(decided.interval != nil && bought.interval != nil)
        #expect(report.segments.map(\.name) == ["gold", "plain"])
        #expect(report.segments[0].estimate.treated == 1600)
        // After one day, after two, and at the end.
        #expect(report.days == 3)
        // One look has a wide interval; the group's means lie apart by what was drawn.
        let interval = try #require(bought.interval)
        #expect(interval.contains(bought.difference))
    }

    @Test(
        "what offers cost counts from when they are made, whether their windows have closed or not")
    func openOffers() throws {
        let logs = try LogFolder()
        var shop = DecisionShop(seed: 10)
        let visits = (0..<400).map { shop.visit($0, holdouts: true) }
        let buyer = try #require(visits.first { !$0.isHoldout && $0.discount > 0 })
        // What was paid is told, and not the discount.
        let purchase = """
            {"type":"purchase","event_id":"late","ts":\(DecisionShop.tsMs(500)),"user_id":"\(buyer.shopper)",\
            "item_id":"kettle","price":20,"paid":16}
            """
        var question = HoldoutComparison.Question(
            events: [
                try logs.write("events", visits.map(\.click) + [purchase]),
                try logs.write("offers", visits.map(\.recommendation)),
            ])
        question.catalog = try logs.write("items", [DecisionShop.item])
        question.reward = .margin
        var configuration = Configuration()
        configuration.attribution.windowMs = 30 * 86_400_000
        configuration.pricing.offerCost = 0.25
        configuration.pricing.redemptionCost = 0.5
        let report = try HoldoutComparison(question, configuration: configuration).run()
        let treated = visits.filter { !$0.isHoldout }
        let made = Double(treated.filter { $0.discount > 0 }.count)
        let all = try #require(report.rows.last?.estimate)
        let mean = (16 - 8 - 0.5 - 0.25 * made) / Double(treated.count)
        #expect(abs(all.treatedMean - mean) < 1e-9)
        // Nobody but one has bought.
        #expect(all.interval == nil)
    }

    @Test("conversion is nothing that shoppers' totals are made of")
    func conversion() {
        var question = HoldoutComparison.Question(events: ["-"])
        question.reward = .conversion
        #expect(throws: PolicyQuestionError.self) { try HoldoutComparison(question) }
    }
}
