import Platform
import Records

/// What to read and from where, once the cluster has been asked.
package struct AssignmentPlan {
    /// Where the reading of one partition begins.
    package struct Start: Equatable {
        /// Which partition it is.
        package let position: TopicPartition
        /// The first offset to be read.
        package let offset: Int64
        /// One beyond the last record that the broker has.
        package let end: Int64
        /// There was no offset to go on from.
        package let isNew: Bool
    }

    /// How far the store has read.
    package struct Stored {
        /// The next offset to read of each partition.
        package var offsets: [TopicPartition: Int64]
        /// The last record that was read of each partition.
        package var marks: [TopicPartition: RecordMark]

        /// Takes both as they are.
        package init(
            offsets: [TopicPartition: Int64], marks: [TopicPartition: RecordMark] = [:]
        ) {
            self.offsets = offsets
            self.marks = marks
        }
    }

    let choice: PartitionChoice
    let partitionCounts: [String: Int]
    /// One for each partition this shard owns, in the order of the topics.
    package let starts: [Start]
    /// What stored offsets and the broker's do not agree in; empty unless gaps are accepted.
    package let gaps: [OffsetGap]

    static func make(
        _ core: ConsumerCore, stored: Stored, partitionsMax: Int, stop: () -> Bool
    ) throws(KafkaError) -> AssignmentPlan {
        let configuration = core.configuration
        let metadata = ClusterMetadata(client: core.client, servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs, stop: stop)
        let choice = PartitionChoice(configuration)
        let counts = try waitForTopics(metadata, configuration, stop)
        let positions = configuration.topics.flatMap {
            choice.positions(topic: $0, count: min(partitionsMax, counts[$0, default: 0]))
        }
        let available = try metadata.watermarks(
            of: positions, timeoutMs: configuration.connectTimeoutMs)
        let looked = stored.marks.filter { position, mark in
            stored.offsets[position] != nil && available[position]?.contains(mark.offset) == true
        }
        let found = try RecordProbe.read(
            looked.mapValues(\.offset), configuration: configuration,
            timeoutMs: max(configuration.connectTimeoutMs, probeMs), stop: stop)
        let replaced = looked.filter { $1.isReplaced(by: found[$0]) == true }
        return try AssignmentPlan(
            choice: choice, partitionCounts: counts, positions: positions, stored: stored,
            available: available, replaced: Set(replaced.keys), onGap: configuration.onGap)
    }

    /// How long a record may take to come that is known to be there.
    private static let probeMs = 30_000

    /// The decision alone: stored offsets against what the broker has.
    ///
    /// - Parameters:
    ///   - replaced: partitions where another record lies at the mark's offset.
    package init(
        choice: PartitionChoice, partitionCounts: [String: Int], positions: [TopicPartition],
        stored: Stored, available: [TopicPartition: Range<Int64>],
        replaced: Set<TopicPartition> = [], onGap: KafkaConfiguration.GapPolicy
    ) throws(KafkaError) {
        try choice.requireEqualCounts(partitionCounts)
        var starts: [Start] = []
        var gaps: [OffsetGap] = []
        for position in positions {
            let range = available[position, default: 0..<0]
            guard let next = stored.offsets[position] else {
                starts.append(
                    Start(
                        position: position, offset: range.lowerBound, end: range.upperBound,
                        isNew: true))
                continue
            }
            var offset = next
            // After a rewind the offset may lie before records that a topic made anew has not.
            let reached = max(next, stored.marks[position].map { $0.offset + 1 } ?? 0)
            if let kind = OffsetGap.Kind(next: next, available: range) {
                gaps.append(
                    OffsetGap(position: position, kind: kind, stored: next, available: range))
                offset = range.lowerBound
            } else if let kind = OffsetGap.Kind(next: reached, available: range) {
                gaps.append(
                    OffsetGap(position: position, kind: kind, stored: reached, available: range))
                offset = range.lowerBound
            } else if replaced.contains(position) {
                gaps.append(
                    OffsetGap(
                        position: position, kind: .otherRecord, stored: reached, available: range))
                offset = range.lowerBound
            }
            starts.append(
                Start(position: position, offset: offset, end: range.upperBound, isNew: false))
        }
        // A store that has read partitions which are no more has seen another topic.
        let owned = Set(positions)
        for (position, next) in stored.offsets.sorted(by: { $0.key < $1.key })
        where partitionCounts[position.topic] != nil && choice.owns(position)
            && next > 0 && !owned.contains(position)
        {
            gaps.append(
                OffsetGap(
                    position: position, kind: .partitionMissing, stored: next,
                    available: 0..<0))
        }
        if onGap == .stop, let gap = gaps.first { throw .offsetGap(gap) }
        self.choice = choice
        self.partitionCounts = partitionCounts
        self.starts = starts
        self.gaps = gaps
    }

    private static func waitForTopics(
        _ metadata: ClusterMetadata, _ configuration: KafkaConfiguration, _ stop: () -> Bool
    ) throws(KafkaError) -> [String: Int] {
        let deadlineMs = MonotonicClock.nowMs() + Int64(configuration.topicWaitMs)
        while true {
            let counts = try metadata.partitionCounts(
                of: configuration.topics, timeoutMs: configuration.connectTimeoutMs)
            guard let missing = configuration.topics.first(where: { counts[$0] == nil }) else {
                return counts
            }
            if stop() { throw .closed }
            guard MonotonicClock.nowMs() < deadlineMs else {
                throw .unknownTopic(missing, brokers: metadata.client.brokers)
            }
            metadata.pause(ms: 250)
        }
    }
}
