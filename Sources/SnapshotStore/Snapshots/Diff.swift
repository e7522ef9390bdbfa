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
    /// Compares two snapshots; chunks that both have are not read, and of the others two are in memory at one
    /// time.
    ///
    /// - Parameter end: when to give up; `nil` takes as long as it takes.
    /// - Throws: `.takesTooLong` at that time.
    /// - Complexity: linear in the rows of the chunks that not both have.
    public func diff(
        _ from: String, _ to: String, until end: ContinuousClock.Instant? = nil
    ) throws(StoreError) -> SnapshotDiff {
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
                    try transaction.diff(
                        databases, table, before[table], after[table], until: end))
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
        _ after: Manifest.TableEntry?, until end: ContinuousClock.Instant?
    ) throws(StoreError) -> SnapshotDiff.TableDiff {
        let shared = Set(before?.chunks.map(\.id) ?? []).intersection(
            after?.chunks.map(\.id) ?? [])
        var old = ChunkRun((before?.chunks ?? []).filter { !shared.contains($0.id) })
        var new = ChunkRun((after?.chunks ?? []).filter { !shared.contains($0.id) })
        // Both in the order of their keys: the lesser of the first two has no counterpart.
        var (changed, added, removed, bytes) = (0, 0, 0, 0)
        while true {
            try read(&old, databases, table, until: end)
            try read(&new, databases, table, until: end)
            guard let newer = new.first else {
                guard old.first != nil else { break }
                removed += 1
                old.drop()
                continue
            }
            if let older = old.first, !newer.key.lexicographicallyPrecedes(older.key) {
                if older.key == newer.key {
                    if older.mark != newer.mark {
                        changed += 1
                        bytes += newer.byteCount
                    }
                    new.drop()
                } else {
                    removed += 1
                }
                old.drop()
            } else {
                added += 1
                bytes += newer.byteCount
                new.drop()
            }
        }
        return SnapshotDiff.TableDiff(
            table: table, rowsChanged: changed, rowsAdded: added, rowsRemoved: removed,
            bytesChanged: bytes, bytes: after?.bytes ?? 0)
    }
}

extension Transaction where Self: ~Copyable {
    /// Reads chunks of the run until it has a first row, or is at its end.
    fileprivate func read(
        _ run: inout ChunkRun, _ databases: Databases, _ table: StateTable,
        until end: ContinuousClock.Instant?
    ) throws(StoreError) {
        while let entry = run.next {
            if let end, ContinuousClock.now > end {
                throw .takesTooLong(what: "comparing all of the two snapshots")
            }
            run.take(try chunk(databases, table, entry))
        }
    }
}

/// The rows of a table's chunks in the order of their keys, one chunk at a time.
fileprivate struct ChunkRun {
    private var entries: ArraySlice<Manifest.ChunkEntry>
    private var rows: ArraySlice<StoredRow> = []

    init(_ entries: [Manifest.ChunkEntry]) { self.entries = entries[...] }

    /// The chunk to read before there is a first row; `nil` where there is one, and at the end.
    var next: Manifest.ChunkEntry? { rows.isEmpty ? entries.first : nil }
    var first: StoredRow? { rows.first }

    mutating func take(_ read: [StoredRow]) {
        entries.removeFirst()
        rows = read[...]
    }

    mutating func drop() { rows.removeFirst() }
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
