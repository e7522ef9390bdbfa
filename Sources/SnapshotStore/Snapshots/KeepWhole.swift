import Records

extension SnapshotStore {
    /// Chunks written in one transaction: commits get their turn in between.
    private static let pieceMax = 32

    /// Keeps the keyed state of a snapshot too, so that it can be gone back to beyond the undo horizon.
    ///
    /// Reads one view of the store and takes back what commits have changed since the snapshot; they
    /// go on meanwhile, since chunks are written in bounded pieces, each a transaction of its own. What
    /// a call that ends early has written is used by the next one, or goes with the next pruning.
    /// - Parameters:
    ///   - sync: Whether each piece waits for the disk.
    ///   - isStopped: Asked between two pieces.
    /// - Returns: The snapshot as it is then; `nil` when it was stopped.
    /// - Throws: `.notReplayable` beyond the undo horizon, `.quotaReached`, `.diskFull`; then the
    ///   snapshot is as it was.
    /// - Thread: any but the one that learns; blocks on the disk.
    @discardableResult
    public func keepWhole(
        _ reference: String, sync: Bool = true, isStopped: () -> Bool = { false }
    ) throws(StoreError) -> SnapshotRecord? {
        guard mode == .readWrite else { throw .openedReadOnly(path: path) }
        return try chunkWork.withLock { _ throws(StoreError) in
            let session = try current()
            let databases = session.databases
            let view = try ReadTransaction(session.environment)
            let record = try view.resolve(databases, reference)
            if record.isWhole { return record }
            let head = try view.head(databases)
            try view.requireRewindable(databases, record, head)
            let before = try view.rowsBefore(databases, head, after: record.sequence)
            var kept = KeptState(chunkBytes: options.chunkBytes)
            for summary in head.tables where summary.kind == .keyed {
                guard let table = summary.stateTable else { continue }
                kept.begin(summary, table)
                try view.forEachPast(databases, summary, before[table] ?? [:]) {
                    row throws(StoreError) in
                    try view.keep(databases, row, in: &kept)
                    guard kept.waiting.count >= Self.pieceMax else { return true }
                    kept.isStopped = isStopped()
                    if !kept.isStopped { try put(&kept, sync) }
                    return !kept.isStopped
                }
                if kept.isStopped { return nil }
                try view.endTable(databases, &kept)
                try put(&kept, sync)
            }
            try requireReached(record, kept)
            return try name(record, kept, sync)
        }
    }

    private func put(_ kept: inout KeptState, _ sync: Bool) throws(StoreError) {
        let piece = kept.waiting
        guard !piece.isEmpty else { return }
        // Chunks lie on pages of their own, and their tree is rewritten on the way to them.
        try requireRoom(bytes: piece.reduce(1 << 20) { $0 + $1.bytes.count + 16_384 })
        try withWriter(sync: sync) { records throws(StoreError) in
            for chunk in piece { try records.put(.chunks, chunk.id.bytes, chunk.bytes) }
        }
        kept.newBytes += piece.reduce(0) { $0 + $1.bytes.count }
        kept.waiting.removeAll(keepingCapacity: true)
    }

    /// What was put together must be the state that the snapshot was taken of. Not so where rows of
    /// owners erased since cannot be read any more.
    private func requireReached(
        _ record: SnapshotRecord, _ kept: KeptState
    ) throws(StoreError) {
        var digest = record.weightsDigest
        for table in kept.tables { digest = digest &+ table.digest }
        for offset in record.offsets {
            let key = OffsetRecord.key(offset.cluster, offset.position)
            digest = digest &+ OffsetRecord.stateDigest(key, OffsetRecord.value(offset.next))
        }
        guard digest == record.stateDigest || kept.erasedRows > 0 else {
            throw .damaged(
                path: path, what: "the keyed state of snapshot \(record.id) does not add up")
        }
    }

    /// Has the snapshot name its keyed state too.
    private func name(
        _ record: SnapshotRecord, _ kept: KeptState, _ sync: Bool
    ) throws(StoreError) -> SnapshotRecord {
        try withWriter(sync: sync) { records throws(StoreError) in
            let databases = records.databases
            let key = StoredKey.number(record.sequence)
            var (whole, manifest) = try records.read { transaction throws(StoreError) in
                guard let found = try transaction.snapshot(databases, id: record.id) else {
                    // Pruned meanwhile.
                    throw .unknownReference(record.id, nearest: [])
                }
                return (found, try transaction.manifest(databases, at: record.sequence))
            }
            let tables = kept.tables.filter { $0.rows > 0 }
            manifest.tables += tables
            whole.isWhole = true
            whole.newBytes += kept.newBytes
            whole.stateBytes += tables.reduce(0) { $0 + $1.bytes }
            whole.chunkCount += tables.reduce(0) { $0 + $1.chunks.count }
            try records.put(.manifests, key, manifest.bytes)
            try records.put(.snapshots, key, whole.bytes)
            return whole
        }
    }
}

/// The keyed state of a snapshot as it is put together, row by row.
private struct KeptState {
    private let chunkBytes: Int
    private(set) var tables: [Manifest.TableEntry] = []
    /// Chunks that no snapshot has yet and that are not written yet.
    var waiting: [(id: Digest256, bytes: [UInt8])] = []
    var newBytes = 0
    /// Rows of owners erased since: kept as they lie, and unreadable for good.
    private(set) var erasedRows = 0
    var isStopped = false

    private(set) var table = StateTable("", .keyed)
    private var builder: ChunkBuilder
    private var chunk = Chunk()
    private var chunks: [Manifest.ChunkEntry] = []
    private var digest = Digest256.zero

    init(chunkBytes: Int) {
        self.chunkBytes = chunkBytes
        builder = ChunkBuilder(target: chunkBytes)
    }

    mutating func begin(_ summary: TableSummary, _ table: StateTable) {
        self.table = table
        digest = summary.digest
        chunks = []
        builder = ChunkBuilder(target: chunkBytes)
    }

    /// A row that was another one then: only these have other digests than the table has today.
    mutating func replace(_ now: Digest256?, by then: Digest256?) {
        if let now { digest = digest &- now }
        if let then { digest = digest &+ then }
    }

    mutating func noteErased() { erasedRows += 1 }

    /// - Returns: the chunk that ends with this row, if one does.
    mutating func add(_ row: StoredRow) -> Manifest.ChunkEntry? {
        chunk.append(row)
        return builder.add(row)
    }

    mutating func finishTable() -> Manifest.ChunkEntry? { builder.finish() }

    mutating func close(_ entry: Manifest.ChunkEntry, isThere: Bool) {
        if !isThere { waiting.append((entry.id, chunk.bytes)) }
        chunks.append(entry)
        chunk = Chunk()
    }

    mutating func endTable() {
        tables.append(
            Manifest.TableEntry(
                table: table, rows: chunks.reduce(0) { $0 + $1.rows },
                bytes: chunks.reduce(0) { $0 + $1.bytes }, digest: digest, chunks: chunks))
    }
}

/// One row of a table as it was, and as it is now.
struct PastRow {
    let then: StoredRow?
    let now: StoredRow?
    let isChanged: Bool
}

extension Transaction where Self: ~Copyable {
    fileprivate func keep(
        _ databases: Databases, _ row: PastRow, in kept: inout KeptState
    ) throws(StoreError) {
        if row.isChanged {
            let now = try row.now.flatMap { row throws(StoreError) in
                try open(databases, kept.table, row)?.digest
            }
            let then = try row.then.flatMap { row throws(StoreError) in
                try open(databases, kept.table, row)?.digest
            }
            if row.then != nil, then == nil { kept.noteErased() }
            kept.replace(now, by: then)
        }
        guard let then = row.then, let cut = kept.add(then) else { return }
        kept.close(cut, isThere: try hasChunk(databases, cut.id))
    }

    fileprivate func endTable(
        _ databases: Databases, _ kept: inout KeptState
    ) throws(StoreError) {
        if let cut = kept.finishTable() {
            kept.close(cut, isThere: try hasChunk(databases, cut.id))
        }
        kept.endTable()
    }

    /// Visits a table's rows as they were before `before` was replaced, in the order of their keys,
    /// until `body` returns false; rows that were not there then as well.
    func forEachPast(
        _ databases: Databases, _ summary: TableSummary, _ before: [[UInt8]: StoredBody?],
        _ body: (PastRow) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let domain = summary.domain
        var changed = before.keys.sorted { $0.lexicographicallyPrecedes($1) }[...]
        var goesOn = true
        func then(_ key: [UInt8]) -> StoredRow? {
            (before[key] ?? nil).map { StoredRow(domain, key, $0) }
        }
        func takeGone(before key: [UInt8]?) throws(StoreError) {
            while goesOn, let first = changed.first,
                key.map({ first.lexicographicallyPrecedes($0) }) ?? true
            {
                goesOn = try body(PastRow(then: then(first), now: nil, isChanged: true))
                changed.removeFirst()
            }
        }
        try forEachStored(databases, summary) { row throws(StoreError) in
            try takeGone(before: row.key)
            guard goesOn else { return false }
            if changed.first == row.key {
                changed.removeFirst()
                goesOn = try body(PastRow(then: then(row.key), now: row, isChanged: true))
            } else {
                goesOn = try body(PastRow(then: row, now: row, isChanged: false))
            }
            return goesOn
        }
        try takeGone(before: nil)
    }
}
