import CRdKafka
import Platform
import Records

/// Reads the partitions that this process owns, from the offsets it is given.
///
/// Partitions are assigned, not negotiated: no group can take them away, and the only truth about
/// offsets is what `assign` is told.
/// Thread: `next` and `drain` belong to one thread; everything else may be called from any.
public final class KafkaConsumer: Sendable {
    private struct Life {
        var core: ConsumerCore?
        var threads: [NamedThread] = []
    }

    private let life: Monitor<Life>
    private let configuration: KafkaConfiguration

    /// Checks the configuration; nothing is connected yet.
    ///
    /// Throws: `KafkaError.configuration` or `.reservedKey`.
    public init(
        _ configuration: KafkaConfiguration,
        onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in }
    ) throws(KafkaError) {
        try configuration.validate()
        self.configuration = configuration
        let native = try NativeConfiguration(configuration, role: .consumer)
        let context = ClientContext(
            redactor: native.redactor, watchesBrokers: true, onNotice: onNotice)
        let client = try native.makeClient(context)
        life = Monitor(Life(core: ConsumerCore(configuration, client: client)))
    }

    deinit {
        close()
    }

    private func core() throws(KafkaError) -> ConsumerCore {
        guard let core = life.withLock(\.core) else { throw .closed }
        return core
    }

    /// Waits for the first broker that answers.
    ///
    /// - Returns: the cluster's id; nil for a cluster too old to have one.
    /// Throws: `KafkaError.unreachable` after `connectTimeoutMs`, `.denied`, `.closed` on `stop`.
    public func connect(stop: () -> Bool = { false }) throws(KafkaError) -> String? {
        let core = try core()
        precondition(!core.state.withLock(\.started), "connect comes before assign")
        let metadata = ClusterMetadata(client: core.client, servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs, stop: stop)
        return metadata.clusterId(timeoutMs: 1000)
    }

    /// Starts reading: each owned partition from its offset, or from its beginning without one.
    ///
    /// Called once, after or instead of `connect`.
    /// - Parameters:
    ///   - offsets: the next offset to read; those of other topics are left alone.
    ///   - marks: the last record that was read of each partition: it is read again, to tell a topic
    ///     that was made anew from the one that was read.
    /// - Returns: the number of partitions of each topic, and the gaps that were accepted.
    /// Throws: `KafkaError.unreachable`, `.unknownTopic`, `.offsetGap`, `.denied`, `.closed`.
    @discardableResult
    public func assign(
        from offsets: [TopicPartition: Int64], marks: [TopicPartition: RecordMark] = [:],
        stop: () -> Bool = { false }
    ) throws(KafkaError) -> Assignment {
        try assign(from: offsets, marks: marks, partitionsMax: .max, stop: stop)
    }

    /// - Parameter partitionsMax: partitions of a topic to take now; those beyond are found like
    ///   new ones. For tests over the development broker, whose topics cannot grow.
    @discardableResult
    package func assign(
        from offsets: [TopicPartition: Int64], marks: [TopicPartition: RecordMark] = [:],
        partitionsMax: Int, stop: () -> Bool = { false }
    ) throws(KafkaError) -> Assignment {
        let core = try core()
        precondition(!core.state.withLock(\.started), "partitions are assigned once")
        let plan = try AssignmentPlan.make(
            core, stored: AssignmentPlan.Stored(offsets: offsets, marks: marks),
            partitionsMax: partitionsMax, stop: stop)
        let nowMs = MonotonicClock.nowMs()
        core.state.update { state in
            state.started = true
            state.progress = AssignmentProgress(nowMs: nowMs)
            for start in plan.starts {
                state.progress.assigned(
                    start.position, from: start.offset, end: start.end, nowMs: nowMs)
            }
            state.startedAtBeginning = Set(plan.starts.filter(\.isNew).map(\.position))
        }
        // Events of the client stay on a queue of their own: while records are left unread, how the
        // brokers stand is heard all the same.
        let listen = try NamedThread.start("kafka-events") { core.listen() }
        life.withLock { $0.threads.append(listen) }
        try core.startFetching(plan.starts.map { ($0.position, $0.offset) })
        let poll = try NamedThread.start("kafka-poll") {
            var poller = ConsumerPoller(core)
            poller.run()
        }
        life.withLock { $0.threads.append(poll) }
        let keep = try NamedThread.start("kafka-assign") {
            var keeper = AssignmentKeeper(core, plan: plan)
            keeper.run()
        }
        life.withLock { $0.threads.append(keep) }
        return Assignment(partitionCounts: plan.partitionCounts, acceptedGaps: plan.gaps)
    }

    /// Waits for the next batch.
    ///
    /// A batch ends when `maxRecords` are there, when its bytes reach `batchBytesMax`, or
    /// `lingerMs` after its first record came. With `lingerMs` 0 it ends by count and bytes alone,
    /// so that the same records always fall into the same batches; records that are too few wait
    /// for more, and the caller who sees in `status` that the stream is idle takes them with
    /// `drain`.
    /// - Parameters:
    ///   - waitMs: after this time an empty batch comes back; what was gathered stays gathered.
    ///   - stop: asked several times a second.
    /// Throws: whatever ended the stream, after the records that came before it.
    public func next(
        maxRecords: Int, lingerMs: Int, waitMs: Int = 1000, stop: () -> Bool = { false }
    ) throws(KafkaError) -> KafkaBatch {
        let core = try core()
        let endMs = core.state.withLock { state in
            let endMs = min(
                state.caller.waitEndMs ?? .max, MonotonicClock.nowMs() + Int64(max(0, waitMs)))
            state.caller.waitEndMs = endMs
            return endMs
        }
        func ended(_ batch: KafkaBatch) -> KafkaBatch {
            core.state.withLock { $0.caller.waitEndMs = nil }
            return batch
        }
        let order = BatchOrder(
            recordsMax: max(1, maxRecords), bytesMax: configuration.batchBytesMax,
            lingerMs: lingerMs)
        while true {
            if stop() { return .empty(.stopped) }
            let nowMs = MonotonicClock.nowMs()
            let lingerEndMs = core.state.withLock { order.lingerEndMs($0.forming) }
            // `stop` is asked again within 100 ms.
            let wakeMs = min(endMs, nowMs + 100, lingerEndMs ?? .max)
            let step = try core.state.wait(untilMs: wakeMs) {
                state throws(KafkaError) -> BatchStep? in
                try core.gather(&state, order)
            }
            switch step {
            case .batch(let batch): return ended(batch)
            case .firstRecord: continue
            case .woken:
                // Who is woken all the time is told all the same that nothing has come.
                guard MonotonicClock.nowMs() >= endMs else { return .empty(.woken) }
                return ended(.empty(.waited))
            case nil:
                if MonotonicClock.nowMs() >= endMs { return ended(.empty(.waited)) }
            }
        }
    }

    /// Has the caller of `next` return at once, now or the next time, unless a batch is due; what it has
    /// gathered stays. Thread: any.
    public func wake() {
        life.withLock(\.core)?.state.update { $0.caller.isWoken = true }
    }

    /// Takes what is there, without waiting; empty when nothing is.
    public func drain(maxRecords: Int) throws(KafkaError) -> KafkaBatch {
        let core = try core()
        return core.state.update { state in
            state.forming.fill(
                from: &state.queue, recordsMax: max(1, maxRecords),
                bytesMax: configuration.batchBytesMax)
            return state.handOut(.drained, recordsMax: max(1, maxRecords))
        }
    }

    /// Where the consumer stands; nil once it is closed.
    public func status() -> ConsumerStatus? {
        guard let core = life.withLock(\.core) else { return nil }
        core.updateEnds()
        let nowMs = MonotonicClock.nowMs()
        let watch = core.context.state.withLock(\.watch)
        return core.state.withLock { state in
            ConsumerStatus(
                partitions: state.progress.partitions.map { partition in
                    var partition = partition
                    partition.unservedMs = watch.unservedMs(partition.position, nowMs: nowMs)
                    return partition
                },
                isCaughtUp: state.progress.isCaughtUp,
                idleMs: state.progress.idleMs(nowMs: nowMs),
                sinceLastRecordMs: state.progress.sinceLastRecordMs(nowMs: nowMs),
                waitingRecords: state.queue.count + state.forming.entries.count,
                queuedBytes: state.queue.byteCount, recordsReceived: state.recordsReceived,
                brokers: watch.states(nowMs: nowMs),
                withoutBrokerMs: watch.withoutBrokerMs(nowMs: nowMs),
                brokerError: watch.lastReason)
        }
    }

    /// Asks the brokers whether every partition's end is where this consumer has read to.
    ///
    /// - Returns: false when there is more, or when nobody answers: then the time without records
    ///   is counted anew.
    /// Thread: the one that takes batches, while there are none.
    public func confirmEnd(timeoutMs: Int = 2000) throws(KafkaError) -> Bool {
        let core = try core()
        let partitions = core.state.withLock(\.progress.partitions)
        let ends: [TopicPartition: Range<Int64>]
        do {
            ends = try ClusterMetadata(client: core.client, servesCallbacks: false)
                .watermarks(of: partitions.map(\.position), timeoutMs: timeoutMs)
        } catch {
            core.noteOutage()
            return false
        }
        return core.state.withLock { state in
            var isAtEnd = true
            for (index, partition) in state.progress.partitions.enumerated() {
                // A partition that was found meanwhile has not been asked about.
                let end = ends[partition.position]?.upperBound ?? .max
                guard end > partition.receivedOffset else { continue }
                isAtEnd = false
                if end < .max { state.progress.sawEnd(index, end) }
            }
            return isAtEnd
        }
    }

    /// Which offsets the brokers have of each partition.
    ///
    /// Throws: `KafkaError.timedOut` among others. Thread: any but those that wait for the stream.
    public func available(
        _ positions: [TopicPartition], timeoutMs: Int = 5_000
    ) throws(KafkaError) -> [TopicPartition: Range<Int64>] {
        let core = try core()
        return try ClusterMetadata(client: core.client, servesCallbacks: false)
            .watermarks(of: positions, timeoutMs: timeoutMs)
    }

    /// Writes offsets to the group for lag monitors; nothing here ever reads them.
    ///
    /// - Parameter waitMs: how long to wait for the broker's answer; 0 does not wait.
    /// - Returns: the reason when the broker refused or did not answer in time. A monitor that
    ///   lags is no reason to stop.
    @discardableResult
    public func commitForMonitors(_ offsets: [TopicPartition: Int64], waitMs: Int = 0)
        throws(KafkaError) -> String?
    {
        let core = try core()
        guard !offsets.isEmpty else { return nil }
        return core.commit(offsets.map { ($0.key, $0.value) }, waitMs: waitMs)
    }

    /// Tells the threads to end, and does not wait for them; `close` does.
    public func beginClose() {
        life.withLock(\.core)?.state.update { $0.stopping = true }
    }

    /// Ends the threads and lets the client go; what was not handed out is dropped.
    ///
    /// Whoever is in `next` gets `KafkaError.closed`.
    public func close() {
        let (core, threads) = life.withLock { life in
            defer { life = Life() }
            return (life.core, life.threads)
        }
        core?.state.update { $0.stopping = true }
        for thread in threads { thread.join() }
        core?.stopFetchingAll()
    }
}
