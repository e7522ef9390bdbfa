import Records

/// Records handed to the caller together.
public struct KafkaBatch: Sendable {
    /// Why the batch ended where it did.
    public enum Cut: String, Sendable {
        /// As many records as were asked for.
        case full
        /// `KafkaConfiguration.batchBytesMax` was reached first.
        case bytes
        /// The linger time after the first record had passed.
        case lingered
        /// The caller asked for what there was.
        case drained
        /// The bound on waiting passed; there are no records in it, gathering goes on.
        case waited
        /// The caller's `stop` said so; there are no records in it.
        case stopped
        /// Somebody woke the caller; there are no records in it, gathering goes on.
        case woken
    }

    /// In the order of arrival: by offset within a partition, by chance between partitions.
    public let records: [SourceRecord]
    /// Why it ended where it did.
    public let cut: Cut
    /// For each partition with records in the batch, the offset to go on from.
    public let nextOffsets: [TopicPartition: Int64]
    /// Gaps that were accepted since the last batch; what they name lies before these records.
    public let gaps: [OffsetGap]
    /// Partitions that have come to exist since the last batch.
    public let addedPartitions: [TopicPartition]

    static func empty(_ cut: Cut) -> KafkaBatch {
        KafkaBatch(records: [], cut: cut, nextOffsets: [:], gaps: [], addedPartitions: [])
    }
}

/// What `assign` found.
public struct Assignment: Sendable {
    /// The number of partitions of each configured topic, those of other shards included.
    public let partitionCounts: [String: Int]
    /// Gaps that `KafkaConfiguration.onGap` let pass; reading begins behind them.
    public let acceptedGaps: [OffsetGap]
}

/// Where a consumer stands as a whole.
public struct ConsumerStatus: Sendable {
    /// Each assigned partition, in the order they were assigned in.
    public let partitions: [PartitionProgress]
    /// The end of every assigned partition was reached after its last record came. Records may
    /// still wait in the queue.
    public let isCaughtUp: Bool
    /// How long nothing has come since `isCaughtUp`; nil while it is false.
    public let idleMs: Int64?
    /// How long ago the last record came, of any partition; since the start where none did.
    public let sinceLastRecordMs: Int64
    /// Records that came and were not handed out, those of a batch being gathered included.
    public let waitingRecords: Int
    /// Bytes in the queue between poll thread and caller, the overhead of each record included.
    public let queuedBytes: Int
    /// Since the start.
    public let recordsReceived: Int64

    /// Every broker that is known, by id.
    public let brokers: [BrokerState]
    /// For how long no broker has answered; nil while one does.
    public let withoutBrokerMs: Int64?
    /// The last error of a connection.
    public let brokerError: String?

    /// Records that are there and not handed out; nil while it is not known of some partition.
    public var lag: Int64? {
        partitions.contains { $0.unservedMs != nil } ? nil : lastKnownLag
    }
    /// The same from what was known last, however old that is.
    public var lastKnownLag: Int64 { partitions.reduce(0) { $0 + $1.lag } }
    /// The partition without a broker for longest, and for how long.
    public var unserved: (position: TopicPartition, ms: Int64)? {
        partitions.compactMap { partition in
            partition.unservedMs.map { (partition.position, $0) }
        }.max { $0.1 < $1.1 }
    }
}
