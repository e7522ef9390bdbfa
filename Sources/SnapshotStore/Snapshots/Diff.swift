import Records

/// What lies between two snapshots, as far as the store knows.
public struct SnapshotDiff: Sendable {
    public struct TableDiff: Sendable {
        public let table: StateTable
        public let rowsChanged: Int
        public let rowsAdded: Int
        public let rowsRemoved: Int
        /// Bytes of rows that differ, as they are in the second one.
        public let bytesChanged: Int
        /// Bytes of the table in the second one.
        public let bytes: Int
    }

    public struct OffsetDiff: Sendable {
        public let cluster: String
        public let position: TopicPartition
        public let from: Int64?
        public let to: Int64?
    }

    public struct Line: Sendable {
        public let isAdded: Bool
        public let text: String
    }

    public let from: SnapshotRecord
    public let to: SnapshotRecord
    public let tables: [TableDiff]
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
