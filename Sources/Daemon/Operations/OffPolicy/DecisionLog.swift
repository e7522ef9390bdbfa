import Engine
import EventLog
import Events
import Records

/// Reads logs of events and of recommendations, and joins each decision with what came of it.
///
/// Decisions are recommendations, outcomes, and views and clicks that carry a propensity or name a
/// recommendation. A decision comes out when its window has closed, in the order of their opening, whether it was
/// taken or not: one that is bought must not come earlier than one that is not, nor be kept where
/// another is left out. Memory is bounded by what is open at a time.
final class DecisionLog {
    private(set) var counts = DecisionCounts()
    private var lines: DecisionLines
    private var join: AttributionJoin
    private var items: [String: KnownItem] = [:]
    /// Who is known by which ids, as the engine has it.
    private var identities = Identities()
    private var known: [String: Known] = [:]
    private var seen: Set<UInt64> = []
    private var asked = AskedOffers()
    private var outputs: [JoinOutput] = []

    /// What a line told of a decision that the join does not keep.
    private struct Known {
        var isHoldout = false
        var isRuled = false
        var actions: [LoggedDepth]?
        var place: String
    }

    /// Told of what is not a decision.
    struct Listener {
        var item: (EngineInput) throws -> Void = { _ in }
        var purchase: (Event.Purchase, Int64, KnownItem) throws -> Void = { _, _, _ in }
        /// With the context of the click or view that asked for it.
        var recommendation: (LoggedRecommendation, [Event.Attribute]) throws -> Void = { _, _ in }
        /// Of every event and recommendation.
        var time: (Int64) throws -> Void = { _ in }
    }

    private let listener: Listener

    /// The least room there is for open offers and waiting events, whatever the configuration says.
    private static let roomMin = 2_000_000

    init(_ readers: [LogReader], _ wiring: Wiring, listener: Listener = Listener()) throws {
        lines = DecisionLines(readers, try wiring.logDecoding())
        var configuration = wiring.joinConfiguration()
        // A label is taken when the window ends, and not before.
        configuration.waitMs = configuration.windowMs
        configuration.latenessMs = max(configuration.latenessMs, 3_600_000)
        configuration.openMax = max(configuration.openMax, Self.roomMin)
        configuration.pendingMax = max(configuration.pendingMax, Self.roomMin)
        if let problem = configuration.problem {
            throw ConfigurationError(place: "attribution", message: problem)
        }
        join = AttributionJoin(configuration: configuration)
        self.listener = listener
    }

    /// Reads what catalogues say of items, before all else.
    ///
    /// - Throws: `BadLogLine`, also for what is no item.
    func takeCatalog(_ readers: [LogReader], _ wiring: Wiring) throws {
        var catalog = DecisionLines(readers, try wiring.logDecoding())
        while let step = try catalog.next() {
            guard case .line(let line) = step else { continue }
            counts.lines += 1
            guard case .inputs(let inputs) = line.content else {
                throw BadLogLine(place: line.place, reason: "a catalogue has items alone")
            }
            for input in inputs {
                guard case .success(let event) = input.event, case .item(let item) = event.body
                else {
                    throw BadLogLine(place: line.place, reason: "a catalogue has items alone")
                }
                items[item.itemID, default: KnownItem()].merge(item)
                try listener.item(input)
            }
        }
    }

    /// The next decisions whose windows have closed, maybe none yet; `nil` at the end.
    func next() throws -> [JoinedDecision]? {
        guard let step = try lines.next() else { return nil }
        switch step {
        case .line(let line):
            counts.lines += 1
            return try take(line)
        case .ended(let positions):
            for position in positions { join.setIdle(position, true, into: &outputs) }
            return try settle()
        }
    }

    /// What is left when all has been read.
    func drain() throws -> [JoinedDecision] {
        join.drain(into: &outputs)
        let found = try settle()
        counts.open = join.openCount
        return found
    }

    private func take(_ line: DecisionLine) throws -> [JoinedDecision] {
        var found: [JoinedDecision] = []
        try listener.time(line.tsMs)
        switch line.content {
        case .recommendation(let recommendation): try open(recommendation, line)
        case .inputs(let inputs):
            for input in inputs {
                guard case .success(let event) = input.event else { continue }
                guard let complete = try complete(event) else { continue }
                if let outcome = try take(complete.namingDecisions, input, line) {
                    found.append(outcome)
                }
            }
        }
        return try found + settle()
    }

    /// The event as the engine takes it: of the shopper that its id stands for, at the catalogue's price where it
    /// tells none; `nil` where nobody does.
    private func complete(_ event: Event) throws -> Event? {
        var complete = event
        if let userID = event.userID {
            let shopper = try identities.shopper(userID, in: nil)
            if shopper != userID { complete = event.of(shopper: shopper) }
        }
        guard let offer = complete.offer, !offer.isPriced else { return complete }
        guard let price = items[offer.itemID]?.price else {
            counts.unpriced += 1
            return nil
        }
        return complete.withOffer { $0.price = price }
    }

    private func open(_ recommendation: LoggedRecommendation, _ line: DecisionLine) throws {
        let decision = Recommendation.decision(of: recommendation.id)
        guard seen.insert(StableHash.of(decision, seed: 0)).inserted else {
            counts.duplicates += 1
            return
        }
        known[decision] = Known(
            isHoldout: recommendation.isHoldout, isRuled: recommendation.isRuled,
            actions: recommendation.actions, place: line.place)
        let trigger = asked.event(
            by: recommendation.offer, atMs: recommendation.issuedMs)
        var offer = recommendation.offer
        offer.context = trigger?.context ?? []
        try listener.recommendation(recommendation, offer.context)
        // A moment after the click that asked, whatever the order of their topics' names.
        join.open(
            IssuedDecision(
                offer: offer, recommendationID: decision, tsMs: recommendation.issuedMs + 1,
                triggerEventID: trigger?.id, isView: trigger?.isView ?? false),
            from: line.record.position, offset: line.record.offset, into: &outputs)
    }

    private func take(
        _ event: Event, _ input: EngineInput, _ line: DecisionLine
    ) throws -> JoinedDecision? {
        switch event.body {
        case .item(let item):
            items[item.itemID, default: KnownItem()].merge(item)
            try listener.item(input)
            return nil
        case .erase(let userID):
            for id in try [userID] + identities.ids(of: userID, in: nil) { join.erase(userID: id) }
            try identities.forget(RowOwner(user: userID), in: nil)
            return nil
        case .identify(let anonymousID, let userID):
            if try identities.join(anonymousID, to: userID, atMs: event.tsMs, in: nil) == .joined {
                join.move(shopper: anonymousID, to: userID, into: &outputs)
            }
            return nil
        case .objection: return nil
        case .purchase(let purchase):
            try listener.purchase(
                purchase, event.tsMs, items[purchase.offer.itemID] ?? KnownItem())
        case .click(let offer): asked.add(event, offer, isView: false)
        case .impression(let offer): asked.add(event, offer, isView: true)
        case .outcome, .refund: break
        }
        let admission = join.ingest(
            event, from: line.record.position, offset: line.record.offset, into: &outputs)
        guard case .outcome(let outcome) = event.body, admission != .duplicate else { return nil }
        return try decision(event, outcome, line)
    }

    private func decision(
        _ event: Event, _ outcome: Event.Outcome, _ line: DecisionLine
    ) throws -> JoinedDecision? {
        guard let purchased = outcome.purchased else {
            counts.withoutLabel += 1
            return nil
        }
        counts.decisions += 1
        var found = JoinedDecision(
            id: outcome.offer.recommendationID ?? event.eventID, offer: outcome.offer,
            tsMs: event.tsMs, place: line.place, isView: outcome.clicked != nil)
        if purchased { found.sold.units = outcome.quantity ?? 1 }
        found.weight = 1 / (outcome.samplingRate ?? 1)
        found.actions = try line.actions()
        found.item = items[outcome.offer.itemID] ?? KnownItem()
        return found
    }

    /// Decisions among what the join has told.
    private func settle() throws -> [JoinedDecision] {
        var found: [JoinedDecision] = []
        for output in outputs {
            switch output {
            case .labelled(let example) where example.label == .notPurchased: take(example, &found)
            case .matured(let example) where example.purchasedMs != nil: take(example, &found)
            case .closedEarly(let closed):
                known[closed.example.openedBy] = nil
                counts.closedEarly += 1
            case .duplicate: counts.duplicates += 1
            case .late: counts.late += 1
            case .unattributedPurchase: counts.unattributed += 1
            default: break
            }
        }
        outputs.removeAll(keepingCapacity: true)
        return found
    }

    private func take(_ example: LabelledExample, _ found: inout [JoinedDecision]) {
        let told = known.removeValue(forKey: example.openedBy)
        let offer = example.offer
        guard example.opening.isIssued || offer.propensity != nil || offer.recommendationID != nil
        else {
            counts.undecided += 1
            return
        }
        counts.decisions += 1
        var decision = JoinedDecision(
            id: example.opening.isIssued
                ? example.openedBy : offer.recommendationID ?? example.openedBy,
            offer: offer, tsMs: example.tsMs,
            place: told?.place ?? "the offer of event '\(example.openedBy)'",
            isView: example.opening.isView)
        if case .purchased(let quantity, let paid) = example.label {
            decision.sold = Sold(units: quantity, paid: paid)
        }
        decision.isHoldout = told?.isHoldout ?? false
        decision.isAgain =
            !example.opening.isIssued
            && offer.recommendationID.map { seen.contains(StableHash.of($0, seed: 0)) } ?? false
        decision.isRuled = told?.isRuled ?? false
        decision.actions = told?.actions
        decision.item = items[offer.itemID] ?? KnownItem()
        found.append(decision)
    }
}

/// Clicks and views that a recommendation may answer: it is issued at their time.
private struct AskedOffers {
    struct Asked {
        let id: String
        let tsMs: Int64
        let isView: Bool
        let context: [Event.Attribute]
    }

    private var newest: [String: Asked] = [:]
    private var prunedMs = Int64.min
    private static let keepMs: Int64 = 3_600_000

    mutating func add(_ event: Event, _ offer: Event.Offer, isView: Bool) {
        newest[key(offer)] = Asked(
            id: event.eventID, tsMs: event.tsMs, isView: isView, context: offer.context)
        guard event.tsMs - Self.keepMs > prunedMs else { return }
        prunedMs = event.tsMs
        newest = newest.filter { $0.value.tsMs >= event.tsMs - Self.keepMs }
    }

    func event(by offer: Event.Offer, atMs tsMs: Int64) -> Asked? {
        newest[key(offer)].flatMap { $0.tsMs == tsMs ? $0 : nil }
    }

    private func key(_ offer: Event.Offer) -> String { "\(offer.userID)\u{0}\(offer.itemID)" }
}
