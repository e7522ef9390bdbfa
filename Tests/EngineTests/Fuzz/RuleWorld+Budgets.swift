import Pricing
import Records

extension RuleWorld {
    /// Random budgets; in many worlds none.
    static func budgets(_ random: inout SeededRandom) -> [Budget] {
        func chance(_ p: Double) -> Bool { random.unit() < p }
        func pick<T>(_ values: [T]) -> T { values[Int(random.unit() * Double(values.count))] }
        guard chance(0.6) else { return [] }
        let dayMs: Int64 = 86_400_000
        return (0..<(1 + Int(random.unit() * 3))).map { number in
            var scope = Budget.Scope()
            if chance(0.3) { scope.categories = [pick(["Kitchen", "Wine", "Wine / Red"])] }
            if chance(0.2) { scope.brands = ["Boil"] }
            if chance(0.2) { scope.items = ["item 1"] }
            let fromMs = 1_795_000_000_000 + Int64(random.unit() * 3) * dayMs
            let zone = pick(["UTC", "Asia/Tokyo"])
            let period: BudgetPeriod = pick([
                .calendar(.day, timeZone: zone), .calendar(.week, timeZone: zone),
                .calendar(.month, timeZone: zone),
                .campaign(fromMs: fromMs, untilMs: fromMs + 1 + Int64(random.unit() * 9) * dayMs),
            ])
            let isOfMoney = chance(0.7)
            return Budget(
                name: "budget \(number)", scope: scope, period: period,
                spendMax: isOfMoney
                    ? 1 + Int64(exponential(random.unit() * 5.5 + 2.5)) : nil,
                usesMax: !isOfMoney || chance(0.3) ? 1 + Int64(random.unit() * 8) : nil,
                units: chance(0.2) ? Int64(pick([1, 4])) : nil, isPaced: chance(0.7))
        }
    }
}
