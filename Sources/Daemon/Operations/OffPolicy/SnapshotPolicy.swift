import Engine
import Events
import Pricing
import Records
import SnapshotStore

/// A snapshot that is asked what it would have offered, with the decision code of the daemon.
struct SnapshotPolicy {
    let record: SnapshotRecord
    let wiring: Wiring
    private var running: RunningEngine
    private var news: [EngineInput] = []

    private static let newsMax = 1000

    init(store: SnapshotStore, snapshot reference: String, base: String?) throws {
        let opened = try SnapshotEngine(store: store, snapshot: reference, base: base)
        record = opened.record
        wiring = opened.wiring
        running = RunningEngine(
            engine: opened.engine.forEvaluation(keepsPredictions: false),
            embedding: opened.embedding, training: NoTraining())
    }

    /// Takes what the log says of an item: a catalogue is knowledge and not learning.
    mutating func learn(item input: EngineInput) throws {
        news.append(input)
        if news.count >= Self.newsMax { try takeNews() }
    }

    private mutating func takeNews() throws {
        guard !news.isEmpty else { return }
        _ = try running.step(news, reading: MemoryState())
        news.removeAll(keepingCapacity: true)
    }

    /// The probability of each discount, of a shopper who is not held out.
    mutating func actions(of decision: JoinedDecision) throws -> PolicyActions {
        try takeNews()
        let made: Decision
        do {
            made = try running.engine.decision(
                on: decision.offer, atMs: decision.tsMs, isView: decision.isView,
                embedding: running.embedding)
        } catch let error as PricingError {
            throw BadLogLine(
                place: decision.place, reason: "snapshot \(record.id) cannot decide: \(error)")
        }
        // Where the shop's habit is followed nothing is drawn.
        if made.policy == "merchant" { return PolicyActions(certain: made.depth) }
        return PolicyActions(
            discounts: made.actions.map {
                LoggedDepth.delivered($0.price, of: made.listPrice, announced: $0.discount)
            }, probabilities: made.actions.map(\.propensity))
    }

    /// What the snapshot's catalogue knows of an item that the log has said nothing of.
    func item(_ itemID: String) throws -> KnownItem? {
        try running.engine.item(itemID).map { item in
            var known = KnownItem()
            known.price = item.price
            known.cost = item.cost
            known.stock = item.stock
            known.isDeleted = item.deleted
            return known
        }
    }
}
