import Records

extension AuditEntry {
    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.integer(wallTimeMs)
        writer.string(who)
        writer.string(action)
        writer.string(reason)
        return writer.bytes
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        wallTimeMs = try reader.integer()
        who = try reader.string()
        action = try reader.string()
        reason = try reader.string()
        try reader.finish()
    }
}

extension RecordWriter {
    mutating func append(_ entry: AuditEntry) throws(StoreError) {
        try put(.audit, StoredKey.number(head.nextAudit), entry.bytes)
        update { $0.nextAudit += 1 }
    }
}

extension SnapshotStore {
    /// The newest audit entries, newest first.
    ///
    /// - Parameter sinceMs: entries from before this time are left out; `nil` leaves out none. Unit:
    ///   milliseconds since 1970, wall time.
    /// - Complexity: with `sinceMs` all entries are read, since a wall clock may go back.
    public func audit(limit: Int = 100, sinceMs: Int64? = nil) throws(StoreError) -> [AuditEntry] {
        try withRead { transaction, databases throws(StoreError) in
            let next = try transaction.head(databases).nextAudit
            let most = max(limit, 0)
            let isAll = sinceMs != nil || next <= UInt64(most)
            let first = isAll ? 0 : next - UInt64(most)
            var entries: [AuditEntry] = []
            try transaction.forEachRecord(databases, .audit, from: StoredKey.number(first)) {
                _, value throws(StoreError) in
                let entry = try transaction.decoded(.audit) { () throws(ByteCodingError) in
                    try AuditEntry(bytes: value)
                }
                guard entry.wallTimeMs >= sinceMs ?? .min else { return true }
                // Of any number of entries no more than twice those asked for are held.
                if entries.count / 2 >= most { entries.removeFirst(entries.count - most) }
                entries.append(entry)
                return true
            }
            return entries.suffix(most).reversed()
        }
    }

    /// How many entries the audit has; none is ever removed.
    public func auditCount() throws(StoreError) -> UInt64 {
        try withRead { transaction, databases throws(StoreError) in
            try transaction.head(databases).nextAudit
        }
    }

    /// Adds an audit entry outside of a commit.
    public func record(_ entry: AuditEntry) throws(StoreError) {
        try withWriter { records throws(StoreError) in try records.append(entry) }
    }

    /// The next offset to read of each partition of a cluster.
    public func offsets(cluster: String) throws(StoreError) -> [TopicPartition: Int64] {
        try withRead { transaction, databases throws(StoreError) in
            var offsets: [TopicPartition: Int64] = [:]
            for entry in try transaction.offsets(databases) where entry.cluster == cluster {
                offsets[entry.position] = entry.next
            }
            return offsets
        }
    }

    /// Clusters that the store has offsets of.
    public func clusters() throws(StoreError) -> [String] {
        try withRead { transaction, databases throws(StoreError) in
            Set(try transaction.offsets(databases).map(\.cluster)).sorted()
        }
    }
}

extension Transaction where Self: ~Copyable {
    func offsets(_ databases: Databases) throws(StoreError) -> [StoredOffset] {
        var offsets: [StoredOffset] = []
        try forEachRecord(databases, .offsets) { key, value throws(StoreError) in
            guard let (cluster, position) = OffsetRecord.parse(key) else {
                throw .damaged(path: environment.folder.path, what: "an offset has a bad key")
            }
            let next = try decoded(.offsets) { () throws(ByteCodingError) in
                var reader = ByteReader(value)
                return try reader.integer(Int64.self)
            }
            offsets.append(StoredOffset(cluster: cluster, position: position, next: next))
            return true
        }
        return offsets
    }
}

/// The next offset to read of one partition of one cluster.
public struct StoredOffset: Sendable, Hashable {
    /// The cluster's id; empty for a log.
    public let cluster: String
    /// Which partition it is.
    public let position: TopicPartition
    /// One beyond the last offset learned.
    public let next: Int64
}
