import Events
import Pricing
import Records

/// Visits of a world whose purchases come late, with the truth about each: for measuring how
/// learning copes with delays.
///
/// Depths are drawn evenly from the grid. Every purchase falls inside the window, so that the true
/// probability of a purchase is the world's own. A value without clock or I/O.
public struct DelayedStream: Sendable {
    /// When visits come, and how long purchases take.
    public struct Plan: Sendable {
        /// Units: epoch milliseconds.
        public var startMs: Int64
        /// Event time from one visit to the next. Units: milliseconds.
        public var gapMs: Double
        /// No purchase comes later than this after its visit.
        public var windowMs: Int64
        /// Share of the purchases that are made soon, and how soon on average; the others take
        /// `slowMs` on average.
        public var soonShare = 0.4
        /// In the mean, of the soon ones. Units: milliseconds.
        public var soonMs = 600_000.0
        /// In the mean, of the others. Units: milliseconds.
        public var slowMs = 36_000_000.0
        /// By how much the purchase logit of everything rises and falls, a jump every `shiftMs`.
        public var shift = 0.0
        /// From one jump to the next. Units: milliseconds of event time.
        public var shiftMs: Int64 = 129_600_000

        /// Everything else has its default: no shift.
        public init(startMs: Int64, gapMs: Double, windowMs: Int64) {
            self.startMs = startMs
            self.gapMs = gapMs
            self.windowMs = windowMs
        }
    }

    /// One visit and what comes of it.
    public struct Visit: Sendable {
        /// Counted from 0.
        public let number: Int
        /// Epoch milliseconds.
        public let tsMs: Int64
        /// Its index in the world's items.
        public let item: Int
        /// What was shown, with the propensity of its depth.
        public let offer: Event.Offer
        /// The truth about shopper and item at that moment.
        public let demand: Demand
        /// When it ends in a purchase; `nil` where it does not.
        public let purchaseMs: Int64?

        /// The true probability of a purchase at the price shown.
        public var conversion: Double { demand.conversion(discount: offer.discount) }
    }

    /// The shop and its shoppers.
    public let world: World
    /// As it was given.
    public let plan: Plan
    private var random: SeededRandom
    private var number = 0

    /// A stream before its first visit; the world's seed determines it.
    public init(world: World, plan: Plan) {
        self.world = world
        self.plan = plan
        random = SeededRandom(seed: StableHash.of("delayed stream", seed: world.seed))
    }

    /// The next visit, no earlier than those before. The stream has no end.
    public mutating func next() -> Visit {
        let tsMs = plan.startMs + Int64((Double(number) + random.unit()) * plan.gapMs)
        let (shopper, item) = world.choices.draw(&random)
        let shown = world.randomPrice(item: item, unit: random.unit())
        let demand = demand(shopper: shopper, item: item, atMs: tsMs)
        var offer = Event.Offer(
            userID: world.shoppers[shopper].id, itemID: world.items[item].id,
            price: world.items[item].price, discount: shown.discount, propensity: shown.propensity)
        offer.context = [Event.Attribute("tier", .text(world.shoppers[shopper].tier))]
        let isBought = random.unit() < demand.conversion(discount: shown.discount)
        let delayMs = delayMs()
        defer { number += 1 }
        return Visit(
            number: number, tsMs: tsMs, item: item, offer: offer, demand: demand,
            purchaseMs: isBought ? tsMs + delayMs : nil)
    }

    private func demand(shopper: Int, item: Int, atMs: Int64) -> Demand {
        var demand = world.demand(shopper: shopper, item: item, atMs: atMs)
        let isHigh = (atMs - plan.startMs) / plan.shiftMs % 2 == 1
        demand.level += isHigh ? plan.shift : -plan.shift
        return demand
    }

    /// The share of purchases that come later than this after their visit.
    public func shareAfter(_ elapsedMs: Int64) -> Double {
        func survival(_ ms: Double) -> Double {
            plan.soonShare * exponential(-ms / plan.soonMs)
                + (1 - plan.soonShare) * exponential(-ms / plan.slowMs)
        }
        let end = survival(Double(plan.windowMs))
        return max(0, survival(Double(elapsedMs)) - end) / (1 - end)
    }

    private mutating func delayMs() -> Int64 {
        while true {
            let mean = random.unit() < plan.soonShare ? plan.soonMs : plan.slowMs
            let delayMs = 1 + Int64(-mean * naturalLogarithm(1 - random.unit()))
            if delayMs < plan.windowMs { return delayMs }
        }
    }
}
