import Records

/// What a store remembers and never takes back, whatever becomes of its learned state.
///
/// Beside it the store's own outbox numbers, audit and references stay as they are through every
/// rollback. Nothing of the ledger enters what is learned but through the journal: so a replay from
/// any snapshot reaches the same state whatever the ledger says today.
struct Ledger: Sendable, Equatable {
    /// For each partition the offset up to which all that was to be published has been: what is
    /// learned again below it after a rewind is not published again.
    var publishedTo: [TopicPartition: Int64] = [:]
    /// Records that are never learned again.
    var skips = OffsetRanges()

    private static let publishedTable = StateTable("published", .ledger)
    private static let skipTable = StateTable("skipped", .ledger)

    init() {}

    /// - Parameter cluster: where the offsets count; those of other clusters stay as they are.
    init(cluster: String, reading state: any StateReader) throws {
        try state.forEach(Self.publishedTable) { key, value in
            guard let position = try Self.position(key, of: cluster) else { return }
            var reader = ByteReader(value)
            publishedTo[position] = try reader.integer()
            try reader.finish()
        }
        try state.forEach(Self.skipTable) { key, value in
            guard let position = try Self.position(key, of: cluster) else { return }
            var reader = ByteReader(value)
            for range in try reader.array({ r throws(ByteCodingError) in try r.range() }) {
                skips.insert(range, of: position)
            }
            try reader.finish()
        }
    }

    /// Notes that what has been learned up to `offsets` is published: after a rewind it is learned
    /// again, and a second rewind before that is over keeps the first one's marks.
    mutating func markPublished(upTo offsets: [TopicPartition: Int64]) {
        publishedTo.merge(offsets) { max($0, $1) }
    }

    /// Forgets a partition of a topic that is no more: the offsets of its namesake mean other records.
    ///
    /// - Returns: what it takes out of the store.
    mutating func forget(_ position: TopicPartition, cluster: String) -> StateChanges {
        var changes = StateChanges()
        let key = Self.key(cluster, position)
        if publishedTo.removeValue(forKey: position) != nil {
            changes.remove(Self.publishedTable, key)
        }
        if skips.remove(position) { changes.remove(Self.skipTable, key) }
        return changes
    }

    /// Whether what a record asks for was published before it was learned again.
    func isPublished(_ place: RecordPlace) -> Bool {
        publishedTo[place.position].map { place.offset < $0 } ?? false
    }

    /// The rows as they belong into the store.
    func changes(cluster: String) -> StateChanges {
        var changes = StateChanges()
        for (position, offset) in publishedTo.sorted(by: { $0.key < $1.key }) {
            var writer = ByteWriter()
            writer.integer(offset)
            changes.put(Self.publishedTable, Self.key(cluster, position), writer.bytes)
        }
        for (position, ranges) in skips.ranges.sorted(by: { $0.key < $1.key }) {
            var writer = ByteWriter()
            writer.array(ranges) { $0.range($1) }
            changes.put(Self.skipTable, Self.key(cluster, position), writer.bytes)
        }
        return changes
    }

    static func key(_ cluster: String, _ position: TopicPartition) -> [UInt8] {
        var writer = ByteWriter()
        writer.string(cluster)
        writer.position(position)
        return writer.bytes
    }

    /// `nil` for a partition of another cluster.
    static func position(
        _ key: [UInt8], of cluster: String
    ) throws(ByteCodingError) -> TopicPartition? {
        var reader = ByteReader(key)
        guard try reader.string() == cluster else { return nil }
        let position = try reader.position()
        try reader.finish()
        return position
    }
}
