import Records

/// Where the consumption of one partition stands.
public struct PartitionProgress: Sendable, Hashable {
    /// Which partition it is.
    public let position: TopicPartition
    /// The next offset that a batch will hand out.
    public internal(set) var nextOffset: Int64
    /// The next offset that the poll thread expects from the broker.
    public internal(set) var receivedOffset: Int64
    /// The offset after the last record that the broker is known to have.
    public internal(set) var endOffset: Int64
    /// Whether the broker said that there was nothing more after `receivedOffset`.
    public internal(set) var reachedEnd: Bool

    /// For how long no broker has answered for the partition; nil while one does.
    public internal(set) var unservedMs: Int64?

    /// Records that the broker was last known to have and no batch has handed out.
    public var lag: Int64 { max(0, endOffset - nextOffset) }
    /// The same, nil while nobody can know.
    public var knownLag: Int64? { unservedMs == nil ? lag : nil }
}

/// The consumer's view of its partitions: a pure value, told what happened and when.
///
/// Units: times are milliseconds of one monotonic clock.
package struct AssignmentProgress: Sendable {
    /// In the order they were assigned in; `index` is a place in it.
    package private(set) var partitions: [PartitionProgress] = []
    private var indexes: [TopicPartition: Int] = [:]
    private var unfinished = 0
    private var lastRecordMs: Int64
    private var lastChangeMs: Int64

    /// No partition yet; idleness counts from `nowMs`.
    package init(nowMs: Int64) {
        lastRecordMs = nowMs
        lastChangeMs = nowMs
    }

    /// Its place in `partitions`; nil where it is not assigned.
    package func index(of position: TopicPartition) -> Int? { indexes[position] }

    /// Adds a partition that is read from `offset`; `end` is one beyond the last record. Traps
    /// where it is assigned already.
    package mutating func assigned(
        _ position: TopicPartition, from offset: Int64, end: Int64, nowMs: Int64
    ) {
        precondition(indexes[position] == nil, "a partition is assigned once")
        indexes[position] = partitions.count
        partitions.append(
            PartitionProgress(
                position: position, nextOffset: offset, receivedOffset: offset, endOffset: end,
                reachedEnd: false))
        unfinished += 1
        lastChangeMs = nowMs
    }

    /// The partition goes on from another offset, because what was to come is gone.
    package mutating func moved(_ index: Int, to offset: Int64, end: Int64, nowMs: Int64) {
        setReachedEnd(index, false, nowMs)
        partitions[index].receivedOffset = offset
        partitions[index].endOffset = end
    }

    /// A record came from the broker.
    package mutating func received(_ index: Int, offset: Int64, nowMs: Int64) {
        partitions[index].receivedOffset = offset + 1
        if partitions[index].endOffset <= offset { partitions[index].endOffset = offset + 1 }
        lastRecordMs = nowMs
        if partitions[index].reachedEnd { setReachedEnd(index, false, nowMs) }
    }

    /// The broker has nothing from `offset` on.
    package mutating func reachedEnd(_ index: Int, offset: Int64, nowMs: Int64) {
        // Beyond the last record may lie the marks of transactions, which are no records.
        partitions[index].receivedOffset = max(partitions[index].receivedOffset, offset)
        partitions[index].endOffset = partitions[index].receivedOffset
        setReachedEnd(index, true, nowMs)
    }

    /// The broker told of an end, as in statistics; one that is older than what is known changes
    /// nothing.
    package mutating func sawEnd(_ index: Int, _ end: Int64) {
        if end > partitions[index].endOffset { partitions[index].endOffset = end }
    }

    /// A batch took the records before `nextOffset`.
    package mutating func handedOut(_ index: Int, nextOffset: Int64) {
        partitions[index].nextOffset = nextOffset
    }

    private mutating func setReachedEnd(_ index: Int, _ reached: Bool, _ nowMs: Int64) {
        guard partitions[index].reachedEnd != reached else { return }
        partitions[index].reachedEnd = reached
        unfinished += reached ? -1 : 1
        lastChangeMs = nowMs
    }

    /// Whether the end of every partition was reached after its last record.
    package var isCaughtUp: Bool { unfinished == 0 }

    /// No broker answers for a partition: what it has is not known, and time without records says
    /// nothing.
    package mutating func outage(nowMs: Int64) { lastChangeMs = nowMs }

    /// How long nothing has come since every partition's end was reached; nil before that.
    package func idleMs(nowMs: Int64) -> Int64? {
        isCaughtUp ? max(0, nowMs - max(lastRecordMs, lastChangeMs)) : nil
    }

    /// How long ago the last record came, of any partition; since the start where none did.
    package func sinceLastRecordMs(nowMs: Int64) -> Int64 { max(0, nowMs - lastRecordMs) }
}
