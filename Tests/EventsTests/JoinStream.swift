import Events
import Records

/// What arrives at a join, in the order of arrival.
enum Arrival: Sendable {
    case event(Event, TopicPartition, Int64)
    case decision(IssuedDecision, TopicPartition, Int64)
    case idle(TopicPartition, Bool)

    func enter(_ join: inout AttributionJoin, _ outputs: inout [JoinOutput]) {
        switch self {
        case .event(let event, let position, let offset):
            join.ingest(event, from: position, offset: offset, into: &outputs)
        case .decision(let decision, let position, let offset):
            join.open(decision, from: position, offset: offset, into: &outputs)
        case .idle(let position, let isIdle): join.setIdle(position, isIdle, into: &outputs)
        }
    }
}

/// A seeded stream of shoppers with delays, disorder, duplicates, late events and refunds.
struct JoinStream {
    var eventCount = 2000
    var users = 12
    var items = 5
    var partitions = 3
    /// Time between events is about this, milliseconds.
    var gapMs = 200.0
    /// Delays are below this...
    var delayMs = 4000.0
    /// ...but for this share, which take up to five times as long.
    var slowShare = 0.03
    var duplicateShare = 0.05
    var decisionShare = 0.3
    var idleShare = 0.002

    private struct Sent {
        var event: Event
        var arrivalMs: Double
        var index: Int
    }

    func arrivals(seed: UInt64) -> [Arrival] {
        var random = SeededRandom(seed: seed)
        var sent: [Sent] = []
        for event in events(&random) {
            let isSlow = random.unit() < slowShare
            let delay = random.unit() * delayMs * (isSlow ? 5 : 1)
            sent.append(
                Sent(event: event, arrivalMs: Double(event.tsMs) + delay, index: sent.count))
            if random.unit() < duplicateShare {
                let again = Double(event.tsMs) + delay + random.unit() * delayMs * 20
                sent.append(Sent(event: event, arrivalMs: again, index: sent.count))
            }
        }
        sent.sort { ($0.arrivalMs, $0.index) < ($1.arrivalMs, $1.index) }
        return arrivals(sent, &random)
    }

    private func arrivals(_ sent: [Sent], _ random: inout SeededRandom) -> [Arrival] {
        var offsets: [TopicPartition: Int64] = [:]
        var arrivals: [Arrival] = []
        var standing: [String: IssuedDecision] = [:]
        for one in sent {
            let partition = StableHash.of(one.event.userID ?? "") % UInt64(partitions)
            let position = TopicPartition(
                topic: partition == 0 ? "views" : "sales", partition: Int32(partition))
            let offset = offsets[position, default: 0]
            offsets[position] = offset + 1
            if random.unit() < idleShare {
                arrivals.append(.idle(position, random.unit() < 0.7))
            }
            arrivals.append(.event(one.event, position, offset))
            guard case .click(var offer) = one.event.body, random.unit() < decisionShare else {
                continue
            }
            // Some are issued twice; some for a late or repeated click; some stand and are issued
            // to another click again.
            let pair = offer.userID + "/" + offer.itemID
            let trigger = random.unit() < 0.8 ? one.event.eventID : nil
            var decision: IssuedDecision
            if let known = standing[pair], random.unit() < 0.4 {
                decision = known
                decision.tsMs = one.event.tsMs
                decision.triggerEventID = trigger
            } else {
                offer.discount = Double(random.next() % 3) / 10
                offer.propensity = 0.25
                decision = IssuedDecision(
                    offer: offer, recommendationID: "rec-\(one.event.eventID)",
                    tsMs: one.event.tsMs, triggerEventID: trigger)
                standing[pair] = decision
            }
            arrivals.append(.decision(decision, position, offset))
        }
        return arrivals
    }

    /// The events as they happened, in order of time.
    private func events(_ random: inout SeededRandom) -> [Event] {
        var events: [Event] = []
        var clicks: [String] = []
        var purchases: [(eventID: String, orderID: String?)] = []
        var now = 1_000_000.0
        func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
        for index in 0..<eventCount {
            now += random.unit() * 2 * gapMs
            let id = "e\(index)"
            var offer = Event.Offer(
                userID: "u\(pick(users))", itemID: "i\(pick(items))", price: 10,
                discount: Double(pick(2)) / 10)
            if pick(4) == 0, let click = clicks.last(where: { _ in pick(3) == 0 }) {
                offer.recommendationID = "rec-\(click)"
            }
            let body: Event.Body
            switch pick(20) {
            case 0..<7: body = .impression(offer)
            case 7..<13:
                body = .click(offer)
                clicks.append(id)
            case 13..<17:
                let order = pick(2) == 0 ? "o\(pick(1 + index / 8))" : nil
                body = .purchase(
                    .init(
                        offer: offer, quantity: 1 + pick(3),
                        paid: pick(2) == 0 ? Double(pick(900)) / 100 : nil, orderID: order))
                purchases.append((id, order))
            case 17..<19:
                guard !purchases.isEmpty else { continue }
                let bought = purchases[pick(purchases.count)]
                body = .refund(
                    .init(
                        userID: offer.userID, orderID: bought.orderID,
                        purchaseEventID: bought.orderID == nil || pick(2) == 0
                            ? bought.eventID : nil,
                        itemID: pick(4) == 0 ? offer.itemID : nil,
                        quantity: pick(2) == 0 ? 1 + pick(3) : nil))
            default: body = .outcome(.init(offer: offer, purchased: true))
            }
            events.append(Event(eventID: id, tsMs: Int64(now), body: body))
        }
        return events
    }
}

extension AttributionConfiguration {
    /// Spans that fit the stream's, so that everything happens often.
    static let brisk = AttributionConfiguration(
        windowMs: 60_000, waitMs: 40_000, clickWindowMs: 15_000, latenessMs: 6000,
        refundWindowMs: 200_000, duplicateWindowMs: 50_000)
}
