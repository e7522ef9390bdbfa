import Platform
import Records

/// Looks after the assignment beside the poll thread: finds new partitions, and decides what to do
/// about a fetch position that the broker does not have.
///
/// Both ask the cluster and wait for the answer, which the poll thread must not.
/// Thread: its own, alone.
struct AssignmentKeeper {
    /// How often a partition is started again at a position that the broker says it has.
    private static let restartsMax = 10
    /// Bounds each question, and with it how long closing the consumer may take.
    private static let questionMs = 2000
    /// A topic or partition that is missing this often in a row is gone; brokers that start anew
    /// may not know it for a moment.
    private static let timesMissingMax = 3
    private static let lookAgainMs = 1000

    private let core: ConsumerCore
    private let metadata: ClusterMetadata
    private let choice: PartitionChoice
    private var growth: PartitionGrowth
    private var known: Set<TopicPartition>
    private var restarts: [Int: (offset: Int64, count: Int)] = [:]
    private var nextLookMs: Int64
    private var timesMissing = 0

    init(_ core: ConsumerCore, plan: AssignmentPlan) {
        self.core = core
        choice = plan.choice
        growth = PartitionGrowth(plan.choice, atStart: plan.partitionCounts)
        known = Set(plan.starts.map(\.position))
        metadata = ClusterMetadata(client: core.client, servesCallbacks: false)
        nextLookMs = MonotonicClock.nowMs() + Int64(core.configuration.discoveryIntervalMs)
    }

    private enum Work {
        case misplaced(Set<Int>)
        case look
        case stop
    }

    mutating func run() {
        while true {
            let work = core.state.wait(untilMs: nextLookMs) { state -> Work? in
                if state.stopping || state.failure != nil { return .stop }
                if state.keeping.looksNow {
                    state.keeping.looksNow = false
                    return .look
                }
                guard !state.keeping.misplaced.isEmpty else { return nil }
                defer { state.keeping.misplaced = [] }
                return .misplaced(state.keeping.misplaced)
            }
            switch work ?? .look {
            case .stop: return
            case .misplaced(let indexes): settle(indexes)
            case .look:
                let pauseMs = look() ? core.configuration.discoveryIntervalMs : Self.lookAgainMs
                nextLookMs = MonotonicClock.nowMs() + Int64(pauseMs)
            }
        }
    }

    /// Compares what the cluster has with what is assigned.
    ///
    /// - Returns: false when something was missing, so that it is looked at again soon.
    private mutating func look() -> Bool {
        do {
            var missing: TopicPartition?
            var isTopicGone = false
            var counts: [String: Int] = [:]
            var new: [TopicPartition] = []
            for topic in core.configuration.topics {
                let count = try metadata.partitionCount(of: topic, timeoutMs: Self.questionMs)
                counts[topic] = count
                let there = Set(choice.positions(topic: topic, count: count ?? 0))
                new += there.subtracting(known).sorted()
                if let lost = known.filter({ $0.topic == topic }).subtracting(there).min() {
                    (missing, isTopicGone) = (lost, count == nil)
                }
                if core.isStopping { return true }
            }
            guard let missing else {
                timesMissing = 0
                return try take(new, counts)
            }
            timesMissing += 1
            if timesMissing >= Self.timesMissingMax { fail(missing, isTopicGone: isTopicGone) }
            return false
        } catch {
            // That no broker answers is told once, elsewhere.
            let nowMs = MonotonicClock.nowMs()
            if core.context.state.withLock({ $0.watch.withoutBrokerMs(nowMs: nowMs) }) == nil {
                core.context.notice(.warning, "looking for partitions: \(error)")
            }
            return timesMissing == 0
        }
    }

    /// - Returns: whether the topics have grown, if they have, as they may.
    private mutating func take(
        _ new: [TopicPartition], _ counts: [String: Int]
    ) throws(KafkaError) -> Bool {
        switch growth.verdict(counts) {
        case .read:
            if !new.isEmpty { try add(new) }
            return true
        case .wait:
            core.context.notice(
                .warning, "topics of unequal partition counts: new partitions are not read yet")
            return false
        case .refuse(let error):
            core.fail(error)
            return true
        }
    }

    private func fail(_ missing: TopicPartition, isTopicGone: Bool) {
        guard !isTopicGone else {
            return core.fail(.unknownTopic(missing.topic, brokers: core.client.brokers))
        }
        let next = core.state.withLock { state in
            state.progress.index(of: missing).map { state.progress.partitions[$0].receivedOffset }
        }
        let gap = OffsetGap(
            position: missing, kind: .partitionMissing, stored: next ?? 0, available: 0..<0)
        core.fail(.offsetGap(gap))
    }

    /// New partitions are read from their beginning: all that is in them is new.
    private mutating func add(_ positions: [TopicPartition]) throws(KafkaError) {
        let marks = try metadata.watermarks(of: positions, timeoutMs: Self.questionMs)
        let starts = positions.compactMap { position in
            marks[position].map { (position, $0) }
        }
        let nowMs = MonotonicClock.nowMs()
        core.state.update { state in
            for (position, available) in starts {
                state.progress.assigned(
                    position, from: available.lowerBound, end: available.upperBound, nowMs: nowMs)
                state.startedAtBeginning.insert(position)
                state.added.append(position)
            }
        }
        known.formUnion(positions)
        try core.startFetching(starts.map { ($0.0, $0.1.lowerBound) })
        core.context.notice(
            .info, "new partitions: \(positions.map(\.description).joined(separator: ", "))")
    }

    private mutating func settle(_ indexes: Set<Int>) {
        do {
            for index in indexes.sorted() { try settle(index) }
        } catch .timedOut(let step, let ms) {
            // No leader just now; the question stays open.
            core.context.notice(.warning, "\(step) took longer than \(ms) ms")
            _ = core.state.wait(untilMs: MonotonicClock.nowMs() + 500) {
                $0.stopping ? true : nil
            }
            core.state.update { $0.keeping.misplaced.formUnion(indexes) }
        } catch {
            core.fail(error)
        }
    }

    private mutating func settle(_ index: Int) throws(KafkaError) {
        let (progress, atBeginning) = core.state.withLock { state in
            let progress = state.progress.partitions[index]
            return (progress, state.startedAtBeginning.contains(progress.position))
        }
        let position = progress.position
        let expected = progress.receivedOffset
        guard
            let available = try metadata.watermarks(of: [position], timeoutMs: Self.questionMs)[
                position]
        else { return }
        var start = expected
        if let kind = OffsetGap.Kind(next: expected, available: available) {
            let gap = OffsetGap(
                position: position, kind: kind, stored: expected, available: available)
            // Nothing of ours is missing from a partition that was to be read from its beginning.
            if !atBeginning {
                guard core.configuration.onGap == .accept else { throw .offsetGap(gap) }
                core.context.notice(.warning, "accepted: \(gap)")
                core.state.update { $0.gaps.append(gap) }
            }
            start = available.lowerBound
        } else {
            try countRestart(index, position, at: expected)
        }
        core.state.update {
            $0.progress.moved(
                index, to: start, end: available.upperBound, nowMs: MonotonicClock.nowMs())
        }
        try core.stopFetching(position)
        try core.startFetching([(position, start)])
    }

    /// The broker refused a position and says that it has it: a moving leader, most often.
    private mutating func countRestart(_ index: Int, _ position: TopicPartition, at offset: Int64)
        throws(KafkaError)
    {
        let last = restarts[index]
        let count = last?.offset == offset ? last!.count + 1 : 1
        guard count <= Self.restartsMax else {
            throw .unreadable(
                position, offset: offset,
                reason: "the broker has it and refused it \(count) times")
        }
        restarts[index] = (offset, count)
        core.context.notice(.warning, "\(position): starting again at offset \(offset)")
    }
}

extension OffsetGap.Kind {
    /// What is wrong with going on from `next`; nil when the broker has it, or will have it next.
    init?(next: Int64, available: Range<Int64>) {
        if next < available.lowerBound {
            self = .retention
        } else if next > available.upperBound {
            self = .endBeforeOffset
        } else {
            return nil
        }
    }
}

/// Which partitions a shard owns.
public struct PartitionChoice: Sendable {
    /// How many shards share the partitions, 1 or more.
    public let shards: Int
    /// Which one this is, from 0.
    public let shard: Int
    /// Topics of which every shard owns all.
    public let wholeTopics: Set<String>

    /// Traps where `shard` is not one of the shards.
    public init(shards: Int, shard: Int, wholeTopics: Set<String> = []) {
        precondition(shards >= 1 && (0..<shards).contains(shard))
        self.shards = shards
        self.shard = shard
        self.wholeTopics = wholeTopics
    }

    init(_ configuration: KafkaConfiguration) {
        self.init(
            shards: configuration.shards, shard: configuration.shard,
            wholeTopics: configuration.wholeTopics)
    }

    /// Whether this shard reads the partition: its number modulo `shards` is `shard`, or its topic
    /// is read whole.
    public func owns(_ position: TopicPartition) -> Bool {
        position.partition >= 0
            && (wholeTopics.contains(position.topic) || Int(position.partition) % shards == shard)
    }

    /// The partitions of the topic that this shard owns.
    ///
    /// - Parameter count: how many the topic has.
    package func positions(topic: String, count: Int) -> [TopicPartition] {
        (0..<Int32(clamping: count)).map { TopicPartition(topic: topic, partition: $0) }
            .filter(owns)
    }

    /// Shards own partitions by number, so a shopper's topics must have equally many.
    ///
    /// Throws: `KafkaError.configuration` naming two topics that differ.
    package func requireEqualCounts(_ counts: [String: Int]) throws(KafkaError) {
        guard shards > 1 else { return }
        let shared = counts.filter { !wholeTopics.contains($0.key) }.sorted { $0.key < $1.key }
        guard let first = shared.first,
            let other = shared.first(where: { $0.value != first.value })
        else { return }
        throw .configuration(
            key: "kafka.topics",
            reason: "with \(shards) shards all topics need equally many partitions: "
                + "\(first.key) has \(first.value), \(other.key) has \(other.value); a topic that "
                + "is not keyed by shopper can be read whole by every shard (every_shard: true)")
    }
}
