import Daemon
import Foundation
import SnapshotStore
import Terminal

/// A difference as `--json` prints it, and in words.
struct DiffView: Encodable {
    let from: String
    let to: String
    let commits: Int64
    let tables: [Table]
    let metrics: [String: Change]
    let counters: [String: Change]
    let offsets: [Offset]
    let configuration: [String]
    var moves: SnapshotMoves?
    /// Why there are no moves.
    var without_model: String?

    struct Table: Encodable {
        let name: String
        let rows_changed: Int
        let rows_added: Int
        let rows_removed: Int
        let bytes_changed: Int
        let bytes: Int
    }

    struct Change: Encodable {
        let from: Double?
        let to: Double?
    }

    struct Offset: Encodable {
        let cluster: String
        let topic: String
        let partition: Int32
        let from: Int64?
        let to: Int64?
    }

    init(_ diff: SnapshotDiff) {
        from = diff.from.id
        to = diff.to.id
        commits = Int64(diff.to.sequence) - Int64(diff.from.sequence)
        tables = diff.tables.map {
            Table(
                name: $0.table.name, rows_changed: $0.rowsChanged, rows_added: $0.rowsAdded,
                rows_removed: $0.rowsRemoved, bytes_changed: $0.bytesChanged, bytes: $0.bytes)
        }
        metrics = Self.changes(
            MetricsJSON(text: diff.from.metrics).numbers, MetricsJSON(text: diff.to.metrics).numbers
        )
        counters = Dictionary(
            diff.counters.map { ($0.name, Change(from: Double($0.from), to: Double($0.to))) },
            uniquingKeysWith: { $1 })
        offsets = diff.offsets.map {
            Offset(
                cluster: $0.cluster, topic: $0.position.topic, partition: $0.position.partition,
                from: $0.from, to: $0.to)
        }
        configuration = diff.configuration.map { ($0.isAdded ? "+ " : "- ") + $0.text }
    }

    private static func changes(
        _ from: [(path: String, value: Double)], _ to: [(path: String, value: Double)]
    ) -> [String: Change] {
        let before = Dictionary(from.map { ($0.path, $0.value) }, uniquingKeysWith: { $1 })
        let after = Dictionary(to.map { ($0.path, $0.value) }, uniquingKeysWith: { $1 })
        var changes: [String: Change] = [:]
        for path in Set(before.keys).union(after.keys) where before[path] != after[path] {
            changes[path] = Change(from: before[path], to: after[path])
        }
        return changes
    }

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
