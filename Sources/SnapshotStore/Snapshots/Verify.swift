import Records

/// What was found good in one snapshot.
public struct SnapshotVerdict: Sendable {
    /// The snapshot that was checked.
    public let record: SnapshotRecord
    /// Chunks read.
    public let chunks: Int
    /// Rows read, unreadable ones included.
    public let rows: Int
    /// Bytes of those rows.
    public let bytes: Int
    /// Rows of owners erased since: whole as far as checksums tell, and unreadable for good. The
    /// sums of the tables that have any cannot be checked any more.
    public let erasedRows: Int
}

extension SnapshotStore {
    /// Chunks that are read in one view: pages a view sees are not used again before it ends.
    private static let viewChunks = 64

    /// Reads every chunk of a snapshot and checks all of its sums.
    ///
    /// Holds no view of the store for long: a writer beside it finds its free pages again.
    /// Throws: `.damaged` with the first thing that does not hold, and as for a reference that is not
    /// there when the snapshot is pruned meanwhile.
    public func verify(_ reference: String) throws(StoreError) -> SnapshotVerdict {
        var check = try withRead { transaction, databases throws(StoreError) in
            let record = try transaction.resolve(databases, reference)
            return try SnapshotCheck(transaction, databases, record, base: identity.base)
        }
        var isDone = false
        while !isDone {
            try withRead { transaction, databases throws(StoreError) in
                _ = try transaction.resolve(databases, check.record.id)
                isDone = try check.advance(transaction, databases, chunks: Self.viewChunks)
            }
        }
        return try check.verdict(path)
    }
}

extension SnapshotStore {
    /// Reads every record of the last commit and checks its checksum and all sums.
    ///
    /// Unlike `StoreCheck.run` it may be called beside a writer.
    /// Throws: `.damaged` with the first record that does not hold.
    public func verifyRecords() throws(StoreError) {
        try withRead { transaction, databases throws(StoreError) in
            let head = try transaction.head(databases)
            var (pieces, needed) = (0, 0)
            for summary in head.tables where databases.tables.contains(summary.table) {
                var digest = Digest256.zero
                var count = 0
                if summary.kind == nil {
                    try transaction.forEachPiece(databases, summary.table) { piece in
                        digest = digest &+ piece.digest
                        count += 1
                        needed += RecordPiece.count(piece.rest)
                        if summary.table == .pieces { pieces += 1 }
                        return true
                    }
                } else {
                    try transaction.forEachRow(databases, summary) { row in
                        digest = digest &+ row.digest
                        count += 1
                        needed += RecordPiece.count(row.rest)
                        return true
                    }
                }
                guard digest == summary.digest, count == summary.count else {
                    throw .damaged(
                        path: path,
                        what: "table \(summary.domain.name) does not add up to the last commit")
                }
            }
            guard pieces == needed else {
                throw .damaged(
                    path: path,
                    what: "table pieces has \(pieces) pieces where records have \(needed)")
            }
        }
    }
}

/// The check of one snapshot, chunk by chunk.
struct SnapshotCheck {
    let record: SnapshotRecord
    let manifest: Manifest
    private var chunks = 0
    private var rows = 0
    private var bytes = 0
    private var erased = 0
    private var table = 0
    /// Of the table at hand: the chunk to come, the sum of its rows, and whether some are unreadable.
    private var chunk = 0
    private var digest = Digest256.zero
    private var hasErased = false

    init(
        _ transaction: borrowing some Transaction & ~Copyable, _ databases: Databases,
        _ record: SnapshotRecord, base: Digest256
    ) throws(StoreError) {
        guard record.base == base else {
            throw .baseMismatch(snapshot: record.id, found: record.base, expected: base)
        }
        self.record = record
        manifest = try transaction.manifest(databases, at: record.sequence)
        _ = try transaction.text(databases, record.configuration)
        _ = try transaction.text(databases, record.platform)
    }

    /// Checks the next chunks; hands over their rows if asked to.
    ///
    /// - Returns: whether none is left.
    mutating func advance(
        _ transaction: borrowing some Transaction & ~Copyable, _ databases: Databases,
        chunks limit: Int = .max, _ visit: (StateTable, StoredRow, OpenRow) -> Void = { _, _, _ in }
    ) throws(StoreError) -> Bool {
        var left = limit
        while table < manifest.tables.count {
            let entry = manifest.tables[table]
            while chunk < entry.chunks.count {
                guard left > 0 else { return false }
                left -= 1
                try add(transaction, databases, entry, visit)
            }
            try closeTable(transaction.environment.folder.path)
        }
        return true
    }

    private mutating func add(
        _ transaction: borrowing some Transaction & ~Copyable, _ databases: Databases,
        _ entry: Manifest.TableEntry, _ visit: (StateTable, StoredRow, OpenRow) -> Void
    ) throws(StoreError) {
        let loaded = try transaction.chunk(databases, entry.table, entry.chunks[chunk])
        for row in loaded {
            bytes += row.byteCount
            guard let opened = try transaction.open(databases, entry.table, row) else {
                erased += 1
                hasErased = true
                continue
            }
            digest = digest &+ opened.digest
            visit(entry.table, row, opened)
        }
        rows += loaded.count
        chunks += 1
        chunk += 1
    }

    private mutating func closeTable(_ path: String) throws(StoreError) {
        let entry = manifest.tables[table]
        guard digest == entry.digest || hasErased else {
            throw .damaged(
                path: path,
                what: "table \(entry.table.name) of snapshot \(record.id) does not add up")
        }
        (table, chunk, digest, hasErased) = (table + 1, 0, .zero, false)
    }

    /// What was found good, once `advance` left nothing.
    func verdict(_ path: String) throws(StoreError) -> SnapshotVerdict {
        precondition(table == manifest.tables.count, "a check that was not finished")
        guard manifest.weightsDigest == record.weightsDigest else {
            throw .damaged(path: path, what: "the weights of snapshot \(record.id) do not add up")
        }
        return SnapshotVerdict(
            record: record, chunks: chunks, rows: rows, bytes: bytes, erasedRows: erased)
    }
}
