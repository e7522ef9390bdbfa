import Events
import Records

/// What is known of an example in the end.
struct ExampleFate: Equatable {
    var clicked: Bool?
    /// The label it was learned with, and the one it has after all corrections.
    var learned: ExampleLabel?
    var final: ExampleLabel?
}

/// The join as its definition reads, in memory without bounds, over lists and without timers.
struct JoinOracle {
    private(set) var fates: [String: ExampleFate] = [:]
    private(set) var counts: [String: Int] = [:]

    private struct Taken {
        var tsMs: Int64
        var position: TopicPartition
        var offset: Int64
        var name: String
        var event: Event?
        var decision: IssuedDecision?
    }

    private final class Example {
        let name: String
        let kind: LabelledExample.Opening
        let tsMs: Int64
        let offer: Event.Offer
        var clicks: [Int64] = []
        var touches: [Int64]
        var purchases: [Bought] = []
        var supersededMs = Int64.max

        init(_ name: String, _ kind: LabelledExample.Opening, _ tsMs: Int64, _ offer: Event.Offer) {
            self.name = name
            self.kind = kind
            self.tsMs = tsMs
            self.offer = offer
            touches = [tsMs]
            if kind == .click { clicks = [tsMs] }
        }
    }

    private final class Bought {
        let tsMs: Int64
        let purchase: Event.Purchase
        var left: Int

        init(_ tsMs: Int64, _ purchase: Event.Purchase) {
            self.tsMs = tsMs
            self.purchase = purchase
            left = purchase.quantity
        }
    }

    private let configuration: AttributionConfiguration
    private var pairs: [String: [Example]] = [:]
    private var byEvent: [String: [Bought]] = [:]
    private var byOrder: [String: [Bought]] = [:]
    private var endMs = Int64.min

    init(_ arrivals: [Arrival], _ configuration: AttributionConfiguration) {
        self.configuration = configuration
        for taken in admitted(arrivals) where taken.tsMs < endMs { take(taken) }
        for example in pairs.values.joined() {
            fates["\(example.name)@\(example.tsMs)"] = fate(example)
        }
    }

    /// Those that are neither late nor duplicates, in the order of event time.
    private mutating func admitted(_ arrivals: [Arrival]) -> [Taken] {
        var newest: [TopicPartition: Int64] = [:]
        var idle: Set<TopicPartition> = []
        var seen: [String: Int64] = [:]
        var taken: [Taken] = []
        for arrival in arrivals {
            switch arrival {
            case .idle(let position, let isIdle):
                if newest[position] == nil, !isIdle { newest[position] = .min }
                if isIdle { idle.insert(position) } else { idle.remove(position) }
            case .decision(let decision, let position, let offset):
                taken.append(
                    Taken(
                        tsMs: max(decision.tsMs, endMs), position: position, offset: offset,
                        name: decision.recommendationID, decision: decision))
            case .event(let event, let position, let offset):
                if let known = seen[event.eventID],
                    known + configuration.duplicateWindowMs > endMs
                {
                    counts["duplicates", default: 0] += 1
                    continue
                }
                seen[event.eventID] = event.tsMs
                let canBeLate = ![.refund, .purchase, .outcome].contains(event.type)
                if event.tsMs < endMs, canBeLate {
                    counts["late", default: 0] += 1
                    continue
                }
                idle.remove(position)
                newest[position] = max(newest[position] ?? .min, event.tsMs)
                taken.append(
                    Taken(
                        tsMs: max(
                            event.tsMs,
                            [.refund, .purchase].contains(event.type) ? endMs : .min),
                        position: position, offset: offset, name: event.eventID, event: event))
            }
            let active = newest.filter { !idle.contains($0.key) }.values
            guard let time = active.min() ?? newest.values.max(), time > .min else { continue }
            endMs = max(endMs, time - configuration.latenessMs)
        }
        return taken.sorted {
            ($0.tsMs, $0.position, $0.offset, $0.decision == nil ? 0 : 1, $0.name)
                < ($1.tsMs, $1.position, $1.offset, $1.decision == nil ? 0 : 1, $1.name)
        }
    }

    private mutating func take(_ taken: Taken) {
        let now = taken.tsMs
        if let decision = taken.decision {
            let alive = open(decision.offer, now)
            let standing = alive.last {
                $0.offer.recommendationID == decision.recommendationID
            }
            let replaced = decision.triggerEventID.flatMap { trigger in
                alive.last { $0.name == trigger && $0.kind != .decision }
            }
            if let replaced, replaced !== standing {
                replaced.supersededMs = now
                counts["superseded", default: 0] += 1
            }
            guard let standing else {
                return add(Example(taken.name, .decision, now, decision.offer))
            }
            counts["repeated", default: 0] += 1
            standing.touches.append(now)
            if decision.triggerEventID != nil { standing.clicks.append(now) }
        }
        switch taken.event?.body {
        case .impression(let offer): view(taken, offer, .impression)
        case .click(let offer): view(taken, offer, .click)
        case .purchase(let purchase): buy(taken, purchase)
        case .refund(let refund): takeBack(now, refund)
        default: break
        }
    }

    private mutating func add(_ example: Example) {
        counts["opened", default: 0] += 1
        pairs[example.offer.userID + "/" + example.offer.itemID, default: []].append(example)
    }

    private func open(_ offer: Event.Offer, _ now: Int64) -> [Example] {
        (pairs[offer.userID + "/" + offer.itemID] ?? []).filter {
            $0.tsMs + configuration.windowMs > now && $0.supersededMs == .max
        }
    }

    private mutating func view(
        _ taken: Taken, _ offer: Event.Offer, _ kind: LabelledExample.Opening
    ) {
        let alive = open(offer, taken.tsMs)
        var same = alive.last {
            offer.recommendationID != nil && $0.offer.recommendationID == offer.recommendationID
        }
        if same == nil, let newest = alive.last, newest.offer.price == offer.price,
            newest.offer.discount == offer.discount, offer.recommendationID == nil
        {
            same = newest
        }
        guard let same else { return add(Example(taken.name, kind, taken.tsMs, offer)) }
        counts["repeated", default: 0] += 1
        same.touches.append(taken.tsMs)
        if kind == .click { same.clicks.append(taken.tsMs) }
    }

    private mutating func buy(_ taken: Taken, _ purchase: Event.Purchase) {
        var alive = open(purchase.offer, taken.tsMs)
        var chosen = alive.last {
            purchase.offer.recommendationID != nil
                && $0.offer.recommendationID == purchase.offer.recommendationID
        }
        // A late one is of what was open when it was made.
        if let event = taken.event { alive.removeAll { $0.tsMs > event.tsMs } }
        if chosen == nil, configuration.rule == .lastClick {
            for example in alive {
                guard let time = lastClick(example) else { continue }
                if chosen.flatMap(lastClick).map({ $0 <= time }) ?? true { chosen = example }
            }
        }
        if chosen == nil {
            for example in alive
            where chosen.map({ $0.touches.max()! <= example.touches.max()! }) ?? true {
                chosen = example
            }
        }
        guard let chosen else {
            counts["unattributed", default: 0] += 1
            return
        }
        let row = Bought(taken.tsMs, purchase)
        chosen.purchases.append(row)
        byEvent[taken.name, default: []].append(row)
        if let order = purchase.orderID { byOrder[order, default: []].append(row) }
    }

    private func lastClick(_ example: Example) -> Int64? {
        example.kind == .decision
            ? max(example.tsMs, example.clicks.max() ?? .min) : example.clicks.max()
    }

    private mutating func takeBack(_ now: Int64, _ refund: Event.Refund) {
        func known(_ rows: [Bought]?) -> [Bought] {
            (rows ?? []).filter {
                $0.tsMs + configuration.refundWindowMs > now && $0.left > 0
            }
        }
        var found = known(refund.purchaseEventID.flatMap { byEvent[$0] })
        if found.isEmpty, refund.purchaseEventID == nil || refund.itemID != nil {
            found = known(refund.orderID.flatMap { byOrder[$0] })
        }
        if let item = refund.itemID {
            found = found.filter { $0.purchase.offer.itemID == item }
        }
        var left = refund.quantity ?? .max
        for row in found {
            let taken = min(left, row.left)
            row.left -= taken
            left -= taken
        }
        counts[found.isEmpty ? "unmatched" : "matched", default: 0] += 1
    }

    private func fate(_ example: Example) -> ExampleFate {
        let until = min(endMs, example.supersededMs)
        var fate = ExampleFate()
        if example.kind != .click {
            let deadline = example.tsMs + configuration.clickWindowMs
            if example.clicks.contains(where: { $0 < deadline }) {
                fate.clicked = true
            } else if deadline <= until {
                fate.clicked = false
            }
        }
        let waitEnd = example.tsMs + configuration.waitMs
        if let first = example.purchases.first, first.tsMs < waitEnd {
            fate.learned = .purchased(
                quantity: first.purchase.quantity, paid: first.purchase.paid)
        } else if waitEnd <= until {
            fate.learned = .notPurchased
        }
        let net = example.purchases.reduce(0) { $0 + $1.left }
        fate.final =
            net > 0
            ? .purchased(quantity: net, paid: example.purchases.last?.purchase.paid)
            : example.purchases.isEmpty ? fate.learned : .notPurchased
        return fate
    }
}

/// The fates that a join's outputs amount to.
func fates(_ outputs: [JoinOutput]) -> [String: ExampleFate] {
    var fates: [String: ExampleFate] = [:]
    var names: [ExampleID: String] = [:]
    for output in outputs {
        switch output {
        case .labelled(let example):
            // A recommendation that is issued again later opens another example.
            let name = "\(example.openedBy)@\(example.tsMs)"
            names[example.id] = name
            var fate = fates[name] ?? ExampleFate()
            switch example.label {
            case .clicked: fate.clicked = true
            case .notClicked: fate.clicked = false
            case .purchased, .notPurchased:
                fate.learned = example.label
                fate.final = example.label
            }
            fates[name] = fate
        case .corrected(let id, let label):
            if let name = names[id] { fates[name]?.final = label }
        case .converted(let example):
            if let name = names[example.id] { fates[name]?.final = example.label }
        default: break
        }
    }
    return fates
}
