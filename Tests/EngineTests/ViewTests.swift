import Engine
import Events
import Records
import Simulator
import Testing

/// Which rows teach what, where it is known whether views were clicked.
@Suite struct ViewTests {
    private static func catalogue() -> [Event] {
        (0..<WindowWorld.itemCount).map { item in
            Event(
                eventID: "i\(item)", tsMs: 0,
                body: .item(
                    .init(
                        itemID: "item \(item)", title: nil,
                        category: WindowWorld.category(ofItem: item), price: 10, cost: 4)))
        }
    }

    private static func offer(_ view: WindowWorld.View) -> Event.Offer {
        Event.Offer(
            userID: "user \(view.user)", itemID: "item \(view.item)", price: view.price,
            discount: view.discount)
    }

    private static func views(_ count: Int, seed: UInt64 = 1) -> [WindowWorld.View] {
        var world = WindowWorld(hasEffect: true, seed: seed)
        return (0..<count).map { _ in world.next() }
    }

    /// As rows that somebody else joined.
    private static func outcomes(_ views: [WindowWorld.View]) -> [Event] {
        views.enumerated().map { number, view in
            Event(
                eventID: "v\(number)", tsMs: view.tsMs,
                body: .outcome(
                    .init(
                        offer: offer(view), clicked: view.clicked, purchased: view.purchased)))
        }
    }

    /// As they happen: a click some seconds after the view, a purchase later.
    private static func stream(
        _ views: [WindowWorld.View], clickAfterMs: Int64 = 5_000, buyAfterMs: Int64 = 400_000
    ) -> [Event] {
        var events: [Event] = []
        for (number, view) in views.enumerated() {
            let offer = offer(view)
            events.append(
                Event(eventID: "v\(number)", tsMs: view.tsMs, body: .impression(offer)))
            guard view.clicked else { continue }
            events.append(
                Event(
                    eventID: "c\(number)", tsMs: view.tsMs + clickAfterMs, body: .click(offer)))
            guard view.purchased else { continue }
            events.append(
                Event(
                    eventID: "p\(number)", tsMs: view.tsMs + buyAfterMs,
                    body: .purchase(.init(offer: offer, quantity: 2, orderID: "o\(number)"))))
        }
        return events.sorted { ($0.tsMs, $0.eventID) < ($1.tsMs, $1.eventID) }
    }

    private struct Run {
        var engine: Engine
        var state = MemoryState()
        var rows: [String: [UInt8]] = [:]
        var predictions: [ServedPrediction] = []
    }

    private func run(
        _ events: [Event], restoringEvery: Int? = nil,
        _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> Run {
        let configuration = try EngineFixture.configuration {
            $0.issuesDecisions = false
            $0.keepsPredictions = true
            $0.memory.capacity = 100_000
            $0.memory.recent = 100_000
            change(&$0)
        }
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var run = Run(engine: try EngineFixture.engine(configuration))
        let inputs = (Self.catalogue() + events).enumerated().map {
            EngineFixture.input($0.element, offset: Int64($0.offset))
        }
        func commit(_ output: StepOutput) {
            run.predictions += output.predictions
            var changes = StateChanges()
            run.engine.collectChanges(into: &changes)
            run.state.apply(changes)
            for row in changes.rows { run.rows["\(row.table.name) \(row.key)"] = row.value }
        }
        for (number, batch) in inputs.batches(of: 200).enumerated() {
            if let restoringEvery, number > 0, number % restoringEvery == 0 {
                run.engine = try EngineFixture.engine(configuration, reading: run.state)
            }
            commit(
                try run.engine.step(
                    batch, reading: run.state, embedding: embedding, training: training))
        }
        return run
    }

    @Test(
        "the click head learns all views, the purchase head those that were clicked, the effect of views all, and that of visits none; the product is scored over all and calibrated"
    )
    func rows() throws {
        let views = Self.views(12_000)
        let clicks = views.count { $0.clicked }
        let run = try run(Self.outcomes(views))
        #expect(run.engine.eventCount("click") == 12_000)
        #expect(run.engine.eventCount("purchase") == UInt64(clicks))
        #expect(run.engine.rememberedExamples == 12_000 + clicks)
        let effects = try #require(run.engine.viewEffects)
        #expect(effects.rows > 11_990 && run.engine.effects == nil)
        let score = try #require(run.engine.scores.progressive["purchase"])
        #expect(score.count == 12_000 && score.positives == views.count { $0.purchased })
        #expect(abs(try #require(score.predictedObservedRatio) - 1) < 0.06)
        #expect(try #require(score.normalizedEntropy) < 1)
        #expect(run.engine.counters.examples == 24_000 && run.engine.counters.skipped == 0)
    }

    @Test(
        "joined views teach what joined rows teach, also where labels are learned before they are final, and clicks come late",
        arguments: [
            (DelayedFeedback.wait, Int64(3_600_000), Int64(5_000)), (.elapsedTime, 600_000, 5_000),
            (.elapsedTime, 60_000, 300_000), (.fakeNegativeWeighted, 1, 5_000),
        ])
    func joined(_ feedback: DelayedFeedback, waitMs: Int64, clickAfterMs: Int64) throws {
        // One view a shopper and item, so that each purchase finds its own.
        var seen: Set<String> = []
        let views = Self.views(9_000).filter { seen.insert("\($0.user) \($0.item)").inserted }
        let bought = views.count { $0.purchased }
        let clicks = views.count { $0.clicked }
        let last = views[views.count - 1]
        let events = Self.stream(views, clickAfterMs: clickAfterMs)
        // The time goes on, minute by minute, until all windows have ended.
        let clock = (1...70).map { minute in
            Event(
                eventID: "clock \(minute)", tsMs: last.tsMs + Int64(minute) * 60_000,
                body: .refund(.init(userID: "nobody", orderID: "none")))
        }
        let run = try run((events + clock).sorted { $0.tsMs < $1.tsMs }) {
            $0.delayedFeedback = feedback
            $0.join = AttributionConfiguration(
                windowMs: 3_600_000, waitMs: waitMs, latenessMs: 0)
        }
        let score = try #require(run.engine.scores.progressive["purchase"])
        #expect(
            score.count == views.count && score.positives == bought,
            "\(score.count), \(score.positives) of \(views.count), \(bought)")
        // Early labels are learned once more as bought.
        let buyAfterMs: Int64 = 400_000
        let again = waitMs < buyAfterMs ? bought : 0
        #expect(run.engine.eventCount("purchase") == UInt64(clicks + again))
        #expect(run.engine.eventCount("click") == UInt64(views.count))
        #expect(run.engine.rememberedExamples == views.count + clicks)
        let rows = try #require(run.engine.viewEffects).rows
        #expect(abs(rows - views.count - again) < 20)
        #expect(run.engine.effects == nil)
        #expect(run.engine.counters.skipped == 0)
        #expect(abs(try #require(score.predictedObservedRatio) - 1) < 0.15, "\(score)")
        let plain = try self.run(Self.outcomes(views))
        let joint = try #require(plain.engine.scores.progressive["purchase"])
        #expect(
            abs(try #require(score.logLoss) - (try #require(joint.logLoss))) < 0.01,
            "\(score.logLoss as Any) beside \(joint.logLoss as Any)")
    }

    @Test("what is scored of a view was said before either of its labels was learned")
    func predictedBefore() throws {
        let views = Self.views(60)
        let run = try run(Self.outcomes(views))
        let first = try #require(run.predictions.first { $0.head == "purchase" })
        // Of heads that know nothing: 3 % of 3 %, or so.
        #expect(abs(first.logit - 2 * -3.5) < 0.1, "\(first.logit)")
    }

    @Test("a view is priced by the product and the effect of views, a visit as it was")
    func pricing() throws {
        let views = Self.views(12_000)
        let run = try run(Self.outcomes(views))
        let shown = views[0]
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        func ask(isView: Bool) throws -> (Recommendation, [ExpectedDemand]) {
            var question = OfferQuestion(
                userID: "user \(shown.user)", itemID: "item \(shown.item)", price: shown.price,
                atMs: views[views.count - 1].tsMs)
            question.isView = isView
            return try run.engine.inquire(question, embedding: embedding)
        }
        #expect(run.engine.knowsViews)
        let (view, demand) = try ask(isView: true)
        let (visit, visits) = try ask(isView: false)
        for (one, other) in zip(demand, visits) { #expect(one.conversion < other.conversion) }
        for (one, next) in zip(demand, demand.dropFirst()) {
            #expect(one.conversion <= next.conversion && next.logitDeviation > 0)
        }
        // Discounts bring clicks, which a visit has already.
        let rise = { (demand: [ExpectedDemand]) in
            demand[demand.count - 1].conversion / demand[0].conversion
        }
        #expect(rise(demand) > 1.5, "\(rise(demand))")
        let margin = (view.price - 4) * view.expectedConversion * view.expectedQuantity
        #expect(abs(try #require(view.expectedMargin) - margin) < 1e-9)
        #expect(view.reasons.contains { $0.name.hasPrefix("click: ") })
        #expect(!visit.reasons.contains { $0.name.hasPrefix("click: ") })
        let world = WindowWorld(hasEffect: true, seed: 1)
        let truth = world.chances(shown, discount: 0).purchase
        #expect((0.5...2).contains(demand[0].conversion / truth))
    }

    @Test(
        "a restored engine goes on to the same bits, and a shopper who is erased is not remembered"
    )
    func state() throws {
        let views = Self.views(1_500)
        let shopper = "user \(views[0].user)"
        let events = Self.stream(views)
        let change = { (configuration: inout EngineConfiguration) in
            configuration.delayedFeedback = .elapsedTime
            configuration.headGate.anchors.every = 10
            configuration.join = AttributionConfiguration(
                windowMs: 3_600_000, waitMs: 300_000, latenessMs: 0)
        }
        let whole = try run(events, change)
        let parted = try run(events, restoringEvery: 2, change)
        #expect(whole.engine.counters == parted.engine.counters)
        #expect(whole.rows.count == parted.rows.count)
        let different = whole.rows.filter { parted.rows[$0.key] != $0.value }
        #expect(different.isEmpty, "\(different.keys.sorted().prefix(5))")
        #expect(whole.rows.keys.contains { $0.hasPrefix("view_effect") })
        let erase = Event(
            eventID: "e", tsMs: events[events.count - 1].tsMs + 1,
            body: .erase(userID: shopper))
        let erased = try run(events + [erase], change)
        let base = try EngineFixture.base.get()
        func conversion(_ run: Run) throws -> Double {
            var question = OfferQuestion(
                userID: shopper, itemID: "item 5", price: 10, atMs: 1_700_000_000_000)
            question.isView = true
            let embedding = WordEmbedding(dimension: base.hiddenSize)
            return try run.engine.inquire(question, embedding: embedding).1[0].conversion
        }
        #expect(try conversion(erased) != conversion(whole))
        #expect(erased.engine.rememberedExamples < whole.engine.rememberedExamples)
    }

    /// A shop that shows what is decided: items are seen, clicked and bought at the offer that was made.
    private func live(
        atViews: Bool, views: Int
    ) throws -> (engine: Engine, offers: [Recommendation]) {
        let configuration = try EngineFixture.configuration {
            $0.offersAtViews = atViews
            $0.pricing.exploration = .epsilonGreedy
            $0.pricing.epsilon = 1
            $0.pricing.depths = WindowWorld.depths
        }
        let base = try EngineFixture.base.get()
        let embedding = WordEmbedding(dimension: base.hiddenSize)
        let training = InlineTraining(base)
        var engine = try EngineFixture.engine(configuration)
        let state = MemoryState()
        var offset: Int64 = 0
        func tell(_ events: [Event]) throws -> [Recommendation] {
            offset += Int64(events.count)
            let inputs = events.enumerated().map {
                EngineFixture.input($0.element, offset: offset + Int64($0.offset))
            }
            return try engine.step(
                inputs, reading: state, embedding: embedding, training: training
            ).recommendations
        }
        _ = try tell(Self.catalogue())
        var random = SeededRandom(seed: 5)
        var offers: [Recommendation] = []
        for number in 0..<views {
            let ts = Int64(number + 1) * 60_000
            var offer = Event.Offer(
                userID: "u\(number)", itemID: "item \(number % 60)", price: 10)
            var made = try tell([
                Event(eventID: "v\(number)", tsMs: ts, body: .impression(offer))
            ])
            let discount = made.first?.discount ?? 0
            if random.unit() < 0.2 + discount {
                made += try tell([
                    Event(eventID: "c\(number)", tsMs: ts + 5_000, body: .click(offer))
                ])
                offer.recommendationID = made.last?.recommendationID
                if random.unit() < 0.4 {
                    _ = try tell([
                        Event(
                            eventID: "p\(number)", tsMs: ts + 9_000,
                            body: .purchase(.init(offer: offer)))
                    ])
                }
            }
            offers += made
        }
        return (engine, offers)
    }

    @Test(
        "where impressions ask for offers, the click finds the one that stands, and the whole view is learned at its depth"
    )
    func offersAtViews() throws {
        let (engine, offers) = try live(atViews: true, views: 400)
        let byUser = Dictionary(grouping: offers, by: \.userID)
        #expect(byUser.count == 400)
        let clicked = byUser.values.filter { $0.count == 2 }
        #expect(clicked.count > 80)
        for pair in clicked {
            #expect(pair[0].recommendationID == pair[1].recommendationID)
            #expect(pair[0].discount == pair[1].discount)
            #expect(pair[1].rules.contains("offer_held"))
        }
        #expect(offers.contains { $0.discount > 0.3 })
        let effects = try #require(engine.viewEffects)
        // Those whose windows have ended; all but the first decided by lot.
        #expect(effects.rows > 320 && effects.decidedRows > 300, "\(effects)")
        #expect(engine.effects == nil)
        #expect(engine.eventCount("click") > 320)
        #expect((70..<200).contains(engine.eventCount("purchase")))
    }

    @Test(
        "where each click gets an offer of its own, what was shown before teaches clicks, and purchases count for the offer"
    )
    func offersAtClicks() throws {
        let (engine, offers) = try live(atViews: false, views: 400)
        #expect(offers.count < 200 && engine.viewEffects == nil)
        #expect(engine.eventCount("click") > 320)
        // One row a click, of its decision; not one more of the view.
        #expect(engine.eventCount("purchase") <= UInt64(offers.count))
        #expect(engine.eventCount("purchase") > UInt64(offers.count / 2))
    }

    @Test("visits alone teach no views, and views that say nothing of purchases teach no purchases")
    func others() throws {
        let views = Self.views(600)
        func rows(_ clicked: Bool) -> [Event] {
            views.enumerated().map { number, view in
                Event(
                    eventID: "v\(number)", tsMs: view.tsMs,
                    body: .outcome(
                        .init(
                            offer: Self.offer(view), clicked: clicked ? view.clicked : nil,
                            purchased: clicked ? nil : view.purchased)))
            }
        }
        let visits = try run(rows(false))
        #expect(visits.engine.viewEffects == nil && visits.engine.effects != nil)
        #expect(visits.engine.eventCount("purchase") == 600 && !visits.engine.knowsViews)
        let clicks = try run(rows(true))
        #expect(clicks.engine.viewEffects == nil && clicks.engine.effects == nil)
        #expect(clicks.engine.eventCount("click") == 600 && !clicks.engine.knowsViews)
    }
}
