import Records

/// Every kind of record that a store keeps, read from bytes alone: what a check of the readers runs on
/// any bytes there are.
package enum RecordKind: CaseIterable, Sendable {
    /// Those that tables hold, in plain.
    case identity, head, snapshot, manifest, chunk, undo, journal, audit, reference, message
    /// Parts of records: a key, an encrypted row, what every record is wrapped in.
    case offset, sealed, envelope

    /// Reads the bytes as a record of the kind; what comes of it is dropped.
    ///
    /// - Throws: `ByteCodingError` and the like for bytes that are none; never traps, and takes memory
    ///   in proportion to the bytes.
    package func read(_ bytes: [UInt8]) throws {
        switch self {
        case .identity: _ = try StoreIdentity(bytes: bytes)
        case .head:
            let head = try Head(bytes: bytes)
            _ = (head.stateDigest, head.weightsDigest, head.index(of: Table.chunks))
        case .snapshot: _ = try SnapshotRecord(bytes: bytes)
        case .manifest: _ = try Manifest(bytes: bytes).chunkIDs
        case .chunk: _ = try Chunk(bytes: bytes)
        case .undo: _ = try UndoRecord(bytes: bytes)
        case .journal:
            _ = try JournalEntry(
                key: Array(bytes.prefix(12)), bytes: Array(bytes.dropFirst(12)))
        case .audit: _ = try AuditEntry(bytes: bytes)
        case .reference: _ = try ReferenceChange(bytes: bytes)
        case .message: _ = try OutboxMessage(sequence: 1, bytes: bytes)
        case .offset: _ = OffsetRecord.parse(bytes)
        case .sealed: _ = SealedRow(bytes: bytes)
        case .envelope: unsafe bytes.withUnsafeBytes { _ = unsafe Envelope.open($0)?.fullKey }
        }
    }
}
