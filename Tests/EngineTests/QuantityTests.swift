import Engine
import Events
import Records
import Testing

/// How many units purchases are of, from the events to the margin.
@Suite struct QuantityTests {
    private static let hour: Int64 = 3_600_000

    /// A click on an item, bought a minute later; with what may follow.
    private static func visit(
        _ number: Int, units: Int, item: Int = 1, refund: Int? = nil
    ) -> [Event] {
        let ts = Int64(number) * 120_000
        let offer = Event.Offer(userID: "u\(number % 30)", itemID: "item-\(item)", price: 10)
        var events = [
            Event(eventID: "c\(number)", tsMs: ts, body: .click(offer)),
            Event(
                eventID: "p\(number)", tsMs: ts + 60_000,
                body: .purchase(
                    .init(offer: offer, quantity: units, orderID: "order \(number)"))),
        ]
        if let refund {
            events.append(
                Event(
                    eventID: "r\(number)", tsMs: ts + 61_000,
                    body: .refund(
                        .init(
                            userID: offer.userID, orderID: "order \(number)", quantity: refund))))
        }
        return events
    }

    private func engine(
        _ events: [Event], restoringEvery: Int? = nil,
        _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> (engine: Engine, state: MemoryState, rows: [String: [UInt8]]) {
        let configuration = try EngineFixture.configuration {
            $0.issuesDecisions = false
            change(&$0)
        }
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        var state = MemoryState()
        var rows: [String: [UInt8]] = [:]
        let catalogue = (0..<10).map { EngineFixture.item($0, ts: 0) }
        let inputs = (catalogue + events).enumerated().map {
            EngineFixture.input($0.element, offset: Int64($0.offset))
        }
        for (number, batch) in inputs.batches(of: 40).enumerated() {
            if let restoringEvery, number > 0, number % restoringEvery == 0 {
                engine = try EngineFixture.engine(configuration, reading: state)
            }
            _ = try engine.step(
                batch, reading: state, embedding: embedding, training: training)
            var changes = StateChanges()
            engine.collectChanges(into: &changes)
            state.apply(changes)
            for row in changes.rows { rows["\(row.table.name) \(row.key)"] = row.value }
        }
        return (engine, state, rows)
    }

    private func offer(
        _ engine: Engine, item: Int = 1
    ) throws -> Recommendation {
        let base = try EngineFixture.base.get()
        return try engine.inquire(
            OfferQuestion(
                userID: "new", itemID: "item-\(item)", price: 10, atMs: 2 * Self.hour),
            embedding: WordEmbedding(dimension: base.hiddenSize)
        ).0
    }

    @Test("joined purchases teach units, and the margin is that of the units expected")
    func margin() throws {
        let single = try engine((0..<60).flatMap { Self.visit($0, units: 1) })
        let many = try engine((0..<60).flatMap { Self.visit($0, units: 6) })
        let one = try offer(single.engine)
        let six = try offer(many.engine)
        #expect(one.expectedQuantity == 1)
        #expect((4...7).contains(six.expectedQuantity), "\(six.expectedQuantity)")
        for offer in [one, six] {
            let margin = (offer.price - 4) * offer.expectedConversion * offer.expectedQuantity
            #expect(abs(try #require(offer.expectedMargin) - margin) < 1e-9)
        }
        #expect(one.discount == six.discount && one.expectedConversion == six.expectedConversion)
        let report = try #require(many.engine.quantities)
        #expect(report.count == 59 && report.mean > 5)
    }

    @Test(
        "refunds are netted: what is expected is close to purchases of what was kept",
        arguments: [false, true])
    func refunds(_ takesAll: Bool) throws {
        func expected(_ units: Int, refund: Int?) throws -> Double {
            let usual = (0..<80).flatMap { Self.visit($0, units: 4) }
            let then = (80..<100).flatMap { Self.visit($0, units: units, refund: refund) }
            return try offer(engine(usual + then).engine).expectedQuantity
        }
        let kept = try takesAll ? expected(4, refund: nil) : expected(2, refund: nil)
        let bought = try expected(40, refund: nil)
        let netted = try expected(40, refund: takesAll ? 40 : 38)
        #expect(bought > 1.5 * kept, "\(bought) beside \(kept)")
        #expect(abs(netted / kept - 1) < 0.25, "\(netted) where \(kept) were kept")
    }

    @Test(
        "purchases of what was not seen before teach units and nothing else; outcomes with a quantity do"
    )
    func otherRows() throws {
        let purchases = (0..<60).map { number in
            Event(
                eventID: "p\(number)", tsMs: Int64(number) * 60_000,
                body: .purchase(
                    .init(
                        offer: .init(userID: "u\(number)", itemID: "item-1", price: 10),
                        quantity: 5)))
        }
        let unseen = try engine(purchases).engine
        #expect(unseen.counters.examples == 0 && unseen.counters.unattributed == 59)
        #expect((3...6).contains(try offer(unseen).expectedQuantity))
        func outcomes(_ quantity: Int?) -> [Event] {
            (0..<60).map { number in
                Event(
                    eventID: "o\(number)", tsMs: Int64(number) * 60_000,
                    body: .outcome(
                        .init(
                            offer: .init(userID: "u\(number)", itemID: "item-1", price: 10),
                            purchased: number % 2 == 0, quantity: quantity)))
            }
        }
        let said = try engine(outcomes(5))
        #expect(try #require(said.engine.quantities).count == 30)
        #expect(try offer(said.engine).expectedQuantity > 3)
        let silent = try engine(outcomes(nil))
        #expect(silent.engine.quantities == nil)
        #expect(try offer(silent.engine).expectedQuantity == 1)
        #expect(!silent.rows.keys.contains { $0.hasPrefix("quantity") })
        // All that other rows hold is the same, whether units are told or not; but replay memory's.
        let others = said.rows.filter {
            !$0.key.hasPrefix("quantity") && !$0.key.hasPrefix("replay")
        }
        for (key, value) in others { #expect(silent.rows[key] == value, "\(key)") }
    }

    @Test("a restored engine goes on to the same bits; an anchor's units are not learned")
    func state() throws {
        let events = (0..<200).flatMap {
            Self.visit($0, units: 1 + $0 % 7, item: $0 % 8, refund: $0 % 5 == 0 ? 1 : nil)
        }
        let whole = try engine(events)
        let parted = try engine(events, restoringEvery: 3)
        #expect(whole.rows.count == parted.rows.count)
        let different = whole.rows.filter { parted.rows[$0.key] != $0.value }
        #expect(different.isEmpty, "\(different.keys.sorted().prefix(5))")
        let anchored = try engine(events) { $0.headGate.anchors.every = 1 }
        #expect(try #require(anchored.engine.quantities).count == 199)
        #expect(try offer(anchored.engine, item: 3).expectedQuantity == 1)
    }

    @Test("an offer that stands, and the merchant's, earn by the units expected as well")
    func otherOffers() throws {
        let visits = (0..<80).flatMap { Self.visit($0, units: 6) }
        for followsMerchant in [false, true] {
            let configuration = try EngineFixture.configuration {
                $0.issuesDecisions = true
                $0.learnsMerchant = followsMerchant
                $0.followsMerchant = followsMerchant
            }
            let base = try EngineFixture.base.get()
            let embedding = WordEmbedding(dimension: base.hiddenSize)
            let training = InlineTraining(base)
            let state = try engine(visits).state
            var engine = try EngineFixture.engine(configuration, reading: state)
            let clicks = [901, 902].map { EngineFixture.click($0, ts: 10_000_000 + Int64($0)) }
            var offers: [Recommendation] = []
            for click in clicks {
                offers += try engine.step(
                    [click], reading: state, embedding: embedding, training: training
                ).recommendations
            }
            #expect(offers.count == 2 && offers[1].rules.contains("offer_held"))
            for offer in offers {
                #expect(offer.expectedQuantity > 3)
                let earned = (offer.price - 4) * offer.expectedConversion * offer.expectedQuantity
                #expect(abs(try #require(offer.expectedMargin) - earned) < 1e-9)
                let none = (10 - 4) * offer.baselineConversion * offer.expectedQuantity
                #expect(abs(try #require(offer.incrementalMargin) - (earned - none)) < 1e-9)
            }
        }
    }
}
