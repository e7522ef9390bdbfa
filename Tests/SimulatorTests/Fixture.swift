import Events
import Pricing
import Simulator

let day: Int64 = 86_400_000
/// 2026-03-01T00:00:00Z.
let spring: Int64 = 1_772_323_200_000

/// A run from start to finish; `respond` answers the visits that wait.
func run(
    _ shoppers: inout Shoppers, visits: Int, batch: Int = 100,
    respond: ([(userID: String, itemID: String)]) -> [ReceivedOffer] = { _ in [] }
) -> [Event] {
    var events: [Event] = []
    while shoppers.visitCount < visits {
        events += shoppers.nextVisits(min(batch, visits - shoppers.visitCount))
        events += shoppers.offer(respond(shoppers.awaited))
    }
    return events + shoppers.finish()
}

func shoppers(
    seed: UInt64 = 1, visits: Int, discounts: VisitPlan.Discounts = .recommended,
    pricing: PricingConfiguration = PricingConfiguration()
) throws -> Shoppers {
    Shoppers(
        world: try World(seed: seed, configuration: WorldConfiguration(pricing: pricing)),
        plan: .ending(atMs: spring, visits: visits, spanMs: 28 * day, discounts: discounts))
}

extension [Event] {
    var clicks: [(event: Event, offer: Event.Offer)] {
        compactMap { if case .click(let offer) = $0.body { ($0, offer) } else { nil } }
    }
    var purchases: [(event: Event, purchase: Event.Purchase)] {
        compactMap { if case .purchase(let purchase) = $0.body { ($0, purchase) } else { nil } }
    }
    var refunds: [(event: Event, refund: Event.Refund)] {
        compactMap { if case .refund(let refund) = $0.body { ($0, refund) } else { nil } }
    }
}
