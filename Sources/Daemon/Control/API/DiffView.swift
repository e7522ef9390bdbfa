import Foundation
import SnapshotStore

/// A difference between two snapshots as `--json` prints it.
package struct DiffView: Codable {
    package let from: String
    package let to: String
    package let commits: Int64
    package let tables: [Table]
    package let metrics: [String: Change]
    package let counters: [String: Change]
    package let offsets: [Offset]
    package let configuration: [String]
    package var moves: SnapshotMoves?
    /// Why there are no moves.
    package var without_model: String?

    package struct Table: Codable {
        package let name: String
        package let rows_changed: Int
        package let rows_added: Int
        package let rows_removed: Int
        package let bytes_changed: Int
        package let bytes: Int
    }

    package struct Change: Codable {
        package let from: Double?
        package let to: Double?
    }

    package struct Offset: Codable {
        package let cluster: String
        package let topic: String
        package let partition: Int32
        package let from: Int64?
        package let to: Int64?
    }

    package init(_ diff: SnapshotDiff) {
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
}
