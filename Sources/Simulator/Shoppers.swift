import Pricing
import Records

/// When and how a run of visits takes place.
public struct VisitPlan: Sendable, Hashable {
    public enum Discounts: Sendable, Hashable {
        /// The list price is shown; what a recommendation says is offered.
        case recommended
        /// Depths are drawn evenly from the grid and shown at once: for logs to learn from.
        case random
    }

    /// Event time of the first visit. Units: epoch milliseconds.
    public var startMs: Int64
    /// Event time from one visit to the next. Units: milliseconds.
    public var gapMs: Double
    public var discounts: Discounts
    public var fixedDepths: [Double]
    /// Visits in each window of the scoreboard.
    public var windowVisits: Int

    public init(
        startMs: Int64, gapMs: Double, discounts: Discounts = .recommended,
        fixedDepths: [Double] = [0.1, 0.2, 0.3], windowVisits: Int = 1000
    ) {
        self.startMs = startMs
        self.gapMs = gapMs
        self.discounts = discounts
        self.fixedDepths = fixedDepths
        self.windowVisits = windowVisits
    }

    /// A plan of `visits` visits over a span of event time that ends at `endMs`.
    public static func ending(
        atMs endMs: Int64, visits: Int, spanMs: Int64, discounts: Discounts = .recommended
    ) -> VisitPlan {
        VisitPlan(
            startMs: endMs - spanMs, gapMs: Double(spanMs) / Double(max(1, visits)),
            discounts: discounts, windowVisits: max(1, (visits + 9) / 10))
    }
}

/// The shoppers of a world, as a state machine: it says which events go out, is told which offers
/// came back, and says which purchases and refunds follow. No clock, no I/O.
///
/// Events come out in the order of their time, except that a purchase is never earlier than the
/// clicks already given out.
public struct Shoppers: Sendable {
    public let world: World
    public let plan: VisitPlan
    public private(set) var scoreboard: Scoreboard
    /// Visits made so far.
    public private(set) var visitCount = 0

    private var arrivals: SeededRandom
    private let runID: String
    private let runSeed: UInt64
    private var queue = EventQueue()
    private var open: [Visit] = []
    /// Offers that came too late for their visit, or may be shown again.
    private var held: [Pair: Offer] = [:]
    private var heldBound = 1024
    private var clockMs: Int64

    private struct Pair: Hashable {
        let user: String
        let item: String
    }

    private struct Visit {
        let index: Int
        let shopper: Int
        let item: Int
        let tsMs: Int64
    }

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
    public func catalogue() -> [ShopEvent] {
        world.items.map { item in
            .item(
                ItemEvent(
                    eventID: "\(runID)-\(item.id)", tsMs: plan.startMs, itemID: item.id,
                    title: item.title, category: item.category, brand: item.brand,
                    price: item.price, cost: item.costIsKnown ? item.cost : nil,
                    stock: item.stock))
        }
    }

    /// Makes the next visits: their clicks, and whatever else falls due before the last of them.
    ///
    /// With recommended discounts the visits stay open until `offer` is called; visits left open
    /// by then are closed at the list price.
    public mutating func nextVisits(_ count: Int) -> [ShopEvent] {
        var events = close(offers: [:])
        for _ in 0..<max(0, count) {
            let index = visitCount
            visitCount += 1
            // Evenly spread with a random place inside the gap: never past the plan's end.
            let place = (Double(index) + arrivals.unit()) * plan.gapMs
            let tsMs = max(clockMs, plan.startMs + Int64(place))
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

    /// The user and item of every visit that waits for an offer.
    public var awaited: [(userID: String, itemID: String)] {
        open.map { (world.shoppers[$0.shopper].id, world.items[$0.item].id) }
    }

    /// Closes the open visits: each at the newest offer for its user and item, or at the list
    /// price where none came. Offers for nobody waiting are kept until they expire.
    ///
    /// - Returns: the events that follow at once; later ones come with later visits.
    public mutating func offer(_ received: [Offer]) -> [ShopEvent] {
        var offers: [Pair: Offer] = [:]
        for offer in received { offers[Pair(user: offer.userID, item: offer.itemID)] = offer }
        return close(offers: offers)
    }

    /// What is still due by the plan's end, after `visits` visits in all. Purchases and refunds
    /// that would come later are not told: they have not happened yet.
    public mutating func finish() -> [ShopEvent] {
        let events = close(offers: [:])
        clockMs = max(clockMs, plan.startMs + Int64(Double(visitCount) * plan.gapMs))
        return events + due(upTo: clockMs)
    }

    /// Purchases and refunds that lie beyond the clock.
    public var pendingCount: Int { queue.count }

    private mutating func close(offers: [Pair: Offer]) -> [ShopEvent] {
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

    private func stillValid(_ offer: Offer?, atMs: Int64) -> Offer? {
        guard let offer, let expiry = offer.expiresAtMs, expiry >= atMs else { return nil }
        return offer
    }

    private mutating func due(upTo tsMs: Int64) -> [ShopEvent] {
        var events: [ShopEvent] = []
        while let event = queue.next(upTo: tsMs) { events.append(event) }
        return events
    }
}

extension Shoppers {
    /// What a shopper is shown at one visit.
    private struct Shown {
        var discount: Double
        var price: Double
        var propensity: Double?
        var recommendationID: String?

        init(_ offer: Offer) {
            discount = offer.discount
            price = offer.price
            propensity = offer.propensity
            recommendationID = offer.recommendationID
        }

        init(price: Double, discount: Double = 0, propensity: Double? = nil) {
            self.price = price
            self.discount = discount
            self.propensity = propensity
        }
    }

    /// A depth drawn evenly from the grid, under the shop's rules.
    private func randomPrice(_ visit: Visit) -> Shown {
        var random = draws(visit, "price")
        let drawn = world.randomPrice(item: visit.item, unit: random.unit())
        return Shown(
            price: drawn.price, discount: drawn.discount, propensity: drawn.propensity)
    }

    private func click(_ visit: Visit, _ shown: Shown?) -> ShopEvent {
        let shopper = world.shoppers[visit.shopper]
        let item = world.items[visit.item]
        var random = draws(visit, "device")
        return .click(
            ClickEvent(
                eventID: "\(runID)-c\(visit.index)", tsMs: visit.tsMs, userID: shopper.id,
                itemID: item.id, price: item.price, discount: shown?.discount ?? 0,
                propensity: shown?.propensity, sessionID: "\(runID)-s\(visit.index)",
                device: pick(["mobile", "mobile", "desktop", "tablet"], &random),
                tier: shopper.tier))
    }

    /// The shopper decides, by the truth at the price shown; every strategy is counted.
    private mutating func settle(_ visit: Visit, _ given: Shown?) {
        let item = world.items[visit.item]
        let shown = given ?? Shown(price: item.price)
        let demand = world.demand(shopper: visit.shopper, item: visit.item, atMs: visit.tsMs)
        // What counts for the shopper is the price, whatever the offer calls its discount.
        let offered = world.outcome(
            item: visit.item, demand: demand, price: shown.price,
            discount: 1 - shown.price / item.price)
        let none = world.outcome(
            item: visit.item, demand: demand, price: item.price, discount: 0)
        let fixed = plan.fixedDepths.map {
            world.fixed(depth: $0, item: visit.item, demand: demand)
        }
        scoreboard.add(
            [offered, none] + fixed + [world.oracle(item: visit.item, demand: demand)],
            hadOffer: given != nil)
        var random = draws(visit, "purchase")
        if random.unit() < offered.conversion { buy(visit, shown, &random) }
    }

    private mutating func buy(_ visit: Visit, _ shown: Shown, _ random: inout SeededRandom) {
        let shopper = world.shoppers[visit.shopper]
        let item = world.items[visit.item]
        let units = world.drawnUnits(item: visit.item, &random)
        let waitMs = purchaseDelayMs(&random)
        let purchase = PurchaseEvent(
            eventID: "\(runID)-p\(visit.index)", tsMs: max(clockMs, visit.tsMs + waitMs),
            userID: shopper.id, itemID: item.id, price: item.price, discount: shown.discount,
            propensity: shown.propensity, recommendationID: shown.recommendationID,
            quantity: units, paid: shown.price, orderID: "\(runID)-o\(visit.index)",
            sessionID: "\(runID)-s\(visit.index)")
        queue.insert(.purchase(purchase))
        scoreboard.realised.purchases += 1
        scoreboard.realised.units += units
        guard random.unit() < item.refundRate else {
            scoreboard.realised.margin += (shown.price - item.cost) * Double(units)
            return
        }
        scoreboard.realised.refunds += 1
        let backMs = Int64(86_400_000 * (1 + 5 * random.unit()))
        queue.insert(
            .refund(
                RefundEvent(
                    eventID: "\(runID)-r\(visit.index)", tsMs: purchase.tsMs + backMs,
                    userID: shopper.id, itemID: item.id, quantity: units,
                    orderID: purchase.orderID)))
    }

    /// Most buy within minutes; others come back within hours, half a day at most.
    private func purchaseDelayMs(_ random: inout SeededRandom) -> Int64 {
        let soon = random.unit() < 0.65
        let u = random.unit()
        if soon { return Int64(20_000 + 580_000 * u) }
        return min(Int64(-7_200_000 * naturalLogarithm(1 - u)), 43_200_000)
    }

    /// A stream of its own for each visit and purpose, so that what is offered at one visit
    /// changes nothing at another.
    private func draws(_ visit: Visit, _ purpose: String) -> SeededRandom {
        var hash = StableHash(seed: runSeed)
        hash.combine(purpose)
        hash.combine(UInt64(visit.index))
        return SeededRandom(seed: hash.value)
    }
}
