import Records

/// What going back to a snapshot changes; made before anything is, and shown by a dry run.
public struct RollbackPlan: Sendable {
    /// What goes back in one table.
    public struct TableChange: Sendable {
        /// Which table it is.
        public let table: StateTable
        /// Rows that are in both states with other values.
        public let rowsChanged: Int
        /// Rows that the snapshot has and the state now has not.
        public let rowsAdded: Int
        /// Rows that the state now has and the snapshot has not.
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
    /// One for each table that could change, by kind and name: weights, and in a rewind keyed ones.
    public let tables: [TableChange]
    /// Offsets that go back, as (now, then); empty unless a rewind.
    public let offsets: [(position: TopicPartition, now: Int64, then: Int64)]
    /// The report's `state_sha256` as it is now.
    public let stateDigestNow: Digest256
    /// The sum over the weights tables as it is now.
    public let weightsDigestNow: Digest256
    /// Rows of owners erased since the target: they do not come back.
    public let erasedRows: Int
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
            guard let table = summary.stateTable else { continue }
            tables[table] = try headRows(databases, summary)
        }
        if rewind { try requireRewindable(databases, record, head) }
        var changes = StateChanges()
        // Undo records hold what changed alone, a whole snapshot every row there is.
        let hasUndo = try hasUndo(databases, since: record, head)
        let usesWhole = rewind && !hasUndo
        if usesWhole {
            for summary in head.tables where summary.kind == .keyed {
                guard let table = summary.stateTable else { continue }
                tables[table] = try headRows(databases, summary)
            }
        }
        var check = try SnapshotCheck(self, databases, record, base: base)
        _ = try check.advance(self, databases) { table, row, open in
            guard table.kind == .weights || usesWhole else { return }
            if tables[table, default: TableRows()].differs(row) {
                changes.put(table, open.key, open.value, owner: open.owner)
            }
        }
        let verdict = try check.verdict(environment.folder.path)
        for (table, rows) in tables {
            for stored in rows.before.keys {
                guard let key = try plainKey(databases, table, stored: stored) else { continue }
                changes.remove(table, key)
            }
        }
        var counts = tables.mapValues(\.counts)
        var erasedRows = verdict.erasedRows
        if rewind, !usesWhole {
            erasedRows += try undo(databases, head, after: record.sequence, &changes, &counts)
        }
        return RollbackWork(
            plan: RollbackPlan(
                target: record,
                head: try head.headSnapshot.flatMap { sequence throws(StoreError) in
                    try snapshot(databases, at: sequence)
                }, isRewind: rewind, commitsSince: head.sequence - record.sequence,
                tables: Self.summaries(tables, counts),
                offsets: rewind ? try offsetChanges(databases, record) : [],
                stateDigestNow: head.stateDigest, weightsDigestNow: head.weightsDigest,
                erasedRows: erasedRows),
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
        try forEachStored(databases, summary, values: false) { row in
            rows.before[row.key] = row.mark
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

    func requireRewindable(
        _ databases: Databases, _ record: SnapshotRecord, _ head: Head
    ) throws(StoreError) {
        if record.cause == .imported {
            throw .notReplayable(
                record.id, reason: "it was imported; only its weights can be gone back to")
        }
        if let migratedAt = head.migratedAt, record.sequence <= migratedAt {
            throw .notReplayable(
                record.id,
                reason: "an earlier version took it; only its weights can be gone back to")
        }
        if record.isWhole { return }
        if try hasUndo(databases, since: record, head) { return }
        throw .notReplayable(
            record.id, reason: "its keyed state is beyond the undo horizon and not in the snapshot")
    }

    /// Whether everything that happened to keyed rows since the snapshot can be taken back.
    func hasUndo(
        _ databases: Databases, since record: SnapshotRecord, _ head: Head
    ) throws(StoreError) -> Bool {
        if record.sequence == head.sequence { return true }
        return try oldestUndo(databases).map { $0 <= record.sequence + 1 } ?? false
    }

    /// What keyed rows that changed after commit `sequence` held then; `nil` where there was none.
    func rowsBefore(
        _ databases: Databases, _ head: Head, after sequence: UInt64
    ) throws(StoreError) -> [StateTable: [[UInt8]: StoredBody?]] {
        var names: [UInt16: StateTable] = [:]
        for summary in head.tables where summary.kind == .keyed {
            names[summary.number] = summary.stateTable
        }
        // Walking forward, the first change of a row after `sequence` tells what it was then.
        var before: [StateTable: [[UInt8]: StoredBody?]] = [:]
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
        return before
    }

    /// Takes back, newest first, what commits after `sequence` did to keyed rows.
    ///
    /// Returns: how many rows are of owners erased since, and stay away.
    private func undo(
        _ databases: Databases, _ head: Head, after sequence: UInt64,
        _ changes: inout StateChanges, _ counts: inout [StateTable: TableCounts]
    ) throws(StoreError) -> Int {
        let before = try rowsBefore(databases, head, after: sequence)
        var erased = 0
        for (table, rows) in before {
            guard let index = head.index(of: table) else { continue }
            let summary = head.tables[index]
            for (stored, body) in rows {
                let now = try storedRow(databases, summary, stored)
                if now?.mark == body?.mark(summary.domain, stored) { continue }
                counts[table, default: TableCounts()].count(body, isNew: now == nil)
                if let body {
                    // What an undo record holds is covered by the record's own checksum.
                    let row = StoredRow(
                        key: stored, mark: .zero, byteCount: body.byteCount, body: body)
                    if let found = try open(databases, table, row) {
                        changes.put(table, found.key, found.value, owner: found.owner)
                        continue
                    }
                    erased += 1
                }
                if let key = try plainKey(databases, table, stored: stored) {
                    changes.remove(table, key)
                }
            }
        }
        return erased
    }
}

/// The rows of one table as they are now; those seen in the snapshot are crossed out.
private struct TableRows {
    var before: [[UInt8]: Digest256] = [:]
    var counts = TableCounts()

    /// Whether the snapshot's row is another than the present one.
    mutating func differs(_ row: StoredRow) -> Bool {
        let old = before.removeValue(forKey: row.key)
        guard old != row.mark else { return false }
        if old == nil { counts.added += 1 } else { counts.changed += 1 }
        counts.bytes += row.byteCount - row.key.count
        return true
    }
}

private struct TableCounts {
    var changed = 0
    var added = 0
    var removed = 0
    var bytes = 0

    mutating func count(_ body: StoredBody?, isNew: Bool) {
        if let body {
            if isNew { added += 1 } else { changed += 1 }
            bytes += body.byteCount
        } else {
            removed += 1
        }
    }
}
