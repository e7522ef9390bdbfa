import Records

/// What lies between two snapshots, as far as the store knows.
public struct SnapshotDiff: Sendable {
    /// What differs in one table.
    public struct TableDiff: Sendable {
        /// Which table it is.
        public let table: StateTable
        /// Rows that both have, with other values.
        public let rowsChanged: Int
        /// Rows of the second one alone.
        public let rowsAdded: Int
        /// Rows of the first one alone.
        public let rowsRemoved: Int
        /// Bytes of rows that differ, as they are in the second one.
        public let bytesChanged: Int
        /// Bytes of the table in the second one.
        public let bytes: Int
    }

    /// A partition whose next offset differs.
    public struct OffsetDiff: Sendable {
        /// The cluster's id; empty for a log.
        public let cluster: String
        /// Which partition it is.
        public let position: TopicPartition
        /// The next offset in the first one; `nil` where it had none.
        public let from: Int64?
        /// The next offset in the second one; `nil` where it has none.
        public let to: Int64?
    }

    /// One line of the configuration.
    public struct Line: Sendable {
        /// Whether it came (only in the second) or went (only in the first).
        public let isAdded: Bool
        /// The line without its end.
        public let text: String
    }

    /// The first one.
    public let from: SnapshotRecord
    /// The second one.
    public let to: SnapshotRecord
    /// Weights tables, and keyed ones where both snapshots are whole; by kind and name.
    public let tables: [TableDiff]
    /// By cluster and partition; partitions that stand still are left out.
    public let offsets: [OffsetDiff]
    /// Lines of the configuration that went (only in the first) and came (only in the second).
    public let configuration: [Line]
    /// Totals that differ: before and after.
    public let counters: [(name: String, from: Int64, to: Int64)]
}

extension SnapshotStore {
    /// Compares two snapshots; chunks that both have are not read.
    public func diff(_ from: String, _ to: String) throws(StoreError) -> SnapshotDiff {
        try withRead { transaction, databases throws(StoreError) in
            let (a, b) = (
                try transaction.resolve(databases, from), try transaction.resolve(databases, to)
            )
            let before = try transaction.manifest(databases, at: a.sequence)
            let after = try transaction.manifest(databases, at: b.sequence)
            let names = Set((before.tables + after.tables).map(\.table))
            var tables: [SnapshotDiff.TableDiff] = []
            for table in names where table.kind == .weights || (a.isWhole && b.isWhole) {
                tables.append(
                    try transaction.diff(databases, table, before[table], after[table]))
            }
            tables.sort {
                ($0.table.kind.rawValue, $0.table.name) < ($1.table.kind.rawValue, $1.table.name)
            }
            return SnapshotDiff(
                from: a, to: b, tables: tables, offsets: offsetDiff(a.offsets, b.offsets),
                configuration: a.configuration == b.configuration
                    ? []
                    : lineDiff(
                        try transaction.text(databases, a.configuration),
                        try transaction.text(databases, b.configuration)),
                counters: counterDiff(a.counters, b.counters))
        }
    }
}

extension Transaction where Self: ~Copyable {
    fileprivate func diff(
        _ databases: Databases, _ table: StateTable, _ before: Manifest.TableEntry?,
        _ after: Manifest.TableEntry?
    ) throws(StoreError) -> SnapshotDiff.TableDiff {
        let shared = Set(before?.chunks.map(\.id) ?? []).intersection(
            after?.chunks.map(\.id) ?? [])
        var old: [[UInt8]: Digest256] = [:]
        for entry in before?.chunks ?? [] where !shared.contains(entry.id) {
            for row in try chunk(databases, table, entry) { old[row.key] = row.mark }
        }
        var (changed, added, bytes) = (0, 0, 0)
        for entry in after?.chunks ?? [] where !shared.contains(entry.id) {
            for row in try chunk(databases, table, entry) {
                let earlier = old.removeValue(forKey: row.key)
                if earlier == row.mark { continue }
                if earlier == nil { added += 1 } else { changed += 1 }
                bytes += row.byteCount
            }
        }
        return SnapshotDiff.TableDiff(
            table: table, rowsChanged: changed, rowsAdded: added, rowsRemoved: old.count,
            bytesChanged: bytes, bytes: after?.bytes ?? 0)
    }
}

private func offsetDiff(
    _ from: [StoredOffset], _ to: [StoredOffset]
) -> [SnapshotDiff.OffsetDiff] {
    struct Place: Hashable {
        let cluster: String
        let position: TopicPartition
    }
    var pairs: [Place: (Int64?, Int64?)] = [:]
    for offset in from {
        pairs[Place(cluster: offset.cluster, position: offset.position), default: (nil, nil)].0 =
            offset.next
    }
    for offset in to {
        pairs[Place(cluster: offset.cluster, position: offset.position), default: (nil, nil)].1 =
            offset.next
    }
    return pairs.filter { $0.value.0 != $0.value.1 }.map {
        SnapshotDiff.OffsetDiff(
            cluster: $0.key.cluster, position: $0.key.position, from: $0.value.0, to: $0.value.1)
    }.sorted { ($0.cluster, $0.position) < ($1.cluster, $1.position) }
}

private func counterDiff(
    _ from: [String: Int64], _ to: [String: Int64]
) -> [(name: String, from: Int64, to: Int64)] {
    Set(from.keys).union(to.keys).sorted().compactMap { name in
        let (a, b) = (from[name] ?? 0, to[name] ?? 0)
        return a == b ? nil : (name, a, b)
    }
}

private func lineDiff(_ from: String, _ to: String) -> [SnapshotDiff.Line] {
    let (a, b) = (from.split(separator: "\n"), to.split(separator: "\n"))
    return b.difference(from: a).map { change in
        switch change {
        case .insert(_, let line, _): SnapshotDiff.Line(isAdded: true, text: String(line))
        case .remove(_, let line, _): SnapshotDiff.Line(isAdded: false, text: String(line))
        }
    }
}
