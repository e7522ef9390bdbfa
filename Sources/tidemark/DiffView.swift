import Daemon
import Foundation
import Terminal

/// A difference in words.
extension DiffView {
    var text: String {
        var parts = ["From \(from) to \(to), \(commits) commits."]
        if !tables.isEmpty {
            var table = TextTable([
                ("WEIGHTS", .left), ("ROWS CHANGED", .right), ("ADDED", .right),
                ("REMOVED", .right), ("CHANGED", .right), ("OF", .right),
            ])
            for row in tables {
                table.add(
                    row.name, String(row.rows_changed), String(row.rows_added),
                    String(row.rows_removed), SnapshotText.megabytes(row.bytes_changed),
                    SnapshotText.megabytes(row.bytes))
            }
            parts.append(table.rendered())
        }
        for (title, changes) in [("METRIC", metrics), ("TOTAL", counters)] where !changes.isEmpty {
            var table = TextTable([(title, .left), ("BEFORE", .right), ("AFTER", .right)])
            for (name, change) in changes.sorted(by: { $0.key < $1.key }) {
                table.add(name, figure(change.from), figure(change.to))
            }
            parts.append(table.rendered())
        }
        if !offsets.isEmpty {
            var table = TextTable([("PARTITION", .left), ("BEFORE", .right), ("AFTER", .right)])
            for row in offsets {
                table.add(
                    "\(row.topic):\(row.partition)", row.from.map(String.init) ?? "-",
                    row.to.map(String.init) ?? "-")
            }
            parts.append(table.rendered())
        }
        parts.append(
            configuration.isEmpty
                ? "The configuration is the same."
                : "Configuration:\n" + configuration.joined(separator: "\n"))
        if let moves {
            parts += [tensorTable(moves), itemTable(moves)]
            for id in moves.stateOfToday {
                parts.append(
                    "Prices and examples of snapshot \(id) are those of today: its own are beyond the undo horizon."
                )
            }
        }
        if let without_model {
            parts.append("Weights and discounts are not compared: \(without_model)")
        }
        return parts.joined(separator: "\n\n")
    }

    private func tensorTable(_ moves: SnapshotMoves) -> String {
        var table = TextTable([
            ("TENSOR", .left), ("NORM BEFORE", .right), ("AFTER", .right),
            ("OF THE CHANGE", .right),
        ])
        for tensor in moves.tensors {
            table.add(
                tensor.name, figure(tensor.before), figure(tensor.after), figure(tensor.change))
        }
        return table.rendered()
    }

    private func itemTable(_ moves: SnapshotMoves) -> String {
        guard !moves.items.isEmpty else { return "No item with a price has been learned from." }
        var table = TextTable([
            ("ITEM", .left), ("EXAMPLES", .right), ("PRICE BEFORE", .right), ("AFTER", .right),
            ("DISCOUNT BEFORE", .right),
            ("AFTER", .right), ("CONVERSION BEFORE", .right), ("AFTER", .right),
        ])
        func percent(_ value: Double) -> String { String(format: "%.1f %%", 100 * value) }
        for item in moves.items {
            table.add(
                item.title.map { "\(item.itemID) \($0)" } ?? item.itemID,
                String(format: "%.0f", item.examples),
                item.priceBefore.map { String(format: "%.2f", $0) } ?? "-",
                String(format: "%.2f", item.price),
                percent(item.discountBefore), percent(item.discountAfter),
                percent(item.conversionBefore), percent(item.conversionAfter))
        }
        return table.rendered()
    }

    private func figure(_ value: Double?) -> String {
        value.map { String(format: $0 == $0.rounded() ? "%.0f" : "%.5f", $0) } ?? "-"
    }
}
