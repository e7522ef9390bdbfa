import Platform
import Records

/// Whether keyed records lie where this cluster's partitioner puts them: shards own partitions, so a
/// shopper's records must all be in one shard's.
public struct ShardKeys: Sendable {
    /// How many shards share the partitions, 2 or more where it matters.
    public let shards: Int
    /// How producers choose a partition by the key.
    public let partitioner: KeyPartitioner
    /// Partitions of the topics that are shared out among shards.
    public let partitionCounts: [String: Int]

    /// Takes each field as it is.
    ///
    /// - Parameter partitionCounts: of the topics that are shared out alone.
    public init(shards: Int, partitioner: KeyPartitioner, partitionCounts: [String: Int]) {
        self.shards = shards
        self.partitioner = partitioner
        self.partitionCounts = partitionCounts
    }

    /// nil where one daemon reads all there is.
    public init?(_ configuration: KafkaConfiguration, partitionCounts: [String: Int]) {
        guard configuration.shards > 1 else { return nil }
        self.init(
            shards: configuration.shards, partitioner: configuration.partitioner,
            partitionCounts: partitionCounts.filter {
                !configuration.wholeTopics.contains($0.key)
            })
    }

    /// The shard that owns a record's key; nil where the key or the topic does not say.
    public func shard(of record: SourceRecord) -> Int? {
        guard let key = record.key, let count = partitionCounts[record.position.topic] else {
            return nil
        }
        return Int(partitioner.partition(of: key, count: count)) % shards
    }

    /// Whether another shard than the one that reads the record owns its key.
    ///
    /// Compared by shard and not by partition: a topic that has grown has old records where fewer
    /// partitions put them, which is the same shard when the shards divide both counts.
    public func isMisplaced(_ record: SourceRecord) -> Bool {
        shard(of: record).map { $0 != Int(record.position.partition) % shards } ?? false
    }

    /// What is wrong with a misplaced record, in a sentence.
    public func misplacement(of record: SourceRecord) -> String {
        "its key belongs to shard \(shard(of: record) ?? 0) of \(shards) by "
            + "\(partitioner.rawValue): it was written with another partitioner than "
            + "kafka.partitioner says"
    }

    /// Looks at the newest keys of each topic.
    ///
    /// Throws: `KafkaError.configuration` when more than half of a topic's lie elsewhere than the
    /// partitioner puts them, and what reading throws.
    public static func check(_ configuration: KafkaConfiguration, partitionCounts: [String: Int])
        throws(KafkaError)
    {
        guard let keys = ShardKeys(configuration, partitionCounts: partitionCounts) else { return }
        for topic in keys.partitionCounts.keys.sorted() {
            let records = try newest(topic, configuration).filter { $0.key != nil }
            let misplaced = records.filter(keys.isMisplaced).count
            guard 2 * misplaced > records.count else { continue }
            throw .configuration(
                key: "kafka.partitioner",
                reason:
                    "of the newest \(records.count) keys of topic \(topic), \(misplaced) lie in "
                    + "partitions of another shard than \(configuration.partitioner.rawValue) says; "
                    + "state the partitioner of its producers")
        }
    }

    /// A sample of the records at the end of each partition.
    private static func newest(_ topic: String, _ configuration: KafkaConfiguration)
        throws(KafkaError) -> [SourceRecord]
    {
        let sampled = 200
        var reading = configuration
        reading.topics = [topic]
        (reading.shards, reading.shard) = (1, 0)
        reading.onGap = .accept
        let probe = try KafkaConsumer(reading)
        try probe.assign(from: [:])
        let ends = probe.status()?.partitions ?? []
        probe.close()
        let each = Int64(max(1, sampled / max(1, ends.count)))
        let consumer = try KafkaConsumer(reading)
        defer { consumer.close() }
        try consumer.assign(
            from: Dictionary(
                ends.map { ($0.position, max($0.nextOffset, $0.endOffset - each)) },
                uniquingKeysWith: { first, _ in first }))
        var records: [SourceRecord] = []
        let endMs = MonotonicClock.nowMs() + Int64(configuration.connectTimeoutMs)
        while MonotonicClock.nowMs() < endMs, records.count < sampled {
            let isAtEnd = consumer.status()?.isCaughtUp ?? true
            let batch =
                isAtEnd
                ? try consumer.drain(maxRecords: sampled)
                : try consumer.next(maxRecords: sampled, lingerMs: 5, waitMs: 20)
            records += batch.records
            if isAtEnd, batch.records.isEmpty { break }
        }
        return records
    }
}
