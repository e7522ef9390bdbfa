import KafkaStream
import Records

/// Tells which partitions bring nothing, so that windows of the others need not wait for them.
///
/// A pure value: told what came and when.
package struct IdleWatch {
    package typealias Instant = ContinuousClock.Instant

    private let idleAfter: Swift.Duration
    private var lastRecord: [TopicPartition: Instant] = [:]
    private var idle: Set<TopicPartition> = []
    /// Where the backlog ends that a partition had when reading began.
    private var backlogEnd: [TopicPartition: Int64] = [:]

    package init(idleAfterMs: Int, partitions: [PartitionProgress], now: Instant) {
        idleAfter = .milliseconds(idleAfterMs)
        for partition in partitions {
            lastRecord[partition.position] = now
            if partition.lag > 0 { backlogEnd[partition.position] = partition.endOffset }
        }
    }

    /// Partitions with a backlog, whose events may be older than what the others bring.
    package var behind: [TopicPartition] { backlogEnd.keys.sorted() }

    /// Takes the offsets that a batch has brought the partitions to.
    ///
    /// - Returns: the partitions whose backlog ended with it.
    package mutating func note(_ next: [TopicPartition: Int64], now: Instant) -> [TopicPartition] {
        for position in next.keys {
            lastRecord[position] = now
            idle.remove(position)
        }
        let ended = next.filter { position, offset in
            backlogEnd[position].map { offset >= $0 } ?? false
        }
        for position in ended.keys { backlogEnd[position] = nil }
        return ended.keys.sorted()
    }

    /// The partitions that have brought nothing for so long, each once until it brings something
    /// again.
    ///
    /// - Parameter lag: records of each partition that are there and not read. While there are any
    ///   it is not the partition that is idle; nor while no broker can say, nor before it has been
    ///   quiet for so long once more after that (nil).
    package mutating func newlyIdle(
        now: Instant, lag: () -> [TopicPartition: Int64?]
    ) -> [TopicPartition] {
        let quiet = lastRecord.filter { position, last in
            last.duration(to: now) >= idleAfter && !idle.contains(position)
        }
        guard !quiet.isEmpty else { return [] }
        let lags = lag()
        for position in quiet.keys where (lags[position] ?? 0) == nil {
            lastRecord[position] = now
        }
        let found = quiet.keys.filter { (lags[$0] ?? 0) == 0 }.sorted()
        idle.formUnion(found)
        return found
    }
}
