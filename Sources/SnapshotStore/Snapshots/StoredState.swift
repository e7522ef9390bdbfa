import Records

/// The rows of the head or of a snapshot, as one consistent view.
///
/// Of a snapshot, keyed rows are those of its time: from itself where it is whole, else with what undo
/// records take back. Beyond the undo horizon they are those of the head.
///
/// Thread: belongs to the closure it is lent to. Keep it short: pages it sees are not used again
/// before it ends.
public final class StoredState: StateReader {
    private let transaction: ReadTransaction
    private let databases: Databases
    private let head: Head
    /// `nil` for the head itself.
    private let manifest: Manifest?
    /// The commit whose keyed rows are shown; `nil` for those of the head.
    private let keyedAt: UInt64?
    /// What keyed rows that changed since then held; read when the first of them is asked for.
    private var before: [StateTable: [[UInt8]: StoredBody?]]?
    /// The chunk read last: neighbouring rows are asked for one after the other.
    private var recent: (id: Digest256, rows: [StoredRow])?

    init(
        _ transaction: consuming ReadTransaction, _ databases: Databases, manifest: Manifest?,
        keyedAt: UInt64? = nil
    ) throws(StoreError) {
        head = try transaction.head(databases)
        self.keyedAt = keyedAt
        self.transaction = transaction
        self.databases = databases
        self.manifest = manifest
    }

    /// Throws: `.damaged` when the row does not match its checksum.
    public func value(_ table: StateTable, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        if let entry = try snapshotted(table) { return try value(entry, key) }
        guard isShownFromHead(table), let index = head.index(of: table) else { return nil }
        let summary = head.tables[index]
        if let inner = try transaction.storedKey(databases, summary.keys, key),
            let then = try rowsThen(summary)[inner]
        {
            guard let body = then, let own = summary.stateTable else { return nil }
            let row = StoredRow(summary.domain, inner, body)
            return try transaction.open(databases, own, row)?.value
        }
        return try transaction.row(databases, summary, key)
    }

    /// Rows of a table that are shown as they were; `nil` in place of those that were not there.
    private func rowsThen(
        _ summary: TableSummary
    ) throws(StoreError) -> [[UInt8]: StoredBody?] {
        guard let keyedAt, summary.kind == .keyed, let table = summary.stateTable else {
            return [:]
        }
        if before == nil {
            before = try transaction.rowsBefore(databases, head, after: keyedAt)
        }
        return before?[table] ?? [:]
    }

    /// Throws: `.damaged` when a row does not match its checksum, and what `body` throws.
    public func forEach(
        _ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) throws {
        try forEachOwned(table) { key, value, _ in try body(key, value) }
    }

    /// Likewise, with whom each row is about.
    public func forEachOwned(
        _ table: StateTable,
        _ body: (_ key: [UInt8], _ value: [UInt8], _ owner: RowOwner?) throws -> Void
    ) throws {
        var thrown: (any Error)?
        func visit(_ row: OpenRow) -> Bool {
            do { try body(row.key, row.value, row.owner) } catch { thrown = error }
            return thrown == nil
        }
        if let entry = try snapshotted(table) {
            chunks: for chunk in entry.chunks {
                for row in try load(entry, chunk) {
                    // What an erased owner left behind is as if it never was.
                    guard let opened = try transaction.open(databases, entry.table, row) else {
                        continue
                    }
                    guard visit(opened) else { break chunks }
                }
            }
        } else if isShownFromHead(table), let index = head.index(of: table) {
            let summary = head.tables[index]
            let then = try rowsThen(summary)
            if then.isEmpty {
                try transaction.forEachRow(databases, summary) { visit($0) }
            } else if let own = summary.stateTable {
                try transaction.forEachPast(databases, summary, then) {
                    row throws(StoreError) in
                    guard let old = row.then,
                        let opened = try transaction.open(databases, own, old)
                    else { return true }
                    return visit(opened)
                }
            }
        }
        if let thrown { throw thrown }
    }

    private func snapshotted(_ table: StateTable) throws(StoreError) -> Manifest.TableEntry? {
        manifest?[table]
    }

    /// A snapshot has all weights there were; keyed tables and the ledger go on from the head.
    private func isShownFromHead(_ table: StateTable) -> Bool {
        manifest == nil || table.kind != .weights
    }

    private func value(
        _ entry: Manifest.TableEntry, _ key: [UInt8]
    ) throws(StoreError) -> [UInt8]? {
        guard let key = try transaction.storedKey(databases, entry.table.keys, key) else {
            return nil
        }
        // The last chunk whose first key is not above `key`.
        var low = 0
        var high = entry.chunks.count
        while low < high {
            let middle = (low + high) / 2
            if key.lexicographicallyPrecedes(entry.chunks[middle].firstKey) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        guard low > 0,
            let row = try load(entry, entry.chunks[low - 1]).first(where: { $0.key == key })
        else { return nil }
        return try transaction.open(databases, entry.table, row)?.value
    }

    private func load(
        _ entry: Manifest.TableEntry, _ chunk: Manifest.ChunkEntry
    ) throws(StoreError) -> [StoredRow] {
        if let recent, recent.id == chunk.id { return recent.rows }
        let loaded = try transaction.chunk(databases, entry.table, chunk)
        recent = (chunk.id, loaded)
        return loaded
    }
}

extension Transaction where Self: ~Copyable {
    /// A chunk's rows; its name, checksum and row count are verified.
    func chunk(
        _ databases: Databases, _ table: StateTable, _ entry: Manifest.ChunkEntry
    ) throws(StoreError) -> [StoredRow] {
        let path = environment.folder.path
        guard let bytes = try record(databases, .chunks, entry.id.bytes) else {
            throw .damaged(
                path: path, what: "chunk \(entry.id.short) of table \(table.name) is missing")
        }
        let chunk = try decoded(.chunks) { () throws(ByteCodingError) in try Chunk(bytes: bytes) }
        let domain = RecordDomain(table)
        let rows = chunk.rows.map { key, body in StoredRow(domain, key, body) }
        guard rows.count == entry.rows, Chunk.id(rows.map(\.mark)) == entry.id else {
            throw .damaged(
                path: path,
                what: "chunk \(entry.id.short) of table \(table.name) is not what its name says")
        }
        return rows
    }
}

extension SnapshotStore {
    /// Lends a view of the head: everything as of the last commit.
    ///
    /// Throws: `StoreError`, and what `body` throws.
    public func withHead<R>(_ body: (StoredState) throws -> R) throws -> R {
        let session = try current()
        return try body(
            try StoredState(
                try ReadTransaction(session.environment), session.databases, manifest: nil))
    }

    /// Lends a view of a snapshot: the learned state of its time, as far as it can still be had; the
    /// ledger as it is now.
    ///
    /// Throws: `StoreError`, and what `body` throws.
    public func withSnapshot<R>(
        _ reference: String, _ body: (SnapshotRecord, StoredState) throws -> R
    ) throws -> R {
        let session = try current()
        let transaction = try ReadTransaction(session.environment)
        let record = try transaction.resolve(session.databases, reference)
        let manifest = try transaction.manifest(session.databases, at: record.sequence)
        let head = try transaction.head(session.databases)
        let hasUndo = try transaction.hasUndo(session.databases, since: record, head)
        let canGoBack = hasUndo && !record.isWhole && record.cause != .imported
        return try body(
            record,
            try StoredState(
                transaction, session.databases, manifest: manifest,
                keyedAt: canGoBack ? record.sequence : nil))
    }
}
