import Records

/// Weights from outside, to be kept as a snapshot.
public struct ImportedSnapshot: Sendable {
    /// Rows of weights tables.
    public var rows: [(table: StateTable, key: [UInt8], value: [UInt8])]
    /// The newest event time that they learned. Unit: milliseconds since 1970.
    public var eventTimeMs: Int64
    /// What is said about the snapshot; it needs a tag.
    public var request: SnapshotRequest

    /// Takes each field as it is.
    public init(
        rows: [(table: StateTable, key: [UInt8], value: [UInt8])], eventTimeMs: Int64,
        request: SnapshotRequest
    ) {
        self.rows = rows
        self.eventTimeMs = eventTimeMs
        self.request = request
    }
}

extension SnapshotStore {
    /// Keeps weights from outside as a snapshot beside the store's own; what learns stays as it is.
    ///
    /// A rollback to the snapshot puts the weights into service.
    /// - Parameter imported: Its request needs a tag, so that retention does not take it at once.
    @discardableResult
    public func importSnapshot(
        _ imported: ImportedSnapshot, who: String, reason: String
    ) throws(StoreError) -> SnapshotRecord {
        let options = options
        let chunkBytes = options.chunkBytes
        let base = identity.base
        return try withWriter { records throws(StoreError) in
            records.beginSequence(eventTimeMs: nil)
            // Nothing changes, and there is a record that says so: undo records have no holes.
            try records.applyRows(StateChanges(), undo: options)
            let record = try records.keep(imported, base: base, chunkBytes: chunkBytes)
            try records.appendJournal([Array(record.id.utf8)], .imported)
            try records.append(
                AuditEntry(
                    wallTimeMs: imported.request.wallTimeMs, who: who, action: "import",
                    reason: "\(record.id): \(reason)"))
            return record
        }
    }
}

extension RecordWriter {
    fileprivate mutating func keep(
        _ imported: ImportedSnapshot, base: Digest256, chunkBytes: Int
    ) throws(StoreError) -> SnapshotRecord {
        let request = imported.request
        let tags = try request.tags.map { tag throws(StoreError) in try freeTag(tag) }
        var newBytes = 0
        var manifest = Manifest()
        for (table, rows) in Dictionary(grouping: imported.rows, by: \.table).sorted(by: {
            $0.key.name < $1.key.name
        }) {
            manifest.tables.append(try putChunks(table, rows, chunkBytes, &newBytes))
        }
        let (configuration, platform) = (
            try putText(request.configuration), try putText(request.platform)
        )
        let weights = manifest.weightsDigest
        let record = SnapshotRecord(
            id: SnapshotRecord.id(imported: weights, base: base, sequence: head.sequence),
            parent: nil, lineage: head.lineage, sequence: head.sequence,
            eventTimeMs: imported.eventTimeMs, createdMs: request.wallTimeMs, cause: .imported,
            cluster: "", offsets: [], base: base, configuration: configuration,
            platform: platform, metrics: request.metrics, stateDigest: weights,
            weightsDigest: weights, counters: [:], isWhole: false,
            stateBytes: manifest.tables.reduce(0) { $0 + $1.bytes }, newBytes: newBytes,
            chunkCount: manifest.tables.reduce(0) { $0 + $1.chunks.count })
        try put(.manifests, StoredKey.number(record.sequence), manifest.bytes)
        try put(.snapshots, StoredKey.number(record.sequence), record.bytes)
        try put(.snapshotIDs, Array(record.id.utf8), StoredKey.number(record.sequence))
        for tag in tags {
            try setReference(.tag(tag), to: record.sequence, wallTimeMs: request.wallTimeMs)
        }
        return record
    }

    private func freeTag(_ name: String) throws(StoreError) -> Tag {
        let tag = try Tag(name)
        let databases = databases
        let holder = try read { transaction throws(StoreError) -> String? in
            guard let taken = try transaction.reference(databases, .tag(tag)) else { return nil }
            return try transaction.snapshot(databases, at: taken)?.id
        }
        if let holder { throw .tagTaken(name, by: holder) }
        return tag
    }

    private mutating func putChunks(
        _ table: StateTable, _ rows: [(table: StateTable, key: [UInt8], value: [UInt8])],
        _ chunkBytes: Int, _ newBytes: inout Int
    ) throws(StoreError) -> Manifest.TableEntry {
        let domain = RecordDomain(table)
        let stored = rows.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { row in
            StoredRow(domain, row.key, .plain(row.value))
        }
        var builder = ChunkBuilder(target: chunkBytes)
        var chunks: [Manifest.ChunkEntry] = []
        var chunk = Chunk()
        for (index, row) in stored.enumerated() {
            chunk.append(row)
            let cut = builder.add(row) ?? (index + 1 == stored.count ? builder.finish() : nil)
            guard let cut else { continue }
            chunks.append(cut)
            let before = rowsChanged
            let bytes = chunk.bytes
            try put(.chunks, cut.id.bytes, bytes)
            if rowsChanged > before { newBytes += bytes.count }
            chunk = Chunk()
        }
        return Manifest.TableEntry(
            table: table, rows: stored.count, bytes: stored.reduce(0) { $0 + $1.byteCount },
            digest: stored.reduce(.zero) { $0 &+ $1.mark }, chunks: chunks)
    }
}

extension SnapshotRecord {
    /// Sixteen digits of a digest over weights that were brought in, and when.
    fileprivate static func id(
        imported weights: Digest256, base: Digest256, sequence: UInt64
    ) -> String {
        var writer = ByteWriter()
        writer.string("imported")
        writer.digest(weights)
        writer.digest(base)
        writer.integer(sequence)
        return String(SHA256.hash(writer.bytes).hex.prefix(16))
    }
}
