import Engine
import Terminal

/// How the budgets stand, as a table; empty where there are none.
func budgetTable(_ budgets: [BudgetReport]) -> String {
    guard !budgets.isEmpty else { return "" }
    var table = TextTable([
        ("BUDGET", .left), ("PERIOD", .left), ("OF", .left), ("LIMIT", .right), ("SPENT", .right),
        ("RESERVED", .right), ("LEFT", .right), ("MULTIPLIER", .right),
    ])
    for budget in budgets {
        let period = budget.period + (budget.from.map { " from \($0)" } ?? "")
        for (resource, kind, decimals) in [(budget.spend, "money", 2), (budget.uses, "uses", 0)] {
            guard let resource else { continue }
            table.add(
                budget.name, period, kind, fixed(resource.limit, decimals),
                fixed(resource.spent, decimals), fixed(resource.reserved, decimals),
                fixed(resource.left, decimals), fixed(resource.multiplier, 4))
        }
    }
    return table.rendered()
}
