import Engine
import Events
import Records
import Testing

@Suite struct DelayedFeedbackTests {
    @Test("both labels of a late purchase together weigh what the truth weighs")
    func weights() {
        for p in [0.01, 0.2, 0.7] {
            for q in [0, 0.3, 1.0] {
                let weights = ElapsedTimeWeights(purchaseProbability: p, lateShare: q)
                // Bought: learned once with `positive`, whenever it was. Not bought, or bought
                // late: learned with `negative` first.
                let bought = p * weights.positive
                let notBought = (1 - p + p * q) * weights.negative
                #expect(abs(bought / (bought + notBought) - p) < 1e-12, "p \(p), q \(q)")
            }
        }
        let sure = ElapsedTimeWeights(purchaseProbability: 0.3, lateShare: 0)
        #expect(sure.positive == 1 && sure.negative == 1)
    }

    @Test("the share of late purchases is learned from delays, bounded and restored")
    func delays() throws {
        var delays = PurchaseDelays(windowMs: 86_400_000)
        #expect(delays.shareAfter(0) == 1 && delays.shareAfter(86_400_000) == 0)
        #expect((0.1...0.9).contains(delays.shareAfter(600_000)))
        var random = SeededRandom(seed: 1)
        for _ in 0..<100_000 { delays.add(delayMs: Int64(random.unit() * 86_400_000)) }
        for share in [0.1, 0.5, 0.9] {
            let found = delays.shareAfter(Int64(86_400_000 * (1 - share)))
            #expect(abs(found - share) < 0.03, "\(found) for \(share)")
        }
        let restored = try PurchaseDelays(windowMs: 86_400_000, encoded: delays.encoded())
        #expect(restored == delays)
        let other = try PurchaseDelays(windowMs: 1000, encoded: delays.encoded())
        #expect(other == PurchaseDelays(windowMs: 1000))
        #expect(throws: ByteCodingError.self) {
            _ = try PurchaseDelays(windowMs: 1000, encoded: Array(delays.encoded().dropLast(3)))
        }
    }

    /// Clicks of one in five bought, at delays up to the window, and refunds of some.
    private func stream(clicks: Int) -> [Event] {
        var random = SeededRandom(seed: 9)
        var events: [Event] = []
        for number in 0..<clicks {
            let ts = Int64(number) * 10_000
            let offer = Event.Offer(
                userID: "u\(number % 70)", itemID: "item-\(number % 9)", price: 10)
            events.append(Event(eventID: "c\(number)", tsMs: ts, body: .click(offer)))
            guard random.unit() < 0.2 else { continue }
            let boughtMs = ts + 1 + Int64(random.unit() * random.unit() * 3_599_000)
            events.append(
                Event(
                    eventID: "p\(number)", tsMs: boughtMs,
                    body: .purchase(.init(offer: offer, orderID: "o\(number)"))))
        }
        return events.sorted { ($0.tsMs, $0.eventID) < ($1.tsMs, $1.eventID) }
    }

    @Test("an evaluation waits for purchases as long as the window, however short learning waits")
    func evaluation() throws {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration {
            $0.join = AttributionConfiguration(
                windowMs: 3_600_000, waitMs: 60_000, latenessMs: 0)
            $0.delayedFeedback = .elapsedTime
        }
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        var engine = try EngineFixture.engine(configuration).forEvaluation(keepsPredictions: true)
        var events = stream(clicks: 300)
        let bought = events.count { if case .purchase = $0.body { true } else { false } }
        // Long after, so that every window is over.
        let offer = Event.Offer(userID: "last", itemID: "item-1", price: 10)
        events.append(Event(eventID: "last", tsMs: 20_000_000, body: .click(offer)))
        var predictions: [ServedPrediction] = []
        for (number, event) in events.enumerated() {
            predictions += try engine.step(
                [EngineFixture.input(event, offset: Int64(number))], reading: MemoryState(),
                embedding: embedding, training: InlineTraining(base)
            ).predictions
        }
        let purchases = predictions.filter { $0.head == "purchase" }
        #expect(purchases.count == 300)
        #expect(purchases.count(where: \.label) == bought)
    }

    private func run(
        _ feedback: DelayedFeedback, waitMs: Int64, _ events: [Event], restoring: Bool = false
    ) throws -> (engine: Engine, state: MemoryState, predictions: [ServedPrediction]) {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration {
            $0.join = AttributionConfiguration(
                windowMs: 3_600_000, waitMs: waitMs, latenessMs: 0)
            $0.delayedFeedback = feedback
            $0.issuesDecisions = false
            $0.keepsPredictions = true
        }
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        var engine = try EngineFixture.engine(configuration)
        var state = MemoryState()
        var predictions: [ServedPrediction] = []
        let inputs = events.enumerated().map {
            EngineFixture.input($0.element, offset: Int64($0.offset))
        }
        for batch in inputs.batches(of: 100) {
            let output = try engine.step(
                batch, reading: state, embedding: embedding, training: InlineTraining(base))
            predictions += output.predictions
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
            if restoring { engine = try EngineFixture.engine(configuration, reading: state) }
        }
        return (engine, state, predictions)
    }

    @Test(
        "each example is scored once, by its first prediction and its last label",
        arguments: [
            (DelayedFeedback.wait, Int64(3_600_000)), (.fakeNegativeWeighted, 1),
            (.elapsedTime, 600_000), (.elapsedTime, 3_600_000),
        ])
    func scores(feedback: DelayedFeedback, waitMs: Int64) throws {
        let events = stream(clicks: 3_000)
        let bought = Set(events.filter { $0.type == .purchase }.map { $0.eventID.dropFirst() })
        let (engine, _, predictions) = try run(feedback, waitMs: waitMs, events)
        #expect(Set(predictions.map(\.eventID)).count == predictions.count)
        let purchases = predictions.filter { $0.head == "purchase" }
        #expect(purchases.count > 2_600)
        for prediction in purchases where prediction.label == false {
            #expect(!bought.contains(prediction.eventID.dropFirst()))
        }
        let late = purchases.suffix(1500)
        let mean = late.reduce(0) { $0 + $1.probability } / Double(late.count)
        let rate = Double(late.count { $0.label }) / Double(late.count)
        #expect(abs(mean - rate) < 0.05, "predicted \(mean) where \(rate) bought")
        #expect(try #require(engine.scores.progressive["purchase"]).count == purchases.count)
    }

    @Test("a restored engine goes on to the same bits, open labels and delays included")
    func restored() throws {
        let events = stream(clicks: 1_200)
        let steady = try run(.elapsedTime, waitMs: 600_000, events)
        let broken = try run(.elapsedTime, waitMs: 600_000, events, restoring: true)
        #expect(steady.engine.counters == broken.engine.counters)
        #expect(steady.predictions.map(\.logit) == broken.predictions.map(\.logit))
    }
}
