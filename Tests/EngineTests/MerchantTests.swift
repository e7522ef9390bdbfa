import Engine
import Events
import Records
import Testing

/// Offers as the merchant makes them.
@Suite struct MerchantTests {
    /// A shop that takes a fifth off scarves and nothing off kettles.
    private static func visits(_ count: Int) -> [EngineInput] {
        var inputs = (0..<40).map {
            EngineFixture.input(EngineFixture.item($0, ts: 0), offset: Int64($0))
        }
        for number in 0..<count {
            let item = number % 40
            let offer = Event.Offer(
                userID: "u\(number % 37)", itemID: "item-\(item)", price: 10,
                discount: item % 5 == 1 ? 0.2 : 0)
            inputs.append(
                EngineFixture.input(
                    Event(
                        eventID: "o\(number)", tsMs: Int64(1_000 * (number + 1)),
                        body: .outcome(Event.Outcome(offer: offer, purchased: number % 11 == 0))),
                    offset: Int64(40 + number)))
        }
        return inputs
    }

    @Test(
        "an apprentice offers what the merchant would, under the hard rules, and says so; also after a restart"
    )
    func follows() throws {
        let configuration = try EngineFixture.configuration {
            $0.learnsMerchant = true
            $0.followsMerchant = true
        }
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var state = MemoryState()
        var engine = try EngineFixture.engine(configuration)
        for batch in Self.visits(2_000).batches(of: 200) {
            _ = try engine.step(
                batch, reading: state, embedding: embedding, training: training)
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
        }
        let agreement = try #require(engine.agreement)
        #expect(agreement.count == 2_000 && agreement.agreementOnAny > 0.9, "\(agreement)")
        var restored = try EngineFixture.engine(configuration, reading: state)
        #expect(restored.agreement == agreement)
        let clicks = [1, 0, 6, 5].map { item in
            EngineFixture.click(item, user: "new \(item)", item: item, ts: 3_000_000)
        }
        let asked = try engine.step(
            clicks, reading: state, embedding: embedding, training: training)
        let again = try restored.step(
            clicks, reading: state, embedding: embedding, training: training)
        #expect(asked.recommendations == again.recommendations)
        let offers = asked.recommendations.sorted { $0.userID < $1.userID }
        #expect(offers.map(\.discount) == [0, 0.2, 0, 0.2], "\(offers.map(\.discount))")
        #expect(offers.allSatisfy { $0.policy == "merchant" && $0.propensity == 1 })
        // The kill switch holds for these offers as for all.
        var stopped = configuration
        stopped.pricing.killSwitch = true
        var off = try EngineFixture.engine(stopped, reading: state)
        let none = try off.step(clicks, reading: state, embedding: embedding, training: training)
        #expect(none.recommendations.allSatisfy { $0.discount == 0 && $0.price == 10 })
    }
}
