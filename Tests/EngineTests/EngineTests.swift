import Engine
import Events
import Foundation
import Pricing
import Records
import Testing

@Suite(.serialized) struct EngineTests {
    /// Runs batches, committing to memory after each, and restores from there where asked to.
    private func run(
        _ batches: [[EngineInput]], _ configuration: EngineConfiguration,
        restoringAfter restored: Set<Int> = []
    ) throws -> (state: [[UInt8]: [UInt8]], engine: Engine, outputs: [StepOutput]) {
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        var memory = MemoryState()
        var rows: [[UInt8]: [UInt8]] = [:]
        var outputs: [StepOutput] = []
        for (number, batch) in batches.enumerated() {
            if restored.contains(number) {
                engine = try EngineFixture.engine(configuration, reading: memory)
                engine.resumeRefresh(training: training)
            }
            outputs.append(
                try engine.step(
                    batch, reading: memory, embedding: embedding, training: training))
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            memory.apply(changes)
            for row in changes.rows {
                rows[Array(row.table.name.utf8) + [0] + row.key] = row.value
            }
        }
        return (rows, engine, outputs)
    }

    @Test("a restored state goes on to the same bits as one that was never stored")
    func restoresExactly() throws {
        let batches = EngineFixture.stream(outcomes: 1_500).batches(of: 100)
        let configuration = try EngineFixture.configuration()
        let whole = try run(batches, configuration)
        let parted = try run(batches, configuration, restoringAfter: [3, 4, 11])
        #expect(whole.engine.counters == parted.engine.counters)
        #expect(whole.engine.counters.examples == 1_500)
        #expect(whole.state.count == parted.state.count)
        let different = whole.state.filter { parted.state[$0.key] != $0.value }
        let names = Set(
            different.keys.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        #expect(different.isEmpty, "rows that differ are in \(names.sorted())")
    }

    @Test("the order of records inside a batch does not matter")
    func orderInsideBatch() throws {
        let batches = EngineFixture.stream(outcomes: 400).batches(of: 110)
        let configuration = try EngineFixture.configuration()
        let straight = try run(batches, configuration)
        let reversed = try run(batches.map { Array($0.reversed()) }, configuration)
        #expect(straight.state == reversed.state)
    }

    @Test("the model learns: what it predicts beats the base rate")
    func learns() throws {
        let configuration = try EngineFixture.configuration()
        let run = try run(EngineFixture.stream(outcomes: 3_000).batches(of: 200), configuration)
        let score = try #require(run.engine.scores.progressive["purchase"])
        #expect(score.count == 3_000)
        #expect(try #require(score.normalizedEntropy) < 0.97)
        #expect(try #require(score.auc) > 0.6)
    }

    @Test("an event seen twice is learned once")
    func duplicates() throws {
        let stream = EngineFixture.stream(outcomes: 50)
        let configuration = try EngineFixture.configuration()
        let run = try run([stream, Array(stream.suffix(50))], configuration)
        #expect(run.engine.counters.examples == 50)
        #expect(run.engine.counters.duplicates == 50)
    }

    private func recommendations(
        after clicks: [EngineInput], catalogue: [Event],
        _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> [Recommendation] {
        let configuration = try EngineFixture.configuration(change)
        var stream = EngineFixture.stream(outcomes: 1_200)
        stream += catalogue.enumerated().map {
            EngineFixture.input($0.element, offset: Int64(900_000 + $0.offset))
        }
        let batches = stream.batches(of: 200) + [clicks]
        return try run(batches, configuration).outputs.flatMap(\.recommendations)
    }

    private let later: Int64 = 2_000_000

    @Test("deep margins earn a discount, and its body is the same in every run")
    func discount() throws {
        let clicks = [EngineFixture.click(1, ts: later)]
        let catalogue = [EngineFixture.item(1, ts: later - 1, cost: 0.5)]
        let first = try recommendations(after: clicks, catalogue: catalogue)
        let second = try recommendations(after: clicks, catalogue: catalogue)
        let offer = try #require(first.first)
        #expect(offer.discount > 0)
        #expect(try #require(offer.incrementalMargin) > 0)
        #expect(offer.expectedConversion > offer.baselineConversion)
        #expect(try first.map { try $0.json() } == second.map { try $0.json() })
    }

    @Test(
        "no rule is broken: unknown cost, no stock, deleted, kill switch give the list price",
        arguments: ["unknown_cost", "out_of_stock", "deleted_item", "kill_switch"])
    func rules(rule: String) throws {
        var item = Event.Item(itemID: "item-99", title: "Steel Kettle 99", price: 10, cost: 0.5)
        if rule == "unknown_cost" { item.cost = nil }
        if rule == "out_of_stock" { item.stock = 0 }
        if rule == "deleted_item" { item.deleted = true }
        let event = Event(eventID: "i99", tsMs: later - 1, body: .item(item))
        let offers = try recommendations(
            after: [EngineFixture.click(1, item: 99, ts: later)], catalogue: [event]
        ) { $0.pricing.killSwitch = rule == "kill_switch" }
        let offer = try #require(offers.first)
        #expect(offer.discount == 0)
        #expect(offer.price == 10)
        #expect(offer.rules.contains(rule))
    }

    @Test("an offer stands for its lifetime, then a new one is made")
    func heldOffers() throws {
        let lifetime: Int64 = 3_600_000
        let clicks = [
            EngineFixture.click(1, ts: later), EngineFixture.click(2, ts: later + lifetime / 2),
            EngineFixture.click(3, ts: later + lifetime + 1),
        ]
        let offers = try recommendations(
            after: clicks, catalogue: [EngineFixture.item(1, ts: later - 1, cost: 0.5)]
        ) {
            $0.pricing.offerLifetimeMs = lifetime
            $0.pricing.exploration = .epsilonGreedy
            $0.pricing.epsilon = 1
        }
        #expect(offers.count == 3)
        #expect(offers[1].discount == offers[0].discount)
        #expect(offers[1].propensity == offers[0].propensity)
        #expect(offers[1].expiresAt == offers[0].expiresAt)
        #expect(offers[1].rules.contains("offer_held"))
        #expect(!offers[2].rules.contains("offer_held"))
        #expect(offers[1].recommendationID == offers[0].recommendationID)
        #expect(offers[2].recommendationID != offers[0].recommendationID)
    }

    @Test("an erased shopper is not remembered")
    func erasure() throws {
        let configuration = try EngineFixture.configuration()
        // Long enough not to be found by chance.
        let shopper = "shopper-to-forget"
        let seen = Event(
            eventID: "seen", tsMs: later - 10,
            body: .outcome(
                Event.Outcome(
                    offer: Event.Offer(userID: shopper, itemID: "item-1", price: 10),
                    purchased: true)))
        let batches = [
            EngineFixture.stream(outcomes: 600), [EngineFixture.input(seen, offset: 1_500_000)],
            [EngineFixture.click(1, user: shopper, ts: later)],
        ]
        let erase = Event(eventID: "e", tsMs: later + 1, body: .erase(userID: shopper))
        let before = try run(batches, configuration)
        let after = try run(
            batches + [[EngineFixture.input(erase, offset: 2_000_000)]], configuration)
        #expect(after.engine.rememberedExamples == before.engine.rememberedExamples - 1)
        func holders(_ state: [[UInt8]: [UInt8]]) -> Int {
            let name = Array(shopper.utf8)
            return state.count { $0.key.containsBytes(name) || $0.value.containsBytes(name) }
        }
        #expect(holders(before.state) > 0)
        #expect(holders(after.state) == 0)
    }
}

extension [UInt8] {
    fileprivate func containsBytes(_ other: [UInt8]) -> Bool {
        guard count >= other.count else { return false }
        return indices.dropLast(other.count - 1).contains {
            self[$0..<$0 + other.count].elementsEqual(other)
        }
    }
}
