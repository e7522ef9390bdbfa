import ContinualLearning
import Daemon
import Encoder
import Engine
import Events
import Pricing
import Records
import ResponseModel
import Simulator

/// One way of learning, over one stream of late purchases whose truth is known.
struct DelayTrial {
    enum Learner: String, CaseIterable {
        /// Told every outcome at once, which nobody can be: what the others are held against.
        case oracle
        case wait
        case fakeNegativeWeighted = "fake_negative_weighted"
        case elapsedTime = "elapsed_time"

        var feedback: DelayedFeedback { DelayedFeedback(rawValue: rawValue) ?? .wait }
    }

    /// Means over the visits that were asked about.
    struct Result {
        /// Expected log-loss under the truth, less that of the truth itself. Units: nats.
        var excessLogLoss = 0.0
        /// Mean prediction by mean truth.
        var calibration = 0.0
        /// Margin of the best depth less that of the chosen one. Units: currency a visit.
        var regret = 0.0
    }

    let world: World
    let plan: DelayedStream.Plan
    let visits: Int
    let elapsedMs: Int64
    let embedding: any TextEmbedding
    let base: BaseModel

    /// The first quarter is warm-up; of the rest every fifth visit is asked about.
    private static let askEvery = 5
    private static let batchVisits = 20

    func run(_ learner: Learner) throws -> Result {
        var engine = try Engine(
            configuration(learner),
            adapters: Adapters(
                configuration: AdapterConfiguration(
                    rank: 4, layers: AdapterConfiguration.topLayers(1, of: base)),
                base: base, seed: 1),
            dimension: base.hiddenSize)
        var stream = DelayedStream(world: world, plan: plan)
        var queue: [(event: Event, tsMs: Int64)] = []
        var tally = Tally()
        var offset: Int64 = 0
        func learn(_ events: [Event]) throws {
            let inputs = events.map { event in
                offset += 1
                return EngineInput(
                    record: SourceRecord(
                        position: TopicPartition(topic: "bench", partition: 0), offset: offset,
                        value: nil), event: .success(event))
            }
            _ = try engine.step(
                inputs, reading: MemoryState(), embedding: embedding, training: NoTraining())
        }
        try learn(catalogue())
        while tally.seen < visits {
            var batch: [Event] = []
            for _ in 0..<Self.batchVisits {
                let visit = stream.next()
                tally.seen += 1
                if tally.seen > visits / 4, tally.seen % Self.askEvery == 0 {
                    try ask(visit, engine, &tally)
                }
                for event in events(of: visit, learner) {
                    if event.tsMs > visit.tsMs {
                        queue.append((event, event.tsMs))
                    } else {
                        batch.append(event)
                    }
                }
                // What has fallen due by now has come, whenever it was sent on its way.
                batch += queue.filter { $0.tsMs <= visit.tsMs }.map(\.event)
                queue.removeAll { $0.tsMs <= visit.tsMs }
            }
            try learn(batch)
        }
        return tally.result
    }

    private func catalogue() -> [Event] {
        world.items.map { item in
            Event(
                eventID: "item-\(item.id)", tsMs: plan.startMs,
                body: .item(
                    Event.Item(
                        itemID: item.id, title: item.title, category: item.category,
                        brand: item.brand, price: item.price, cost: item.cost)))
        }
    }

    private func events(of visit: DelayedStream.Visit, _ learner: Learner) -> [Event] {
        if learner == .oracle {
            return [
                Event(
                    eventID: "o\(visit.number)", tsMs: visit.tsMs,
                    body: .outcome(
                        .init(offer: visit.offer, purchased: visit.purchaseMs != nil)))
            ]
        }
        let click = Event(
            eventID: "c\(visit.number)", tsMs: visit.tsMs, body: .click(visit.offer))
        guard let purchaseMs = visit.purchaseMs else { return [click] }
        return [
            click,
            Event(
                eventID: "p\(visit.number)", tsMs: purchaseMs,
                body: .purchase(.init(offer: visit.offer))),
        ]
    }

    private func configuration(_ learner: Learner) -> EngineConfiguration {
        let waitMs: Int64
        switch learner {
        case .oracle, .wait: waitMs = plan.windowMs
        case .fakeNegativeWeighted: waitMs = 1
        case .elapsedTime: waitMs = elapsedMs
        }
        var configuration = EngineConfiguration(
            seed: 1, head: HeadConfiguration(),
            adapters: AdapterConfiguration(
                rank: 4, layers: AdapterConfiguration.topLayers(1, of: base)),
            refresh: RefreshSchedule(
                events: 0, judgeEvents: 1, training: RefreshConfiguration(epochs: 1, batchTexts: 1),
                optimizer: AdamW.Configuration(learningRate: 0), gate: RefreshGate.Configuration(),
                gateSlices: 0),
            memory: ReplayMemory.Configuration(capacity: 1_000, seed: 1),
            join: AttributionConfiguration(windowMs: plan.windowMs, waitMs: waitMs, latenessMs: 0),
            pricing: PricingConfiguration(exploration: .none, holdoutFraction: 0))
        configuration.delayedFeedback = learner.feedback
        configuration.issuesDecisions = false
        return configuration
    }

    /// What the engine would say of a visit before anything of it is known.
    private func ask(
        _ visit: DelayedStream.Visit, _ engine: Engine, _ tally: inout Tally
    ) throws {
        var question = OfferQuestion(
            userID: visit.offer.userID, itemID: visit.offer.itemID, price: visit.offer.price,
            atMs: visit.tsMs)
        question.context = visit.offer.context
        let (recommendation, demand) = try engine.inquire(question, embedding: embedding)
        // The depth shown is one of the grid, but for the cent it was rounded to.
        let shown = demand.min {
            abs($0.discount - visit.offer.discount) < abs($1.discount - visit.offer.discount)
        }
        guard let predicted = shown?.conversion else { return }
        let chosen = world.outcome(
            item: visit.item, demand: visit.demand, price: recommendation.price,
            discount: recommendation.discount)
        tally.add(
            predicted: predicted, truth: visit.conversion,
            regret: world.oracle(item: visit.item, demand: visit.demand).margin - chosen.margin)
    }

    private struct Tally {
        var seen = 0
        private var asked = 0.0
        private var excess = 0.0
        private var predicted = 0.0
        private var truth = 0.0
        private var regret = 0.0

        mutating func add(predicted q: Double, truth p: Double, regret: Double) {
            let bounded = min(max(q, 1e-9), 1 - 1e-9)
            asked += 1
            excess +=
                p * stableLog(p / bounded) + (1 - p) * stableLog((1 - p) / (1 - bounded))
            predicted += q
            truth += p
            self.regret += regret
        }

        var result: Result {
            Result(
                excessLogLoss: excess / asked, calibration: predicted / truth,
                regret: regret / asked)
        }
    }
}
