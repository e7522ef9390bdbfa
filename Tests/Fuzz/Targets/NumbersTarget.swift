import Engine
import Events
import Foundation
import Records
import ResponseModel

/// Any events with extreme numbers, learned and decided: what is collected is restored bit for bit, and
/// no figure of it is other than a number.
enum NumbersTarget: FuzzTarget {
    static let name = "numbers"
    private static let eventsMax = 40
    private static let probeMs = EventLimits.tsMsMax

    static func run(_ bytes: UnsafeRawBufferPointer) {
        do { try check(EventBytes(unsafe [UInt8](bytes))) } catch {
            preconditionFailure("\(error)")
        }
    }

    private static func check(_ source: EventBytes) throws {
        var source = source
        let embedding = HashEmbedding()
        let training = NoTraining()
        var state = MemoryState()
        var engine = try Engine(
            EngineBench.configuration, base: EngineBench.base, reading: state)
        var offset: Int64 = 0
        while offset < eventsMax, let event = source.next(offset) {
            let batch = [EngineBench.input(event, offset: offset)]
            offset += 1
            let output = try engine.step(
                batch, reading: state, embedding: embedding, training: training)
            for offer in output.recommendations { try requireFinite(offer) }
            if source.pausesHere {
                _ = try engine.setIdle(
                    EngineBench.topic, reading: state, embedding: embedding)
                collect(&engine, &state)
            }
        }
        _ = try engine.drain(reading: state, embedding: embedding)
        collect(&engine, &state)
        try requireFinite(Figures(engine))
        var restored = try Engine(
            EngineBench.configuration, base: EngineBench.base, reading: state)
        precondition(Figures(restored) == Figures(engine), "what was restored is another state")
        let probe = Event(
            eventID: "probe", tsMs: probeMs,
            body: .click(Event.Offer(userID: "u0", itemID: "i0", price: 10)))
        let batch = [EngineBench.input(probe, offset: offset)]
        let one = try engine.step(batch, reading: state, embedding: embedding, training: training)
        let other = try restored.step(
            batch, reading: state, embedding: embedding, training: training)
        precondition(one.recommendations == other.recommendations, "they decide otherwise")
        for offer in one.recommendations {
            precondition(Timestamp.milliseconds(offer.expiresAt) != nil, "\(offer.expiresAt)")
            try requireFinite(offer)
        }
    }

    private static func collect(_ engine: inout Engine, _ state: inout MemoryState) {
        var changes = StateChanges()
        engine.collectChanges(into: &changes)
        state.apply(changes)
    }

    /// An encoder that refuses what JSON has no number for.
    private static func requireFinite(_ value: some Encodable) throws {
        _ = try JSONEncoder().encode(value)
    }

    /// What a report tells of an engine.
    private struct Figures: Encodable, Equatable {
        let scores: [String]
        let examples: Int
        let effects, viewEffects: [Double]
        let quantities: [Double]
        let agreement: [Double]

        init(_ engine: Engine) {
            let report = engine.scores
            scores =
                report.progressive.sorted { $0.key < $1.key }.map { "\($0)" }
                + report.slices.keys.sorted()
            examples = engine.counters.examples
            effects = engine.effects.map(Self.numbers) ?? []
            viewEffects = engine.viewEffects.map(Self.numbers) ?? []
            quantities =
                engine.quantities.map {
                    [
                        $0.mean, $0.predictedMean, $0.deviance, $0.devianceOfMean,
                        $0.devianceOfItemMean,
                    ]
                } ?? []
            agreement =
                engine.agreement.map {
                    [$0.absoluteError, $0.rootSquaredError, $0.rootSquaredErrorOfMean]
                } ?? []
            for score in report.progressive.values {
                let figures = [
                    score.logLoss, score.normalizedEntropy, score.auc, score.ece,
                    score.predictedObservedRatio,
                ]
                precondition(figures.allSatisfy { $0?.isFinite ?? true }, "\(score)")
            }
        }

        private static func numbers(_ report: EffectReport) -> [Double] {
            ([report.step, report.slope] + report.contexts.sorted { $0.key < $1.key }.map(\.value))
                .flatMap { [$0.unconstrained, $0.deviation, $0.served] }
                + [report.shopperDeviation]
        }
    }

    static let seeds: [[UInt8]] = (0..<6).map { number in
        var random = SeededRandom(seed: UInt64(number))
        return (0..<(200 + 100 * number)).map { _ in
            UInt8(truncatingIfNeeded: random.next() >> 32)
        }
    }
}
