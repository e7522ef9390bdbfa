import Daemon
import Encoder
import Engine
import Events
import Records
import Simulator
import Terminal

/// Prices the visits of a trial, and is told what comes of them.
protocol VisitPricer: AnyObject {
    /// What a table calls it.
    var name: String { get }

    /// Takes what happened, clicks among it, and prices the clicks.
    func price(_ events: [Event]) throws -> [ReceivedOffer]
}

/// A shop priced for some weeks of event time, whose shoppers answer to what is offered.
///
/// In process: what is offered at a click is what the shopper is offered, and its purchase or the end of its
/// window comes back by event time.
struct MarginTrial {
    let world: World
    let visits: Int
    let days: Double

    static let startMs: Int64 = 1_750_000_000_000
    /// Visits that are decided together.
    private static let batchVisits = 32
    private static let windows = 20

    /// - Parameter isSecondHalf: told at each turn, for what is measured over the second half alone.
    func run(
        _ pricer: some VisitPricer, _ isSecondHalf: (Bool) -> Void = { _ in }
    ) throws -> Scoreboard {
        let plan = VisitPlan(
            startMs: Self.startMs, gapMs: days * 86_400_000 / Double(visits),
            fixedDepths: Array(world.configuration.pricing.depths.dropFirst()),
            windowVisits: max(1, (visits + Self.windows - 1) / Self.windows))
        var shoppers = Shoppers(world: world, plan: plan)
        _ = try pricer.price(shoppers.catalogue())
        while shoppers.visitCount < visits {
            let events = shoppers.nextVisits(min(Self.batchVisits, visits - shoppers.visitCount))
            isSecondHalf(2 * shoppers.visitCount > visits)
            let next = shoppers.offer(try pricer.price(events))
            if !next.isEmpty { _ = try pricer.price(next) }
        }
        return shoppers.scoreboard
    }
}

/// The daemon's own step.
final class EnginePricer: VisitPricer {
    let name = "tidemark"
    var isMeasured = false
    private(set) var calibration: OfferCalibration
    private var engine: Engine
    private let embedding: any TextEmbedding
    private var offset: Int64 = 0

    init(
        _ world: World, _ configuration: EngineConfiguration, embedding: any TextEmbedding,
        base: BaseModel
    ) throws {
        engine = try Engine(
            configuration,
            adapters: Adapters(configuration: configuration.adapters, base: base, seed: 1),
            dimension: base.hiddenSize)
        calibration = OfferCalibration(world)
        self.embedding = embedding
    }

    func price(_ events: [Event]) throws -> [ReceivedOffer] {
        let inputs = events.map { event in
            offset += 1
            return EngineInput(
                record: SourceRecord(
                    position: TopicPartition(topic: "bench", partition: 0), offset: offset,
                    value: nil), event: .success(event))
        }
        let offers = try engine.step(
            inputs, reading: MemoryState(), embedding: embedding, training: NoTraining()
        ).recommendations
        if isMeasured { offers.forEach { calibration.add($0) } }
        return offers.compactMap { offer in
            ReceivedOffer(
                recommendationID: offer.recommendationID, userID: offer.userID,
                itemID: offer.itemID, discount: offer.discount, price: offer.price,
                propensity: offer.propensity, expiresAtMs: offer.expiresMs)
        }
    }
}

/// What recommendations said, beside the truth, over the second half of the visits.
struct OfferCalibration {
    private let world: World
    private let shoppers: [String: Int]
    private let items: [String: Int]
    private(set) var baseline: [(said: Double, truth: Double)] = []
    private(set) var incremental: [(said: Double, truth: Double)] = []

    init(_ world: World) {
        self.world = world
        shoppers = Dictionary(
            uniqueKeysWithValues: world.shoppers.enumerated().map { ($1.id, $0) })
        items = Dictionary(uniqueKeysWithValues: world.items.enumerated().map { ($1.id, $0) })
    }

    mutating func add(_ offer: Recommendation) {
        guard let shopper = shoppers[offer.userID], let item = items[offer.itemID] else { return }
        let demand = world.demand(shopper: shopper, item: item, atMs: offer.issuedMs)
        let none = world.outcome(
            item: item, demand: demand, price: world.items[item].price, discount: 0)
        baseline.append((offer.baselineConversion, none.conversion))
        guard offer.discount > 0, let said = offer.incrementalMargin else { return }
        let offered = world.outcome(
            item: item, demand: demand, price: offer.price,
            discount: 1 - offer.price / world.items[item].price)
        incremental.append((said, offered.margin - none.margin))
    }
}

/// How well one figure agrees with the truth.
struct FigureCalibration: Encodable {
    let count: Int
    /// Mean of what was said over the mean truth.
    let ratio: Double
    /// Of the truth on what was said, over deciles: 1 is right, below 1 said too much spread.
    let slope: Double
    /// Means of what was said and of the truth, by deciles of what was said.
    let deciles: [[Double]]

    init(_ pairs: [(said: Double, truth: Double)]) {
        count = pairs.count
        let sorted = pairs.sorted { $0.said < $1.said }
        let tenth = Double(sorted.count) / 10
        deciles = (0..<10).compactMap { place in
            let part = sorted[Int(Double(place) * tenth)..<Int(Double(place + 1) * tenth)]
            guard !part.isEmpty else { return nil }
            let size = Double(part.count)
            return [
                part.reduce(0) { $0 + $1.said } / size, part.reduce(0) { $0 + $1.truth } / size,
            ]
        }
        let size = Double(max(1, deciles.count))
        let (said, truth) = (
            deciles.reduce(0) { $0 + $1[0] } / size, deciles.reduce(0) { $0 + $1[1] } / size
        )
        ratio = said / truth
        slope =
            deciles.reduce(0) { $0 + ($1[0] - said) * ($1[1] - truth) }
            / deciles.reduce(0) { $0 + ($1[0] - said) * ($1[0] - said) }
    }
}

/// What one run earned, beside the other ways to price the same visits.
struct MarginResult: Encodable {
    let world: String
    let seed: UInt64
    /// Who priced it.
    let policy: String
    /// Of the oracle's margin over that of no discount; `nil` where there is none to be had.
    let share: Double?
    let shareLast: Double?
    let fixedShare: Double?
    /// The fixed discount that is best in hindsight, which may be none.
    let fixedDepth: Double
    /// Margin lost against no discount. Units: per cent of it; negative is a gain.
    let givenAway: Double
    let givenAwayLast: Double
    /// Share of offers with a discount, in the second half; `nil` for another program.
    let discounted: Double?
    let baseline: FigureCalibration?
    let incremental: FigureCalibration?

    init(
        _ policy: String, _ world: World, board: Scoreboard, calibration: OfferCalibration? = nil
    ) {
        func gain(_ strategy: Strategy, _ score: Score) -> Double {
            board.margin(strategy, score) - board.margin(.noDiscount, score)
        }
        let total = board.total
        let last = board.score(board.windows.suffix(max(1, board.windows.count / 4)))
        let fixed = board.strategies.filter { if case .fixed = $0 { true } else { false } }
        let best = fixed.max { gain($0, total) < gain($1, total) }
        let isBest = best.map { gain($0, total) > 0 } ?? false
        func share(_ strategy: Strategy, _ score: Score) -> Double? {
            let oracle = gain(.oracle, score)
            return oracle > 1e-9 ? gain(strategy, score) / oracle : nil
        }
        self.world = world.configuration.answer.rawValue
        seed = world.seed
        self.policy = policy
        self.share = share(.offered, total)
        shareLast = share(.offered, last)
        fixedShare = best.flatMap { isBest ? share($0, total) : 0 }
        if isBest, case .fixed(let depth)? = best { fixedDepth = depth } else { fixedDepth = 0 }
        givenAway = -100 * gain(.offered, total) / board.margin(.noDiscount, total)
        givenAwayLast = -100 * gain(.offered, last) / board.margin(.noDiscount, last)
        discounted = calibration.map { Double($0.incremental.count) / Double($0.baseline.count) }
        baseline = calibration.map { FigureCalibration($0.baseline) }
        incremental = calibration.map { FigureCalibration($0.incremental) }
    }

    static func table(_ results: [MarginResult]) -> String {
        var table = TextTable([
            ("world", .left), ("policy", .left), ("seed", .right), ("share", .right),
            ("last quarter", .right),
            ("best fixed", .right), ("given away", .right), ("last quarter", .right),
            ("discounted", .right), ("baseline/truth", .right), ("slope", .right),
            ("incremental/truth", .right), ("slope", .right),
        ])
        for result in results {
            table.add(
                result.world, result.policy, "\(result.seed)", fixed(result.share, 3),
                fixed(result.shareLast, 3),
                result.fixedShare.map { "\(fixed($0, 3)) (\(fixed(100 * result.fixedDepth, 0)) %)" }
                    ?? "",
                fixed(result.givenAway, 2) + " %", fixed(result.givenAwayLast, 2) + " %",
                result.discounted.map { fixed(100 * $0, 0) + " %" } ?? "",
                fixed(result.baseline?.ratio, 3), fixed(result.baseline?.slope, 2),
                fixed(result.incremental?.ratio, 2), fixed(result.incremental?.slope, 2))
        }
        return table.rendered()
    }
}
