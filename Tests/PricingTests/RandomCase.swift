import Pricing
import Records

/// One random pricing problem: configuration, item and demand, drawn from a seed.
struct RandomCase {
    var configuration: PricingConfiguration
    var item: ItemOffer
    var demand: [DemandPoint]
    var holdout: Bool

    init(_ random: inout SeededRandom) {
        func chance(_ p: Double) -> Bool { random.unit() < p }
        let step = [0.01, 0.05, 0.1, 0.033][Int(random.unit() * 4)]
        let count = 1 + Int(random.unit() * 10)
        let depths = (0..<count).map { Double($0) * step }
        configuration = PricingConfiguration(
            depths: depths, maximumDepth: [0, 0.07, 0.2, 0.35, 0.5, 0.9][Int(random.unit() * 6)],
            marginFloor: [0, 0.05, 0.2, 0.5][Int(random.unit() * 4)],
            exploration: chance(0.8) ? .epsilonGreedy : .none, epsilon: random.unit())
        configuration.killSwitch = chance(0.03)
        configuration.costFraction = chance(0.3) ? random.unit() : nil
        // From half a cent to 100,000; most in whole cents, some not.
        var price = exponential(random.unit() * 17 - 5.3)
        if chance(0.9) { price = max(1, (price * 100).rounded()) / 100 }
        item = ItemOffer(
            price: price, cost: chance(0.9) ? price * random.unit() * 1.3 : nil,
            stock: chance(0.5) ? Double(Int(random.unit() * 20) - 1) : nil, deleted: chance(0.03))
        let level = random.normal() * 2 - 2
        let slope = random.normal() * 4 + 2
        demand = depths.map {
            DemandPoint(
                depth: $0, probability: logistic(level + slope * $0),
                expectedQuantity: 1 + random.unit())
        }
        holdout = chance(0.05)
    }

    /// The cost the decision may count on, by the definition in the configuration.
    var cost: Double? { item.cost ?? configuration.costFraction.map { $0 * item.price } }

    /// What the decision breaks, judged from the definitions alone.
    func violations(_ decision: Decision) -> [String] {
        var broken: [String] = []
        let list = item.price
        let slack = list * 1e-9
        for action in decision.actions where action.price != list {
            if action.price > list { broken.append("above list price") }
            if action.price < 0.01 - 1e-12 { broken.append("below a cent") }
            if action.price < list * (1 - configuration.maximumDepth) - slack {
                broken.append("maximum depth")
            }
            if action.discount > configuration.maximumDepth + 1e-9 {
                broken.append("reported above maximum depth")
            }
            if let cost {
                if action.price - cost < configuration.marginFloor * list - slack {
                    broken.append("margin floor")
                }
            } else {
                broken.append("unknown cost")
            }
            if configuration.killSwitch { broken.append("kill switch") }
            if item.deleted { broken.append("deleted item") }
            if let stock = item.stock, stock <= 0 { broken.append("out of stock") }
            if holdout { broken.append("hold-out") }
            if abs(action.discount - (1 - action.price / list)) > 1.001e-6 {
                broken.append("reported is not delivered")
            }
            let cents = action.price * 100
            if abs(cents - cents.rounded()) > 1e-9 * max(1, cents) {
                broken.append("not in whole cents")
            }
        }
        if !decision.actions.contains(where: {
            $0.price == decision.price && $0.discount == decision.discount
                && $0.propensity == decision.propensity
        }) {
            broken.append("not in its own action set")
        }
        if !decision.explored, decision.discount > 0, decision.incrementalMargin <= 0 {
            broken.append("a discount that earns nothing")
        }
        return broken
    }
}
