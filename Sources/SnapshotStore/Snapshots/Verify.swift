import Records

/// What was found good in one snapshot.
public struct SnapshotVerdict: Sendable {
    public let record: SnapshotRecord
    public let chunks: Int
    public let rows: Int
    public let bytes: Int
    /// Rows of owners erased since: whole as far as checksums tell, and unreadable for good. The
    /// sums of the tables that have any cannot be checked any more.
    public let erasedRows: Int
}

extension SnapshotStore {
    /// Reads every chunk of a snapshot and checks all of its sums.
    ///
    /// Throws: `.damaged` with the first thing that does not hold.
    public func verify(_ reference: String) throws(StoreError) -> SnapshotVerdict {
        try withRead { transaction, databases throws(StoreError) in
            let record = try transaction.resolve(databases, reference)
            return try transaction.verified(databases, record, base: identity.base).verdict
        }
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
            for summary in head.tables {
                var digest = Digest256.zero
                var count = 0
                if summary.kind == nil {
                    let domain = summary.domain
                    try transaction.forEachRecord(databases, summary.table) { key, value in
                        digest = digest &+ Envelope.digest(domain, key, value)
                        count += 1
                        return true
                    }
                } else {
                    try transaction.forEachRow(databases, summary) { row in
                        digest = digest &+ row.digest
                        count += 1
                        return true
                    }
                }
                guard digest == summary.digest, count == summary.count else {
                    throw .damaged(
                        path: path,
                        what: "table \(summary.domain.name) does not add up to the last commit")
                }
            }
        }
    }
}

/// A snapshot that was checked, with its rows.
struct VerifiedSnapshot {
    let verdict: SnapshotVerdict
    let manifest: Manifest
}

extension Transaction where Self: ~Copyable {
    /// Checks a snapshot; hands over each table's rows if asked to.
    func verified(
        _ databases: Databases, _ record: SnapshotRecord, base: Digest256,
        _ visit: (StateTable, StoredRow, OpenRow) -> Void = { _, _, _ in }
    ) throws(StoreError) -> VerifiedSnapshot {
        guard record.base == base else {
            throw .baseMismatch(snapshot: record.id, found: record.base, expected: base)
        }
        let path = environment.folder.path
        let manifest = try manifest(databases, at: record.sequence)
        var chunks = 0
        var rows = 0
        var bytes = 0
        var erased = 0
        for entry in manifest.tables {
            var digest = Digest256.zero
            let erasedBefore = erased
            for piece in entry.chunks {
                let loaded = try chunk(databases, entry.table, piece)
                for row in loaded {
                    bytes += row.byteCount
                    guard let opened = try open(databases, entry.table, row) else {
                        erased += 1
                        continue
                    }
                    digest = digest &+ opened.digest
                    visit(entry.table, row, opened)
                }
                rows += loaded.count
                chunks += 1
            }
            guard digest == entry.digest || erased > erasedBefore else {
                throw .damaged(
                    path: path,
                    what: "table \(entry.table.name) of snapshot \(record.id) does not add up")
            }
        }
        guard manifest.weightsDigest == record.weightsDigest else {
            throw .damaged(path: path, what: "the weights of snapshot \(record.id) do not add up")
        }
        _ = try text(databases, record.configuration)
        _ = try text(databases, record.platform)
        return VerifiedSnapshot(
            verdict: SnapshotVerdict(
                record: record, chunks: chunks, rows: rows, bytes: bytes, erasedRows: erased),
            manifest: manifest)
    }
}
