import Events
import Records

/// The shoppers of a world, as a state machine: it says which events go out, is told which offers
/// came back, and says which purchases and refunds follow. No clock, no I/O.
///
/// Events come out in the order of their time, except that a purchase is never earlier than the
/// clicks already given out.
public struct Shoppers: Sendable {
    /// The shop and its shoppers.
    public let world: World
    /// When and how the visits take place.
    public let plan: VisitPlan
    /// What each strategy would have earned so far.
    public internal(set) var scoreboard: Scoreboard
    /// Visits made so far.
    public private(set) var visitCount = 0

    private var arrivals: SeededRandom
    let runID: String
    let runSeed: UInt64
    var queue = EventQueue()
    private var open: [Visit] = []
    /// Offers that came too late for their visit, or may be shown again.
    private var held: [Pair: ReceivedOffer] = [:]
    private var heldBound = 1024
    private(set) var clockMs: Int64

    private struct Pair: Hashable {
        let user: String
        let item: String
    }

    struct Visit {
        let index: Int
        let shopper: Int
        let item: Int
        let tsMs: Int64
    }

    /// Shoppers before their first visit; the world's seed and the plan's start determine them.
    public init(world: World, plan: VisitPlan) {
        self.world = world
        self.plan = plan
        scoreboard = Scoreboard(fixedDepths: plan.fixedDepths, windowVisits: plan.windowVisits)
        var hash = StableHash(seed: world.seed)
        hash.combine("visits")
        hash.combine(UInt64(bitPattern: plan.startMs))
        runSeed = hash.value
        runID = String(runSeed >> 24, radix: 36)
        arrivals = SeededRandom(seed: runSeed)
        clockMs = plan.startMs
    }

    /// The whole catalogue, as of the start.
    public func catalogue() -> [Event] {
        world.items.map { item in
            Event(
                eventID: "\(runID)-\(item.id)", tsMs: plan.startMs,
                body: .item(
                    Event.Item(
                        itemID: item.id, title: item.title, category: item.category,
                        brand: item.brand, price: item.price,
                        cost: item.costIsKnown ? item.cost : nil, stock: Double(item.stock))))
        }
    }

    /// Makes the next visits: their clicks, and whatever else falls due before the last of them.
    ///
    /// With recommended discounts the visits stay open until `offer` is called; visits left open
    /// by then are closed at the list price.
    public mutating func nextVisits(_ count: Int) -> [Event] {
        var events = close(offers: [:])
        let firstMs = Double(visitCount) * plan.gapMs
        // Those who wait for their offers together came together, whatever the speed of event
        // time; otherwise the first of them would wait for hours of it.
        let spacingMs = plan.discounts == .recommended ? min(plan.gapMs, 250) : plan.gapMs
        for place in 0..<max(0, count) {
            let index = visitCount
            visitCount += 1
            // At a random place inside its space: never past the plan's end.
            let offsetMs = firstMs + (Double(place) + arrivals.unit()) * spacingMs
            let tsMs = max(clockMs, plan.startMs + Int64(offsetMs))
            events += due(upTo: tsMs)
            clockMs = tsMs
            let (shopper, item) = world.choices.draw(&arrivals)
            let visit = Visit(index: index, shopper: shopper, item: item, tsMs: tsMs)
            switch plan.discounts {
            case .recommended:
                events.append(click(visit, nil))
                open.append(visit)
            case .random:
                let price = randomPrice(visit)
                events.append(click(visit, price))
                settle(visit, price)
            }
        }
        return events
    }

    /// The user and item of every visit that waits for an offer. One that still stands is not
    /// published again, so nobody waits for it.
    public var awaited: [(userID: String, itemID: String)] {
        open.compactMap { visit in
            let (user, item) = (world.shoppers[visit.shopper].id, world.items[visit.item].id)
            let standing = held[Pair(user: user, item: item)]
            return stillValid(standing, atMs: visit.tsMs) == nil ? (user, item) : nil
        }
    }

    /// Closes the open visits: each at the newest offer for its user and item, or at the list
    /// price where none came. Offers for nobody waiting are kept until they expire.
    ///
    /// - Returns: the events that follow at once; later ones come with later visits.
    public mutating func offer(_ received: [ReceivedOffer]) -> [Event] {
        var offers: [Pair: ReceivedOffer] = [:]
        for offer in received { offers[Pair(user: offer.userID, item: offer.itemID)] = offer }
        return close(offers: offers)
    }

    /// What is still due by the plan's end, after `visits` visits in all. Purchases and refunds
    /// that would come later are not told: they have not happened yet.
    public mutating func finish() -> [Event] {
        let events = close(offers: [:])
        clockMs = max(clockMs, plan.startMs + Int64(Double(visitCount) * plan.gapMs))
        return events + due(upTo: clockMs)
    }

    /// Purchases and refunds that lie beyond the clock.
    public var pendingCount: Int { queue.count }

    private mutating func close(offers: [Pair: ReceivedOffer]) -> [Event] {
        for visit in open {
            let pair = Pair(
                user: world.shoppers[visit.shopper].id, item: world.items[visit.item].id)
            let offer = offers[pair] ?? stillValid(held[pair], atMs: visit.tsMs)
            settle(visit, offer.map { Shown($0) })
        }
        open.removeAll(keepingCapacity: true)
        held.merge(offers) { $1 }
        if held.count > heldBound {
            held = held.filter { stillValid($0.value, atMs: clockMs) != nil }
            heldBound = max(1024, 2 * held.count)
        }
        return due(upTo: clockMs)
    }

    private func stillValid(_ offer: ReceivedOffer?, atMs: Int64) -> ReceivedOffer? {
        guard let offer, let expiry = offer.expiresAtMs, expiry >= atMs else { return nil }
        return offer
    }

    private mutating func due(upTo tsMs: Int64) -> [Event] {
        var events: [Event] = []
        while let event = queue.next(upTo: tsMs) { events.append(event) }
        return events
    }
}
