import Events
import Pricing
import Records

extension Shoppers {
    /// What a shopper is shown at one visit.
    struct Shown {
        var discount: Double
        var price: Double
        var propensity: Double?
        var recommendationID: String?

        init(_ offer: ReceivedOffer) {
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
    func randomPrice(_ visit: Visit) -> Shown {
        var random = draws(visit, "price")
        let drawn = world.randomPrice(item: visit.item, unit: random.unit())
        return Shown(
            price: drawn.price, discount: drawn.discount, propensity: drawn.propensity)
    }

    func click(_ visit: Visit, _ shown: Shown?) -> Event {
        var random = draws(visit, "device")
        let device = pick(["mobile", "mobile", "desktop", "tablet"], &random)
        var offer = self.offer(visit, shown)
        offer.context = [
            Event.Attribute("device", .text(device)),
            Event.Attribute("tier", .text(world.shoppers[visit.shopper].tier)),
        ]
        return Event(eventID: "\(runID)-c\(visit.index)", tsMs: visit.tsMs, body: .click(offer))
    }

    private func offer(_ visit: Visit, _ shown: Shown?) -> Event.Offer {
        let item = world.items[visit.item]
        var offer = Event.Offer(
            userID: world.shoppers[visit.shopper].id, itemID: item.id, price: item.price,
            discount: shown?.discount ?? 0, recommendationID: shown?.recommendationID,
            propensity: shown?.propensity)
        offer.sessionID = "\(runID)-s\(visit.index)"
        return offer
    }

    /// The shopper decides, by the truth at the price shown; every strategy is counted.
    mutating func settle(_ visit: Visit, _ given: Shown?) {
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
        let item = world.items[visit.item]
        let units = world.drawnUnits(item: visit.item, &random)
        let boughtMs = max(clockMs, visit.tsMs + purchaseDelayMs(&random))
        let orderID = "\(runID)-o\(visit.index)"
        queue.insert(
            Event(
                eventID: "\(runID)-p\(visit.index)", tsMs: boughtMs,
                body: .purchase(
                    Event.Purchase(
                        offer: offer(visit, shown), quantity: units, paid: shown.price,
                        orderID: orderID))))
        scoreboard.realised.purchases += 1
        scoreboard.realised.units += units
        guard random.unit() < item.truth.refundRate else {
            scoreboard.realised.margin += (shown.price - item.cost) * Double(units)
            return
        }
        scoreboard.realised.refunds += 1
        queue.insert(
            Event(
                eventID: "\(runID)-r\(visit.index)",
                tsMs: boughtMs + Int64(86_400_000 * (1 + 5 * random.unit())),
                body: .refund(
                    Event.Refund(
                        userID: world.shoppers[visit.shopper].id, orderID: orderID,
                        itemID: item.id, quantity: units))))
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
