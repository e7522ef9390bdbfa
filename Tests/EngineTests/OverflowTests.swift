import Engine
import Events
import Records
import Testing

/// Where more offers are open than there is room for, what is learned is the truth all the same.
@Suite struct OverflowTests {
    private static let windowMs: Int64 = 3_600_000
    private static let truth = [0.04, 0.15, 0.4]
    /// Visits while there is room for all, over four windows, and visits of the rush that follows.
    private static let quiet = 7_200
    private static let rush = 12_000
    private static let openMax = 2_000

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
        // What is learned as not taken at once is made up for too slowly at the higher loads.
        [(2, 1), (8, 2), (30, 3)].prefix(feedback == .fakeNegativeWeighted ? 1 : 3)
            .map { load, seed in
                Case(feedback: feedback, waitMs: waitMs, load: load, seed: UInt64(seed))
            }
    }

    /// Strangers come to items and do something by the items' true probabilities, at delays up to a
    /// limit, most of them short: first as many as there is room for, then `load` times as many, to
    /// items that are new.
    private func stream(
        seed: UInt64, load: Int, limitMs: Int64,
        _ comes: (Event.Offer) -> Event.Body, _ does: (Event.Offer) -> Event.Body
    ) -> [Event] {
        var random = SeededRandom(seed: seed)
        var events: [Event] = []
        var tsMs = 0.0
        for number in 0..<Self.quiet + Self.rush {
            let isRush = number >= Self.quiet
            tsMs += Double(limitMs) / Double(isRush ? Self.openMax * load : Self.openMax * 9 / 10)
            let kind = Int(random.next() % UInt64(Self.truth.count))
            let offer = Event.Offer(
                userID: "u\(number)", itemID: "\(isRush ? "new" : "old")-\(kind)", price: 10)
            events.append(Event(eventID: "c\(number)", tsMs: Int64(tsMs), body: comes(offer)))
            guard random.unit() < Self.truth[kind] else { continue }
            let unit = random.unit()
            events.append(
                Event(
                    eventID: "p\(number)",
                    tsMs: Int64(tsMs) + 1 + Int64(unit * unit * Double(limitMs - 2)),
                    body: does(offer)))
        }
        return events.sorted { ($0.tsMs, $0.eventID) < ($1.tsMs, $1.eventID) }
    }

    private func check(_ predictions: [ServedPrediction], _ name: String) {
        let new = predictions.filter { $0.itemID.hasPrefix("new") }
        let late = new.suffix(new.count / 4)
        for (kind, truth) in Self.truth.enumerated() {
            let own = late.filter { $0.itemID == "new-\(kind)" }.map(\.probability)
            let mean = own.reduce(0, +) / Double(max(1, own.count))
            #expect(
                abs(mean - truth) < 0.02 + 0.15 * truth,
                "\(name): \(mean) is learned where \(truth) is true, over \(own.count)")
        }
        // What is counted is as true as what is learned.
        let weight = new.reduce(0) { $0 + $1.weight }
        let rate = new.reduce(0) { $0 + ($1.label ? $1.weight : 0) } / weight
        let mean = Self.truth.reduce(0, +) / Double(Self.truth.count)
        #expect(abs(rate - mean) < 0.04, "\(name): \(rate) count as taken, \(mean) are")
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
        let events = stream(seed: one.seed, load: one.load, limitMs: Self.windowMs) {
            .click($0)
        } _: {
            .purchase(.init(offer: $0))
        }
        let (engine, predictions) = try run(events) {
            $0.join = AttributionConfiguration(
                windowMs: Self.windowMs, waitMs: one.waitMs, latenessMs: 0)
            $0.join.openMax = Self.openMax
            $0.delayedFeedback = one.feedback
        }
        #expect(engine.counters.overflowed > 4_000, "\(one): \(engine.counters.overflowed)")
        #expect(engine.joinCounts.overflowed == Int64(engine.counters.overflowed))
        check(predictions, "\(one)")
    }

    @Test("so is the share of views that are clicked", arguments: [(2, 1), (20, 2)])
    func clicks(load: Int, seed: Int) throws {
        let spanMs = Self.windowMs / 2
        let events = stream(seed: UInt64(seed), load: load, limitMs: spanMs) {
            .impression($0)
        } _: {
            .click($0)
        }
        let (engine, predictions) = try run(events) {
            $0.join = AttributionConfiguration(
                windowMs: spanMs, waitMs: 600_000, clickWindowMs: spanMs, latenessMs: 0)
            $0.join.openMax = Self.openMax
            $0.delayedFeedback = .elapsedTime
        }
        #expect(engine.counters.overflowed > 4_000)
        check(predictions.filter { $0.head == "click" }, "load \(load)")
    }

    /// Nothing is known of delays over the first window: what is assumed there is far off here.
    @Test("a state that begins with too little room comes near the truth all the same")
    func fresh() throws {
        let events = stream(seed: 4, load: 8, limitMs: Self.windowMs) {
            .click($0)
        } _: {
            .purchase(.init(offer: $0))
        }
        let (_, predictions) = try run(events) {
            $0.join = AttributionConfiguration(
                windowMs: Self.windowMs, waitMs: 600_000, latenessMs: 0)
            $0.join.openMax = 300
            $0.delayedFeedback = .elapsedTime
        }
        let late = predictions.filter { $0.itemID == "old-2" }.suffix(500).map(\.probability)
        let mean = late.reduce(0, +) / Double(late.count)
        #expect((0.5...1.3).contains(mean / Self.truth[2]), "\(mean)")
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
