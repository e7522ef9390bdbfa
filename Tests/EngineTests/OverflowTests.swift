import Engine
import Events
import Records
import Testing

/// Where more offers are open than there is room for, what is learned is the truth all the same.
@Suite struct OverflowTests {
    private static let windowMs: Int64 = 3_600_000
    private static let gapMs: Int64 = 2_000
    /// What is open over a window.
    private static let openAll = Int(windowMs / gapMs)
    private static let truth = [0.04, 0.15, 0.4]

    struct Case: CustomStringConvertible {
        let feedback: DelayedFeedback
        let waitMs: Int64
        /// How many times more offers there are than room.
        let load: Int
        let seed: UInt64

        var description: String { "\(feedback), load \(load), seed \(seed)" }
    }

    static let cases: [Case] = [
        (DelayedFeedback.wait, windowMs), (.fakeNegativeWeighted, 1), (.elapsedTime, 600_000),
    ].flatMap { feedback, waitMs in
        [(2, 1), (10, 2), (60, 3)].map { load, seed in
            Case(feedback: feedback, waitMs: waitMs, load: load, seed: UInt64(seed))
        }
    }

    /// A delay up to the window, most of them short.
    private func delayMs(_ random: inout SeededRandom) -> Int64 {
        let unit = random.unit()
        return 1 + Int64(unit * unit * Double(Self.windowMs - 2))
    }

    /// Visits of strangers to three items, bought by their true probabilities.
    private func visits(_ count: Int, seed: UInt64) -> [Event] {
        var random = SeededRandom(seed: seed)
        var events: [Event] = []
        for number in 0..<count {
            let tsMs = Int64(number) * Self.gapMs
            let item = Int(random.next() % UInt64(Self.truth.count))
            let offer = Event.Offer(userID: "u\(number)", itemID: "item-\(item)", price: 10)
            events.append(Event(eventID: "c\(number)", tsMs: tsMs, body: .click(offer)))
            guard random.unit() < Self.truth[item] else { continue }
            events.append(
                Event(
                    eventID: "p\(number)", tsMs: tsMs + delayMs(&random),
                    body: .purchase(.init(offer: offer))))
        }
        return events.sorted { ($0.tsMs, $0.eventID) < ($1.tsMs, $1.eventID) }
    }

    private func run(
        _ events: [Event], _ change: (inout EngineConfiguration) -> Void
    ) throws -> (engine: Engine, predictions: [ServedPrediction]) {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration {
            $0.issuesDecisions = false
            $0.keepsPredictions = true
            change(&$0)
        }
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        var engine = try EngineFixture.engine(configuration)
        var state = MemoryState()
        var predictions: [ServedPrediction] = []
        let inputs = events.enumerated().map {
            EngineFixture.input($0.element, offset: Int64($0.offset))
        }
        for batch in inputs.batches(of: 500) {
            predictions += try engine.step(
                batch, reading: state, embedding: embedding, training: InlineTraining(base)
            ).predictions
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
        }
        return (engine, predictions)
    }

    @Test(
        "the conversion learned is the true one, however few offers may be open", arguments: cases)
    func conversion(_ one: Case) throws {
        let (engine, predictions) = try run(visits(16_000, seed: one.seed)) {
            $0.join = AttributionConfiguration(
                windowMs: Self.windowMs, waitMs: one.waitMs, latenessMs: 0,
                openMax: Self.openAll / one.load)
            $0.delayedFeedback = one.feedback
        }
        #expect(engine.counters.overflowed > 5_000, "\(one)")
        #expect(engine.joinCounts.overflowed == Int64(engine.counters.overflowed))
        let late = predictions.suffix(predictions.count / 4)
        for (item, truth) in Self.truth.enumerated() {
            let own = late.filter { $0.itemID == "item-\(item)" }.map(\.probability)
            let mean = own.reduce(0, +) / Double(max(1, own.count))
            #expect(
                abs(mean - truth) < 0.02 + 0.15 * truth,
                "\(one): item \(item) is learned as \(mean), is \(truth), over \(own.count)")
        }
        // What is counted is as true as what is learned.
        let weight = late.reduce(0) { $0 + $1.weight }
        let rate = late.reduce(0) { $0 + ($1.label ? $1.weight : 0) } / weight
        let mean = Self.truth.reduce(0, +) / Double(Self.truth.count)
        #expect(abs(rate - mean) < 0.05, "\(one): \(rate) count as bought, \(mean) are")
    }

    /// Views of strangers, clicked by their true probabilities within half an hour.
    @Test("so is the share of views that are clicked", arguments: [2, 20])
    func clicks(load: Int) throws {
        var random = SeededRandom(seed: UInt64(load))
        var events: [Event] = []
        let spanMs: Int64 = 1_800_000
        for number in 0..<16_000 {
            let tsMs = Int64(number) * Self.gapMs
            let item = Int(random.next() % UInt64(Self.truth.count))
            let offer = Event.Offer(userID: "u\(number)", itemID: "item-\(item)", price: 10)
            events.append(Event(eventID: "v\(number)", tsMs: tsMs, body: .impression(offer)))
            guard random.unit() < Self.truth[item] else { continue }
            let unit = random.unit()
            events.append(
                Event(
                    eventID: "k\(number)", tsMs: tsMs + 1 + Int64(unit * Double(spanMs - 2)),
                    body: .click(offer)))
        }
        events.sort { ($0.tsMs, $0.eventID) < ($1.tsMs, $1.eventID) }
        let (engine, predictions) = try run(events) {
            $0.join = AttributionConfiguration(
                windowMs: Self.windowMs, waitMs: 600_000, clickWindowMs: spanMs, latenessMs: 0,
                openMax: Int(spanMs / Self.gapMs) / load)
            $0.delayedFeedback = .elapsedTime
        }
        #expect(engine.counters.overflowed > 5_000)
        let late = predictions.filter { $0.head == "click" }.suffix(4_000)
        for (item, truth) in Self.truth.enumerated() {
            let own = late.filter { $0.itemID == "item-\(item)" }.map(\.probability)
            let mean = own.reduce(0, +) / Double(max(1, own.count))
            #expect(
                abs(mean - truth) < 0.02 + 0.15 * truth,
                "load \(load): item \(item) is learned as \(mean), is \(truth)")
        }
    }

    @Test("a censored label and what was learned before it weigh what the truth weighs")
    func weights() {
        for p in [0.01, 0.2, 0.7] {
            for q in [0, 0.3, 0.9, 1.0] {
                let weights = CensoredWeights(probability: p, laterShare: q)
                let left = 1 - p + p * q
                // Bought before, and not: as the truth.
                let bought = p * (1 - q)
                let not = left * weights.negative
                #expect(abs(bought * (1 - p) - not * p) < 1e-12, "p \(p), q \(q)")
                // What was counted on is made up for.
                #expect(abs(left * weights.positive - p * q) < 1e-12, "p \(p), q \(q)")
            }
        }
    }

    @Test("an outcome far ahead of all others moves no gate's clock")
    func gateClock() throws {
        let base = try EngineFixture.base.get()
        let configuration = try EngineFixture.configuration {
            $0.join.leapMaxMs = 3_600_000
            $0.headGate.intervalMs = 60_000
            $0.headGate.examplesMin = 10
            $0.headGate.anchors.every = 10
        }
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        var engine = try EngineFixture.engine(configuration)
        func outcome(_ number: Int, _ tsMs: Int64) -> EngineInput {
            let offer = Event.Offer(userID: "u\(number)", itemID: "item-1", price: 10)
            return EngineFixture.input(
                Event(
                    eventID: "o\(number)", tsMs: tsMs,
                    body: .outcome(.init(offer: offer, purchased: number % 3 == 0))),
                offset: Int64(number))
        }
        var judged = 0
        for batch in 0..<20 {
            var inputs = (0..<50).map {
                outcome(100 * batch + $0, 1_700_000_000_000 + Int64(50 * batch + $0) * 2_000)
            }
            if batch == 4 { inputs.append(outcome(9_999, 1_800_000_000_000)) }
            let output = try engine.step(
                inputs, reading: MemoryState(), embedding: embedding,
                training: InlineTraining(base))
            judged += output.notices.count { if case .headsJudged = $0 { true } else { false } }
        }
        #expect(judged > 12, "\(judged) judgements")
    }
}
