import Records

/// How far event time has come, from the partitions that are not idle.
///
/// Each partition's time is that of its newest event less the lateness; the watermark is the least
/// of them and never goes back. A partition that is waited for and has brought nothing holds the
/// watermark where it is until it does or is called idle.
struct Watermarks: Sendable {
    private struct Partition: Sendable {
        var newestMs: Int64?
        var isIdle = false

        mutating func note(_ tsMs: Int64) {
            newestMs = max(newestMs ?? tsMs, tsMs)
            isIdle = false
        }
    }

    private var partitions: [TopicPartition: Partition] = [:]
    /// No event older than this is taken any more; `nil` before there is any.
    private(set) var watermarkMs: Int64?

    init() {}

    var positions: some Collection<TopicPartition> { partitions.keys }

    func isAwaiting(_ position: TopicPartition) -> Bool {
        partitions[position].map { $0.newestMs == nil && !$0.isIdle } ?? false
    }

    mutating func setIdle(_ position: TopicPartition, _ isIdle: Bool) {
        partitions[position, default: Partition()].isIdle = isIdle
    }

    /// Notes an event that was taken: its partition is not idle.
    mutating func note(_ position: TopicPartition, tsMs: Int64) {
        partitions[position, default: Partition()].note(tsMs)
    }

    /// Brings the watermark up to where the partitions stand.
    mutating func advance(latenessMs: Int64) {
        var least: Int64?
        var newest: Int64?
        for partition in partitions.values {
            if let time = partition.newestMs { newest = max(newest ?? time, time) }
            if partition.isIdle { continue }
            guard let time = partition.newestMs else { return }
            least = min(least ?? time, time)
        }
        // With every partition idle nobody is waited for.
        if let time = least ?? newest { raise(to: time - latenessMs) }
    }

    /// Brings the watermark to `ms` at least.
    mutating func raise(to ms: Int64) {
        watermarkMs = max(watermarkMs ?? ms, ms)
    }

    func write(_ writer: inout ByteWriter) {
        writer.optional(watermarkMs) { $0.integer($1) }
        writer.array(partitions.keys.sorted { $0.precedes($1) }) { writer, position in
            writer.position(position)
            writer.optional(partitions[position]?.newestMs) { $0.integer($1) }
            writer.bool(partitions[position]?.isIdle ?? false)
        }
    }

    init(_ row: inout ByteReader) throws(ByteCodingError) {
        watermarkMs = try row.optional { r throws(ByteCodingError) in try r.integer() }
        let listed = try row.array { r throws(ByteCodingError) in
            let position = try r.position()
            let newestMs: Int64? = try r.optional { r throws(ByteCodingError) in try r.integer() }
            return (position, Partition(newestMs: newestMs, isIdle: try r.bool()))
        }
        for (position, partition) in listed { partitions[position] = partition }
    }
}

extension TopicPartition {
    /// By the bytes of the topic, then the partition: the same order on every machine.
    func precedes(_ other: TopicPartition) -> Bool {
        if topic.utf8.elementsEqual(other.topic.utf8) { return partition < other.partition }
        return topic.utf8.lexicographicallyPrecedes(other.topic.utf8)
    }
}
