import Engine
import Events
import Pricing
import Records
import Testing

/// Shoppers whom no offers are made to.
@Suite struct ShadowTests {
    /// Learns a stream in which discounts sell, then takes a click of each of some shoppers.
    private static func asked(
        share: Double, of shoppers: Range<Int> = 0..<200
    ) throws -> (engine: Engine, output: StepOutput) {
        let configuration = try EngineFixture.configuration {
            $0.pricing.audience.share = share
        }
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        for batch in EngineFixture.stream(outcomes: 4_000).batches(of: 500) {
            _ = try engine.step(
                batch, reading: MemoryState(), embedding: embedding, training: training)
        }
        let clicks = shoppers.map {
            EngineFixture.click($0, user: "new \($0)", item: $0 % 40, ts: 5_000_000)
        }
        let output = try engine.step(
            clicks, reading: MemoryState(), embedding: embedding, training: training)
        return (engine, output)
    }

    @Test("their decisions are counted and not made; a larger share keeps all who had offers")
    func shares() throws {
        let all = try Self.asked(share: 1)
        let half = try Self.asked(share: 0.5)
        let none = try Self.asked(share: 0)
        #expect(all.output.recommendations.count == 200)
        #expect(all.engine.counters.shadowDecisions == 0)
        #expect(none.output.recommendations.isEmpty && none.output.askedFor.isEmpty)
        let counters = none.engine.counters
        #expect(counters.shadowDecisions == 200 && counters.recommendations == 0)
        // What is decided in shadow is what would be offered.
        let discounts = all.output.recommendations.map(\.discount)
        #expect(discounts.contains { $0 > 0 })
        #expect(counters.shadowDiscounted == discounts.count { $0 > 0 })
        let sum = discounts.reduce(0, +)
        #expect(abs(Double(counters.shadowDepth) / 10_000 - sum) < 0.02)
        #expect(counters.shadowMargin > 0)
        let some = half.output.recommendations
        #expect((70...130).contains(some.count))
        #expect(half.engine.counters.shadowDecisions == 200 - some.count)
        let offered = Dictionary(
            uniqueKeysWithValues: all.output.recommendations.map { ($0.userID, $0.discount) })
        #expect(some.allSatisfy { offered[$0.userID] == $0.discount })
        #expect(some.allSatisfy { half.engine.isLive($0.userID, category: nil) })
    }

    /// Visits of a shop that prices by itself, learned in shadow.
    private static func learned(impressions: Bool) throws -> (engine: Engine, state: MemoryState) {
        let configuration = try EngineFixture.configuration {
            $0.pricing.audience.share = 0
        }
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        var state = MemoryState()
        var inputs = (0..<40).map {
            EngineFixture.input(EngineFixture.item($0, ts: 0), offset: Int64($0))
        }
        func add(_ event: Event) {
            inputs.append(EngineFixture.input(event, offset: Int64(1_000 + inputs.count)))
        }
        for number in 0..<300 {
            let offer = Event.Offer(
                userID: "u\(number % 37)", itemID: "item-\(number % 40)", price: 10,
                discount: number % 3 == 0 ? 0.2 : 0)
            let ms = Int64(60_000 * number)
            if impressions {
                add(Event(eventID: "v\(number)", tsMs: ms, body: .impression(offer)))
            }
            if !impressions || number % 2 == 0 {
                add(Event(eventID: "c\(number)", tsMs: ms + 500, body: .click(offer)))
            }
            guard number % 4 == 0 else { continue }
            add(
                Event(
                    eventID: "p\(number)", tsMs: ms + 1_000,
                    body: .purchase(Event.Purchase(offer: offer, quantity: 1, paid: 8))))
        }
        for batch in inputs.batches(of: 100) {
            let output = try engine.step(
                batch, reading: state, embedding: embedding, training: training)
            #expect(output.recommendations.isEmpty)
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
        }
        return (engine, state)
    }

    @Test("what the shop itself offers them is learned as its own, and counts outlive a restart")
    func shopsOwn() throws {
        let (engine, state) = try Self.learned(impressions: false)
        // Windows of an hour: but for the last ones all are closed and learned.
        #expect(engine.counters.shadowDecisions == 300 && engine.counters.decisions == 0)
        #expect(engine.counters.examples > 200)
        let effects = try #require(engine.effects)
        #expect(effects.rows > 200 && effects.decidedRows == 0)
        let configuration = try EngineFixture.configuration {
            $0.pricing.audience.share = 0
        }
        let restored = try EngineFixture.engine(configuration, reading: state)
        #expect(restored.counters == engine.counters)
    }

    @Test("purchases of what was seen before it was clicked are learned of the view")
    func views() throws {
        let (engine, _) = try Self.learned(impressions: true)
        #expect(engine.counters.shadowDecisions == 150)
        let effects = try #require(engine.viewEffects)
        #expect(effects.rows > 200 && effects.decidedRows == 0, "\(effects)")
        #expect(engine.eventCount("purchase") > 100)
    }
}
