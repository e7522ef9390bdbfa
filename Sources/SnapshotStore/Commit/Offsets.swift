import Records

/// Where in Kafka the store stands, by cluster: a cluster that was made anew starts anew.
enum OffsetRecord {
    /// Cluster, topic (each ended by a zero byte), partition big-endian.
    static func key(_ cluster: String, _ position: TopicPartition) -> [UInt8] {
        var key = Array(cluster.utf8) + [0] + Array(position.topic.utf8) + [0]
        key += (0..<4).map { UInt8(truncatingIfNeeded: position.partition >> (24 - 8 * $0)) }
        return key
    }

    static func parse(_ key: [UInt8]) -> (cluster: String, position: TopicPartition)? {
        guard key.count >= 6 else { return nil }
        let names = key.dropLast(4).dropLast().split(
            separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard names.count == 2, key[key.count - 5] == 0 else { return nil }
        let partition = key.suffix(4).reduce(Int32(0)) { $0 << 8 | Int32($1) }
        return (
            String(decoding: names[0], as: UTF8.self),
            TopicPartition(
                topic: String(decoding: names[1], as: UTF8.self), partition: partition)
        )
    }

    static func value(_ next: Int64) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(next)
        return writer.bytes
    }

    /// What an offset adds to the state's digest. The cluster is left out: a replay of the same
    /// events on another cluster reaches the same state.
    static func stateDigest(_ key: [UInt8], _ value: [UInt8]) -> Digest256 {
        let cluster = (key.firstIndex(of: 0) ?? -1) + 1
        return Envelope.digest(RecordDomain(.offsets), Array(key[cluster...]), value)
    }
}

extension RecordWriter {
    mutating func putOffset(
        _ cluster: String, _ position: TopicPartition, _ next: Int64?
    ) throws(StoreError) {
        let key = OffsetRecord.key(cluster, position)
        let old = try value(.offsets, key)
        let new = next.map { OffsetRecord.value($0) }
        guard old != new else { return }
        if let new { try put(.offsets, key, new) } else { try remove(.offsets, key) }
        update { head in
            if let old {
                head.offsetsDigest = head.offsetsDigest &- OffsetRecord.stateDigest(key, old)
            }
            if let new {
                head.offsetsDigest = head.offsetsDigest &+ OffsetRecord.stateDigest(key, new)
            }
        }
    }
}
