import Engine
import Telemetry

extension DaemonControl {
    /// Of each budget what it limits, by its name.
    static func metrics(_ budgets: [BudgetReport]) -> [Metric] {
        func gauge(
            _ name: String, _ help: String, _ value: (BudgetReport.Resource) -> Double
        ) -> Metric {
            var samples: [Metric.Sample] = []
            for budget in budgets {
                for (resource, kind) in [(budget.spend, "spend"), (budget.uses, "uses")] {
                    guard let resource else { continue }
                    samples.append(
                        .init(value(resource), [("budget", budget.name), ("resource", kind)]))
                }
            }
            return Metric(.gauge, name, help, samples)
        }
        guard !budgets.isEmpty else { return [] }
        return [
            gauge("budget_limit", "What a budget's period may take, money or purchases.", \.limit),
            gauge("budget_spent", "What purchases took of it.", \.spent),
            gauge("budget_reserved", "What standing offers would take of it.", \.reserved),
            gauge("budget_left", "What new offers may take; below 0, too much was taken.", \.left),
            gauge("budget_multiplier", "What pacing charges for it in decisions.", \.multiplier),
        ]
    }
}
