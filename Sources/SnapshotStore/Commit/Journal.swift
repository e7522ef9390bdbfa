import Records

/// One entry of the record of everything that changed the state.
public struct JournalEntry: Sendable, Equatable {
    /// Who wrote it. Raw values are part of the format.
    public enum Kind: UInt8, Sendable {
        /// Written by the caller's commit; the body is the caller's.
        case commit = 0
        /// A rollback of weights; the body is the id of the snapshot gone back to.
        case rollback = 1
        /// A rewind; likewise.
        case rewind = 2
        /// A snapshot was brought in; what learns stayed as it was. The body is the snapshot's id.
        case imported = 3
    }

    /// The commit it belongs to.
    public let sequence: UInt64
    /// Its place among the commit's entries.
    public let index: Int
    /// The lineage it was written in.
    public let lineage: UInt32
    /// Who wrote it.
    public let kind: Kind
    /// What the kind says it is.
    public let body: [UInt8]

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: body.count + 16)
        writer.integer(kind.rawValue)
        writer.integer(lineage)
        writer.data(body)
        return writer.bytes
    }

    /// Sequence, then index, big-endian.
    static func key(_ sequence: UInt64, _ index: Int) -> [UInt8] {
        StoredKey.number(sequence) + StoredKey.number(UInt64(index)).suffix(4)
    }

    init(sequence: UInt64, index: Int, lineage: UInt32, kind: Kind, body: [UInt8]) {
        self.sequence = sequence
        self.index = index
        self.lineage = lineage
        self.kind = kind
        self.body = body
    }

    init(key: [UInt8], bytes: [UInt8]) throws(ByteCodingError) {
        guard key.count == 12 else { throw .badValue(at: 0, "a key of \(key.count) bytes") }
        sequence = key[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        index = key[8...].reduce(0) { $0 << 8 | Int($1) }
        var reader = ByteReader(bytes)
        let raw = try reader.integer(UInt8.self)
        guard let kind = Kind(rawValue: raw) else {
            throw .badValue(at: 0, "\(raw) where a kind of entry should be")
        }
        self.kind = kind
        lineage = try reader.integer()
        body = try reader.data()
        try reader.finish()
    }
}

extension SnapshotStore {
    /// Journal entries in order, from commit `first` on.
    ///
    /// Ends after the commit that reaches `limit` entries or 32 MiB, so that a commit's entries are
    /// never parted; empty when there are no more.
    public func journal(
        from first: UInt64, limit: Int = 1_000
    ) throws(StoreError) -> [JournalEntry] {
        try withRead { transaction, databases throws(StoreError) in
            var entries: [JournalEntry] = []
            var bytes = 0
            try transaction.forEachRecord(databases, .journal, from: StoredKey.number(first)) {
                key, value throws(StoreError) in
                let entry = try transaction.decoded(.journal) { () throws(ByteCodingError) in
                    try JournalEntry(key: key, bytes: value)
                }
                let isFull = entries.count >= limit || bytes >= 32 << 20
                if isFull, entry.sequence != entries.last?.sequence { return false }
                entries.append(entry)
                bytes += value.count
                return true
            }
            return entries
        }
    }
}

extension RecordWriter {
    mutating func appendJournal(
        _ bodies: [[UInt8]], _ kind: JournalEntry.Kind
    ) throws(StoreError) {
        for (index, body) in bodies.enumerated() {
            let entry = JournalEntry(
                sequence: head.sequence, index: index, lineage: head.lineage, kind: kind,
                body: body)
            try put(.journal, JournalEntry.key(head.sequence, index), entry.bytes)
        }
    }
}
