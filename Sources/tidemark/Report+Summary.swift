import ContinualLearning
import Daemon
import Events
import Records
import Terminal

extension Report {
    /// The report in plain words and small tables.
    func summary() -> String {
        [
            eventsSummary, scoresSummary, windowsSummary, quantitySummary, effectsSummary,
            budgetTable(budgets), outcomeSummary,
        ]
        .filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    private var eventsSummary: String {
        let types = events.byType.sorted { $0.key < $1.key }
            .map { "\(grouped($0.value)) \($0.key)" }.joined(separator: ", ")
        var text = "\(grouped(events.read)) events read"
        if !types.isEmpty { text += " (\(types))" }
        let others = [
            (events.deadLettered, "to the dead letters"), (events.duplicates, "duplicates"),
            (events.late, "too late to learn"),
        ].filter { $0.0 > 0 }.map { "\(grouped($0.0)) \($0.1)" }
        if !others.isEmpty { text += "; " + others.joined(separator: ", ") }
        text += "\n\(grouped(examples)) examples learned; \(fixed(wallSeconds, 1)) s, "
        text += "\(grouped(Int(saturating: eventsPerSecond))) events/s"
        return text
    }

    private var scoresSummary: String {
        guard !progressive.isEmpty else { return "" }
        return scoreTable("predicted before learned", progressive) + "\n" + scoreLegend
    }

    private var windowsSummary: String {
        guard windows.count > 1 else { return "" }
        var table = TextTable([
            ("until", .left), ("head", .left), ("examples", .right), ("log-loss", .right),
            ("NE", .right),
        ])
        // A dozen rows are enough to see where it goes.
        let stride = max(1, (windows.count + 11) / 12)
        for (index, window) in windows.enumerated()
        where index % stride == 0 || index == windows.count - 1 {
            for (head, score) in window.progressive.sorted(by: { $0.key < $1.key }) {
                table.add(
                    Timestamp.text(ms: window.toTsMs), head, grouped(score.count),
                    fixed(score.logLoss, 4), fixed(score.normalizedEntropy, 4))
            }
        }
        return "Over time\n" + table.rendered()
    }

    private var quantitySummary: String {
        guard let quantity else { return "" }
        var table = TextTable([
            ("units of a purchase", .left), ("purchases", .right), ("mean", .right),
            ("predicted", .right), ("deviance", .right), ("of the mean", .right),
            ("of the item's mean", .right),
        ])
        table.add(
            "predicted before learned", grouped(quantity.count), fixed(quantity.mean, 2),
            fixed(quantity.predictedMean, 2), fixed(quantity.deviance, 4),
            fixed(quantity.devianceOfMean, 4), fixed(quantity.devianceOfItemMean, 4))
        return table.rendered()
    }

    /// What discounts of our own were found to do, in a line.
    private var effectsSummary: String {
        guard let effects, effects.decidedRows > 0 else { return "" }
        let rows = "\(grouped(effects.decidedRows)) rows of our own decisions"
        guard effects.slope.unconstrained > 1.645 * effects.slope.deviation else {
            return "discounts: in \(rows) not shown to do anything beyond chance"
        }
        // At 20 % off, where most shops have been.
        let depth = -naturalLogarithm(0.8)
        let logit = effects.step.unconstrained + depth * effects.slope.unconstrained
        let spread = 1.645 * depth * effects.slope.deviation
        let odds = [logit, logit - spread, logit + spread].map { fixed(exponential($0), 2) }
        return
            "discounts: shown to be answered to, in \(rows); at 20 % off the odds of a purchase are "
            + "\(odds[0]) times as high (\(odds[1]) to \(odds[2]))"
    }

    private var outcomeSummary: String {
        var lines = [
            "refreshes of the adapters: \(guards.gatePassed) promoted, \(guards.gateRejected) rejected",
            "recommendations: \(grouped(recommendations.published)), rule violations: \(recommendations.ruleViolations)",
            "state \(stateSHA256)",
        ]
        if let shadow = recommendations.shadow { lines.insert(shadow.summary, at: 2) }
        if !head.isEmpty { lines.append("head snapshot \(head), \(snapshots.count) kept") }
        return lines.joined(separator: "\n")
    }
}

extension Report.Recommendations.Shadow {
    fileprivate var summary: String {
        let share = 100 * Double(discounted) / Double(decisions)
        return "in shadow: \(grouped(decisions)) decisions, "
            + "\(fixed(share, 0)) % for a discount, of "
            + "\(fixed(100 * meanDiscount, 0)) % in the mean, expected to add "
            + "\(fixed(incrementalMargin, 2)) to the margin"
    }
}

/// Scores under their names, in the names' order.
func scoreTable(_ title: String, _ scores: [String: ScoreReport]) -> String {
    var table = TextTable([
        (title, .left), ("examples", .right), ("positive", .right), ("log-loss", .right),
        ("NE", .right), ("AUC", .right), ("ECE", .right), ("pred/obs", .right),
    ])
    for (name, score) in scores.sorted(by: { $0.key < $1.key }) {
        table.add(
            name, grouped(score.count), grouped(score.positives), fixed(score.logLoss, 4),
            fixed(score.normalizedEntropy, 4), fixed(score.auc, 4), fixed(score.ece, 4),
            fixed(score.predictedObservedRatio, 3))
    }
    return table.rendered()
}

let scoreLegend = "NE: log-loss over that of the base rate; below 1 is learned."
