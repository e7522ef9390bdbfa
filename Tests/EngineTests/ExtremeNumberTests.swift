import Engine
import Events
import Foundation
import Pricing
import Records
import Testing

/// Valid events whose numbers are as far out as the contract lets them be.
@Suite struct ExtremeNumberTests {
    private final class Run {
        let embedding: WordEmbedding
        let training: InlineTraining
        let configuration: EngineConfiguration
        var engine: Engine
        var state = MemoryState()
        private var offset: Int64 = 0

        init(_ change: (inout EngineConfiguration) -> Void = { _ in }) throws {
            let base = try EngineFixture.base.get()
            embedding = WordEmbedding(dimension: base.hiddenSize)
            training = InlineTraining(base)
            configuration = try EngineFixture.configuration(refreshEvents: 0, change)
            engine = try EngineFixture.engine(configuration)
        }

        @discardableResult
        func step(_ events: Event...) throws -> StepOutput {
            let batch = events.map { event in
                offset += 1
                return EngineFixture.input(event, offset: offset)
            }
            let output = try engine.step(
                batch, reading: state, embedding: embedding, training: training)
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
            return output
        }

        func restored() throws -> Engine {
            try EngineFixture.engine(configuration, reading: state)
        }
    }

    private static func outcome(
        _ number: Int, rate: Double? = nil, propensity: Double? = nil, discount: Double = 0.2,
        clicked: Bool? = nil
    ) -> Event {
        Event(
            eventID: "o\(number)", tsMs: 1_767_225_600_000 + Int64(number) * 1_000,
            body: .outcome(
                Event.Outcome(
                    offer: Event.Offer(
                        userID: "u\(number)", itemID: "item-1", price: 10, discount: discount,
                        propensity: propensity),
                    clicked: clicked, purchased: number % 2 == 1, samplingRate: rate)))
    }

    @Test(
        "a row of a tiny sampling rate counts for as many as the bound lets it, and is counted",
        arguments: [nil, true, false])
    func samplingRate(clicked: Bool?) throws {
        let run = try Run { $0.keepsPredictions = true }
        var weights: [Double] = []
        for (number, rate) in [nil, 0.5, 1e-3, 1e-300, Double.leastNonzeroMagnitude, 1e-300]
            .enumerated()
        {
            let output = try run.step(Self.outcome(number, rate: rate, clicked: clicked))
            weights += output.predictions.filter { $0.head == "purchase" }.map(\.weight)
            #expect((output.clippedWeight != nil) == (number > 2))
        }
        #expect(weights == [1, 2, 1000, 1000, 1000, 1000])
        #expect(run.engine.counters.clippedWeights == 3)
        #expect(run.engine.counters.skipped == 0)
        for engine in [run.engine, try run.restored()] {
            let score = try #require(engine.scores.progressive["purchase"])
            #expect(score.count == 6)
            #expect(try #require(score.logLoss).isFinite)
            #expect(try #require(score.normalizedEntropy).isFinite)
            // An encoder that refuses what JSON has no number for.
            #expect(throws: Never.self) { try JSONEncoder().encode(engine.scores) }
        }
    }

    @Test("a propensity near zero leaves what discounts do a number, before and after a restart")
    func propensity() throws {
        let run = try Run()
        for number in 0..<200 {
            let discount = number % 3 == 0 ? 0.2 : 0
            try run.step(
                Self.outcome(
                    number, propensity: number % 50 == 0 ? Double.leastNonzeroMagnitude : 0.5,
                    discount: discount))
        }
        #expect(run.engine.counters.clippedWeights == 4)
        let effects = try #require(run.engine.effects)
        #expect(effects.randomisedRows == 200)
        // Less unsure than before any row: the other rows were learned all the same.
        #expect(effects.slope.deviation < 0.95 * 1.5, "\(effects.slope)")
        #expect(abs(effects.slope.unconstrained) < 10, "\(effects.slope)")
        #expect(try run.restored().effects == effects)
    }

    @Test("an offer of the last day there is expires with it")
    func lastDay() throws {
        let run = try Run()
        try run.step(EngineFixture.item(1, ts: 0))
        let click = Event(
            eventID: "c", tsMs: EventLimits.tsMsMax,
            body: .click(Event.Offer(userID: "u", itemID: "item-1", price: 10)))
        let offer = try #require(try run.step(click).recommendations.first)
        #expect(offer.expiresAt == "9999-12-31T23:59:59.999Z")
        #expect(offer.expiresMs == EventLimits.tsMsMax)
    }

    @Test(
        "a state that has learned nothing offers nothing, sure or not, at clicks and at views, whatever the margin",
        arguments: [nil, 0.5, 0.8])
    func fresh(confidence: Double?) throws {
        for follows in [false, true] {
            let run = try Run {
                $0.pricing.confidence = confidence
                $0.offersAtViews = true
                $0.learnsMerchant = follows
                $0.followsMerchant = follows
            }
            for (number, cost) in [0, 0.01, 1, 9].enumerated() {
                try run.step(EngineFixture.item(number, ts: 0, cost: cost))
                let offer = Event.Offer(userID: "u", itemID: "item-\(number)", price: 10)
                let output = try run.step(
                    Event(eventID: "v\(number)", tsMs: 1_000, body: .impression(offer)),
                    Event(eventID: "c\(number)", tsMs: 2_000, body: .click(offer)))
                #expect(output.recommendations.map(\.discount) == [0, 0], "cost \(cost)")
            }
        }
    }

    @Test("a price above the catalogue's does not let a discount below the catalogue's margin")
    func cataloguePrice() throws {
        // All depths are explored, so that what holds them is the floor alone.
        let run = try Run {
            $0.pricing.exploration = .epsilonGreedy
            $0.pricing.epsilon = 1
        }
        try run.step(EngineFixture.item(1, ts: 0, cost: 9.5))
        var deepest = 0.0
        for number in 0..<200 {
            let click = EngineFixture.click(
                number, user: "u\(number)", item: 1, ts: 1_000, price: 1_000)
            let output = try run.engine.step(
                [click], reading: run.state, embedding: run.embedding, training: run.training)
            deepest = max(deepest, output.recommendations.map(\.discount).max() ?? 0)
        }
        #expect(deepest == 0.05)
    }
}
