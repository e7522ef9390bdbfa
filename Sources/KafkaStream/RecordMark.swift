import Records

/// What one record of a partition was: enough to tell later whether the same record lies there.
///
/// Offsets alone do not tell a topic from another one of its name: one that is deleted, made anew
/// and filled beyond the stored offset looks like one that has grown.
public struct RecordMark: Sendable, Hashable {
    /// The record's offset.
    public let offset: Int64
    /// The record's timestamp, epoch milliseconds; nil where it has none.
    public let timestampMs: Int64?
    /// The first half of SHA-256 over key and value.
    public let digest: [UInt8]

    private static let version: UInt8 = 1
    private static let digestBytes = 16

    /// Complexity: linear in the record's bytes.
    public init(_ record: SourceRecord) {
        offset = record.offset
        timestampMs = record.timestampMs
        var writer = ByteWriter(
            capacity: 16 + (record.key?.count ?? 0) + (record.value?.count ?? 0))
        writer.optional(record.key) { $0.data($1) }
        writer.optional(record.value) { $0.data($1) }
        digest = Array(SHA256.hash(writer.bytes).bytes.prefix(Self.digestBytes))
    }

    /// A version and the fields, for the store; `decoded` reads it.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.integer(Self.version)
        writer.integer(offset)
        writer.optional(timestampMs) { $0.integer($1) }
        writer.data(digest)
        return writer.bytes
    }

    /// - Returns: nil for a mark of a later version: it tells this one nothing.
    public static func decoded(_ bytes: [UInt8]) throws(ByteCodingError) -> RecordMark? {
        var reader = ByteReader(bytes)
        let version: UInt8 = try reader.integer()
        guard version == Self.version else { return nil }
        let offset: Int64 = try reader.integer()
        let timestampMs: Int64? = try reader.optional { r throws(ByteCodingError) in
            try r.integer()
        }
        let digest = try reader.data()
        try reader.finish()
        return RecordMark(offset: offset, timestampMs: timestampMs, digest: digest)
    }

    private init(offset: Int64, timestampMs: Int64?, digest: [UInt8]) {
        self.offset = offset
        self.timestampMs = timestampMs
        self.digest = digest
    }

    /// Whether another record lies where this one was; nil where that cannot be told, because
    /// compaction or retention took the record.
    ///
    /// - Parameter found: the first record at the mark's offset or after it.
    public func isReplaced(by found: SourceRecord?) -> Bool? {
        guard let found, found.offset == offset else { return nil }
        return RecordMark(found) != self
    }
}
