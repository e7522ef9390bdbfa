import Records

/// What the caller says about a snapshot it asks for.
public struct SnapshotRequest: Sendable {
    /// Unit: milliseconds since 1970. Not part of the id: a replay gives the same ids.
    public var wallTimeMs: Int64
    /// The whole effective configuration; its digest is part of the id.
    public var configuration: String
    /// Numeric profile, library versions, core type.
    public var platform: String
    /// Training metrics as JSON text; not part of the id.
    public var metrics: String
    /// Names to give it. A commit takes a name from the snapshot that has it; an import throws
    /// `tagTaken`.
    public var tags: [String]
    /// Whether the snapshot becomes the champion.
    public var isChampion: Bool
    /// Keeps the keyed state too, in the same commit: for states that are small. `keepWhole` does it
    /// beside commits.
    public var isWhole: Bool

    /// By default a snapshot without tags, that is not the champion and keeps weights alone.
    public init(
        wallTimeMs: Int64, configuration: String = "", platform: String = "",
        metrics: String = "{}", tags: [String] = [], isChampion: Bool = false,
        isWhole: Bool = false
    ) {
        self.wallTimeMs = wallTimeMs
        self.configuration = configuration
        self.platform = platform
        self.metrics = metrics
        self.tags = tags
        self.isChampion = isChampion
        self.isWhole = isWhole
    }
}

/// One state that the store was in and can show again.
public struct SnapshotRecord: Sendable, Identifiable, Equatable {
    /// What made it. Raw values are part of the format.
    public enum Cause: UInt8, Sendable {
        /// The caller's commit asked for it.
        case commit = 0
        /// Weights went back; it is the state from then on.
        case rollback = 1
        /// All learned state went back; it is the state from then on.
        case rewind = 2
        /// Brought in from outside: weights alone, learned by another store.
        case imported = 3
    }

    /// Sixteen hexadecimal digits; the same for the same state, parent and sequence.
    public internal(set) var id: String
    /// The snapshot that the state came from; `nil` of a store's first one and of an imported one.
    public let parent: String?
    /// How many rewinds the store had seen.
    public let lineage: UInt32
    /// The commit it was taken in.
    public let sequence: UInt64
    /// The newest event time learned. Unit: milliseconds since 1970.
    public let eventTimeMs: Int64
    /// Wall time as the caller gave it. Unit: milliseconds since 1970.
    public let createdMs: Int64
    /// What made it.
    public let cause: Cause
    /// The cluster whose offsets were moved last.
    public let cluster: String
    /// The next offset to read of each partition of each cluster.
    public let offsets: [StoredOffset]
    /// SHA-256 of the base model's weights.
    public let base: Digest256
    /// The digest of the configuration's text; `texts` gives the text.
    public let configuration: Digest256
    /// The digest of the platform's text; `texts` gives the text.
    public let platform: Digest256
    /// JSON text.
    public let metrics: String
    /// `state_sha256`.
    public let stateDigest: Digest256
    /// The sum over the weights tables alone.
    public let weightsDigest: Digest256
    /// The store's totals at that commit.
    public let counters: [String: Int64]
    /// Whether the keyed state is in it too.
    public internal(set) var isWhole: Bool
    /// Bytes of the tables in it.
    public internal(set) var stateBytes: Int
    /// Bytes of chunks that were new with it; the rest it shares with earlier snapshots.
    public internal(set) var newBytes: Int
    /// Chunks that it is made of, shared ones included.
    public internal(set) var chunkCount: Int
}

extension SnapshotRecord {
    /// Sixteen digits of a digest over what the snapshot is, not over when it was taken.
    static func id(
        parent: String?, head: Head, base: Digest256, configuration: Digest256
    ) -> String {
        var writer = ByteWriter()
        writer.optional(parent) { $0.string($1) }
        writer.integer(head.lineage)
        writer.integer(head.sequence)
        writer.integer(head.eventTimeMs)
        writer.digest(head.stateDigest)
        writer.digest(head.weightsDigest)
        writer.digest(base)
        writer.digest(configuration)
        return String(SHA256.hash(writer.bytes).hex.prefix(16))
    }

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 512 + metrics.utf8.count)
        writer.string(id)
        writer.optional(parent) { $0.string($1) }
        writer.integer(lineage)
        writer.integer(sequence)
        writer.integer(eventTimeMs)
        writer.integer(createdMs)
        writer.integer(cause.rawValue)
        writer.string(cluster)
        writer.array(offsets) { writer, offset in
            writer.string(offset.cluster)
            writer.string(offset.position.topic)
            writer.integer(offset.position.partition)
            writer.integer(offset.next)
        }
        for digest in [base, configuration, platform, stateDigest, weightsDigest] {
            writer.digest(digest)
        }
        writer.string(metrics)
        writer.array(counters.sorted { $0.key < $1.key }) { writer, counter in
            writer.string(counter.key)
            writer.integer(counter.value)
        }
        writer.bool(isWhole)
        writer.integer(UInt64(stateBytes))
        writer.integer(UInt64(newBytes))
        writer.integer(UInt32(chunkCount))
        return writer.bytes
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        id = try reader.string()
        parent = try reader.optional { r throws(ByteCodingError) in try r.string() }
        lineage = try reader.integer()
        sequence = try reader.integer()
        eventTimeMs = try reader.integer()
        createdMs = try reader.integer()
        let at = reader.position
        guard let cause = Cause(rawValue: try reader.integer()) else {
            throw .badValue(at: at, "an unknown cause")
        }
        self.cause = cause
        cluster = try reader.string()
        offsets = try reader.array { r throws(ByteCodingError) in
            StoredOffset(
                cluster: try r.string(),
                position: TopicPartition(topic: try r.string(), partition: try r.integer()),
                next: try r.integer())
        }
        base = try reader.digest()
        configuration = try reader.digest()
        platform = try reader.digest()
        stateDigest = try reader.digest()
        weightsDigest = try reader.digest()
        metrics = try reader.string()
        let pairs = try reader.array { r throws(ByteCodingError) in
            (try r.string(), try r.integer(Int64.self))
        }
        counters = Dictionary(pairs) { $1 }
        isWhole = try reader.bool()
        stateBytes = Int(clamping: try reader.integer(UInt64.self))
        newBytes = Int(clamping: try reader.integer(UInt64.self))
        chunkCount = Int(try reader.integer(UInt32.self))
        try reader.finish()
    }
}
