import Pricing
import Simulator

let day: Int64 = 86_400_000
/// 2026-03-01T00:00:00Z.
let spring: Int64 = 1_772_323_200_000

/// A run from start to finish; `respond` answers the visits that wait.
func run(
    _ shoppers: inout Shoppers, visits: Int, batch: Int = 100,
    respond: ([(userID: String, itemID: String)]) -> [Offer] = { _ in [] }
) -> [ShopEvent] {
    var events: [ShopEvent] = []
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

extension [ShopEvent] {
    var clicks: [ClickEvent] {
        compactMap { if case .click(let event) = $0 { event } else { nil } }
    }
    var purchases: [PurchaseEvent] {
        compactMap { if case .purchase(let event) = $0 { event } else { nil } }
    }
    var refunds: [RefundEvent] {
        compactMap { if case .refund(let event) = $0 { event } else { nil } }
    }
}
