import Records

/// The rows of the head or of a snapshot, as one consistent view.
///
/// Thread: belongs to the closure it is lent to. Keep it short: pages it sees are not used again
/// before it ends.
public final class StoredState: StateReader {
    private let transaction: ReadTransaction
    private let databases: Databases
    private let head: Head
    /// `nil` for the head itself.
    private let manifest: Manifest?
    /// The chunk read last: neighbouring rows are asked for one after the other.
    private var recent: (id: Digest256, chunk: Chunk)?

    init(
        _ transaction: consuming ReadTransaction, _ databases: Databases, manifest: Manifest?
    ) throws(StoreError) {
        head = try transaction.head(databases)
        self.transaction = transaction
        self.databases = databases
        self.manifest = manifest
    }

    /// Throws: `.damaged` when the row does not match its checksum.
    public func value(_ table: StateTable, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        if let entry = try snapshotted(table) { return try value(entry, key) }
        guard isShownFromHead(table), let index = head.index(of: table) else { return nil }
        return try transaction.row(databases, head.tables[index], key)
    }

    /// Throws: `.damaged` when a row does not match its checksum, and what `body` throws.
    public func forEach(
        _ table: StateTable, _ body: (_ key: [UInt8], _ value: [UInt8]) throws -> Void
    ) throws {
        var thrown: (any Error)?
        func visit(_ key: [UInt8], _ value: [UInt8]) -> Bool {
            do { try body(key, value) } catch { thrown = error }
            return thrown == nil
        }
        if let entry = try snapshotted(table) {
            for chunk in entry.chunks {
                guard try load(entry, chunk).rows.allSatisfy({ visit($0.key, $0.value) }) else {
                    break
                }
            }
        } else if isShownFromHead(table), let index = head.index(of: table) {
            try transaction.forEachRow(databases, head.tables[index]) { visit($0.key, $0.value) }
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
        guard low > 0 else { return nil }
        return try load(entry, entry.chunks[low - 1]).rows.first { $0.key == key }?.value
    }

    private func load(
        _ entry: Manifest.TableEntry, _ chunk: Manifest.ChunkEntry
    ) throws(StoreError) -> Chunk {
        if let recent, recent.id == chunk.id { return recent.chunk }
        let loaded = try transaction.chunk(databases, entry.table, chunk).chunk
        recent = (chunk.id, loaded)
        return loaded
    }
}

extension Transaction where Self: ~Copyable {
    /// A chunk and its rows' digests; its name, checksum and row count are verified.
    func chunk(
        _ databases: Databases, _ table: StateTable, _ entry: Manifest.ChunkEntry
    ) throws(StoreError) -> (chunk: Chunk, digests: [Digest256]) {
        let path = environment.folder.path
        guard let bytes = try record(databases, .chunks, entry.id.bytes) else {
            throw .damaged(
                path: path, what: "chunk \(entry.id.short) of table \(table.name) is missing")
        }
        let chunk = try decoded(.chunks) { () throws(ByteCodingError) in try Chunk(bytes: bytes) }
        let domain = RecordDomain(table)
        let digests = chunk.rows.map { Envelope.digest(domain, $0.key, $0.value) }
        guard chunk.rows.count == entry.rows, Chunk.id(digests) == entry.id else {
            throw .damaged(
                path: path,
                what: "chunk \(entry.id.short) of table \(table.name) is not what its name says")
        }
        return (chunk, digests)
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

    /// Lends a view of a snapshot: weights from it, and the keyed state too where it is whole;
    /// everything else from the head.
    ///
    /// Throws: `StoreError`, and what `body` throws.
    public func withSnapshot<R>(
        _ reference: String, _ body: (SnapshotRecord, StoredState) throws -> R
    ) throws -> R {
        let session = try current()
        let transaction = try ReadTransaction(session.environment)
        let record = try transaction.resolve(session.databases, reference)
        let manifest = try transaction.manifest(session.databases, at: record.sequence)
        return try body(
            record, try StoredState(transaction, session.databases, manifest: manifest))
    }
}
