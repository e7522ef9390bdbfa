import Engine
import Events
import Pricing
import Records

/// An engine with its state, stepped and committed; every decision draws a discount.
struct RuleShop {
    var engine: Engine
    var state = MemoryState()
    var offset: Int64 = 0

    init(_ change: (inout PricingConfiguration) -> Void) throws {
        engine = try EngineFixture.engine(
            try EngineFixture.configuration {
                $0.pricing.exploration = .epsilonGreedy
                $0.pricing.epsilon = 1
                $0.pricing.offerLifetimeMs = 1_000
                change(&$0.pricing)
            })
    }

    mutating func take(
        _ events: Event..., reading other: (any StateReader)? = nil
    ) throws -> [Recommendation] {
        try take(events, reading: other)
    }

    mutating func take(
        _ events: [Event], reading other: (any StateReader)? = nil
    ) throws -> [Recommendation] {
        let inputs = events.map { event in
            offset += 1
            return EngineFixture.input(event, offset: offset)
        }
        let output = try engine.step(
            inputs, reading: other ?? state, embedding: WordEmbedding(dimension: 384),
            training: InlineTraining(try EngineFixture.base.get()))
        var changes = StateChanges()
        engine.collectChanges(into: &changes)
        state.apply(changes)
        return output.recommendations
    }
}
