import Records

/// What going back to a snapshot changes; made before anything is, and shown by a dry run.
public struct RollbackPlan: Sendable {
    public struct TableChange: Sendable {
        public let table: StateTable
        public let rowsChanged: Int
        public let rowsAdded: Int
        public let rowsRemoved: Int
        /// Bytes of the values that come back.
        public let bytes: Int
    }

    /// The snapshot gone back to, all of it verified.
    public let target: SnapshotRecord
    /// The snapshot that the head stands on now.
    public let head: SnapshotRecord?
    /// Whether keyed state and offsets go back too.
    public let isRewind: Bool
    /// The commits since the target.
    public let commitsSince: UInt64
    public let tables: [TableChange]
    /// Offsets that go back, as (now, then); empty unless a rewind.
    public let offsets: [(position: TopicPartition, now: Int64, then: Int64)]
    public let stateDigestNow: Digest256
    public let weightsDigestNow: Digest256
}

/// The plan with everything needed to carry it out.
struct RollbackWork {
    var plan: RollbackPlan
    var changes: StateChanges
}

extension Transaction where Self: ~Copyable {
    /// Verifies the target and works out every row that differs from it.
    func planRollback(
        _ databases: Databases, to record: SnapshotRecord, rewind: Bool, base: Digest256
    ) throws(StoreError) -> RollbackWork {
        let head = try head(databases)
        var tables: [StateTable: TableRows] = [:]
        for summary in head.tables where summary.kind == .weights {
            let table = StateTable(summary.name, .weights)
            tables[table] = try headRows(databases, summary)
        }
        if rewind { try requireRewindable(databases, record, head) }
        var changes = StateChanges()
        let usesWhole = rewind && record.isWhole
        if usesWhole {
            for summary in head.tables where summary.kind == .keyed {
                tables[StateTable(summary.name, .keyed)] = try headRows(databases, summary)
            }
        }
        _ = try verified(databases, record, base: base) { table, key, value, digest in
            guard table.kind == .weights || usesWhole else { return }
            if tables[table, default: TableRows()].differs(key, value, digest) {
                changes.put(table, key, value)
            }
        }
        for (table, rows) in tables {
            for key in rows.before.keys { changes.remove(table, key) }
        }
        var counts = tables.mapValues(\.counts)
        if rewind, !usesWhole {
            try undo(databases, head, after: record.sequence, &changes, &counts)
        }
        return RollbackWork(
            plan: RollbackPlan(
                target: record,
                head: try head.headSnapshot.flatMap { sequence throws(StoreError) in
                    try snapshot(databases, at: sequence)
                }, isRewind: rewind, commitsSince: head.sequence - record.sequence,
                tables: Self.summaries(tables, counts),
                offsets: rewind ? try offsetChanges(databases, record) : [],
                stateDigestNow: head.stateDigest, weightsDigestNow: head.weightsDigest),
            changes: changes)
    }

    private static func summaries(
        _ tables: [StateTable: TableRows], _ counts: [StateTable: TableCounts]
    ) -> [RollbackPlan.TableChange] {
        counts.map { table, count in
            RollbackPlan.TableChange(
                table: table, rowsChanged: count.changed, rowsAdded: count.added,
                rowsRemoved: count.removed + (tables[table]?.before.count ?? 0), bytes: count.bytes)
        }.sorted {
            ($0.table.kind.rawValue, $0.table.name) < ($1.table.kind.rawValue, $1.table.name)
        }
    }

    private func headRows(
        _ databases: Databases, _ summary: TableSummary
    ) throws(StoreError) -> TableRows {
        var rows = TableRows()
        try forEachRow(databases, summary, verifying: false) { row in
            rows.before[row.key] = row.digest
            return true
        }
        return rows
    }

    private func offsetChanges(
        _ databases: Databases, _ record: SnapshotRecord
    ) throws(StoreError) -> [(position: TopicPartition, now: Int64, then: Int64)] {
        try offsets(databases).compactMap { now in
            let then = record.offsets.first {
                $0.cluster == now.cluster && $0.position == now.position
            }
            let before = then?.next ?? 0
            return before == now.next ? nil : (now.position, now.next, before)
        }
    }

    private func requireRewindable(
        _ databases: Databases, _ record: SnapshotRecord, _ head: Head
    ) throws(StoreError) {
        if record.isWhole || record.sequence == head.sequence { return }
        let oldest = try oldestUndo(databases)
        if let oldest, oldest <= record.sequence + 1 { return }
        throw .notReplayable(
            record.id, reason: "its keyed state is beyond the undo horizon and not in the snapshot")
    }

    /// Takes back, newest first, what commits after `sequence` did to keyed rows.
    private func undo(
        _ databases: Databases, _ head: Head, after sequence: UInt64,
        _ changes: inout StateChanges, _ counts: inout [StateTable: TableCounts]
    ) throws(StoreError) {
        var names: [UInt16: StateTable] = [:]
        for summary in head.tables where summary.kind == .keyed {
            names[summary.number] = StateTable(summary.name, .keyed)
        }
        // Walking forward, the first change of a row after `sequence` tells what it was then.
        var before: [StateTable: [[UInt8]: [UInt8]?]] = [:]
        let path = environment.folder.path
        try forEachRecord(databases, .undo, from: StoredKey.number(sequence + 1)) {
            _, value throws(StoreError) in
            let record = try Self.decoded(.undo, at: path) { () throws(ByteCodingError) in
                try UndoRecord(bytes: value)
            }
            for row in record.rows {
                guard let table = names[row.table] else {
                    throw .damaged(path: path, what: "an undo record is of an unknown table")
                }
                if before[table, default: [:]][row.key] == nil {
                    before[table, default: [:]].updateValue(row.before, forKey: row.key)
                }
            }
            return true
        }
        for (table, rows) in before {
            for (key, value) in rows {
                if let value { changes.put(table, key, value) } else { changes.remove(table, key) }
                counts[table, default: TableCounts()].count(value)
            }
        }
    }
}

/// The rows of one table as they are now; those seen in the snapshot are crossed out.
private struct TableRows {
    var before: [[UInt8]: Digest256] = [:]
    var counts = TableCounts()

    /// Whether the snapshot's row is another than the present one.
    mutating func differs(_ key: [UInt8], _ value: [UInt8], _ digest: Digest256) -> Bool {
        let old = before.removeValue(forKey: key)
        guard old != digest else { return false }
        if old == nil { counts.added += 1 } else { counts.changed += 1 }
        counts.bytes += value.count
        return true
    }
}

private struct TableCounts {
    var changed = 0
    var added = 0
    var removed = 0
    var bytes = 0

    mutating func count(_ value: [UInt8]?) {
        if let value {
            changed += 1
            bytes += value.count
        } else {
            removed += 1
        }
    }
}
