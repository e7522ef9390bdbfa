import CRdKafka
import Platform
import Records

/// What the consumer's threads and its caller share.
final class ConsumerCore: Sendable {
    struct State {
        var queue: RecordQueue
        var forming = FormingBatch()
        var progress: AssignmentProgress
        /// Partitions without a stored offset, of which nothing has come yet.
        var startedAtBeginning: Set<TopicPartition> = []
        var keeping = Keeping()
        var caller = Caller()
        var gaps: [OffsetGap] = []
        var added: [TopicPartition] = []
        var failure: KafkaError?
        var started = false
        var stopping = false
        var recordsReceived: Int64 = 0

        /// What the keeper of the assignment is asked to do.
        struct Keeping {
            /// Partitions whose fetch position the broker does not have, by index.
            var misplaced: Set<Int> = []
            /// The topics are to be looked at before their time.
            var looksNow = false
        }

        /// Who waits in `next`.
        struct Caller {
            /// There is something else to do.
            var isWoken = false
            /// When the wait ends that was begun with the last batch, however often it was woken since.
            var waitEndMs: Int64?
        }
    }

    let configuration: KafkaConfiguration
    let client: ClientHandle
    let state: Monitor<State>

    init(_ configuration: KafkaConfiguration, client: ClientHandle) {
        self.configuration = configuration
        self.client = client
        state = Monitor(
            State(
                queue: RecordQueue(
                    recordsMax: configuration.queueRecordsMax,
                    bytesMax: configuration.queueBytesMax),
                progress: AssignmentProgress(nowMs: MonotonicClock.nowMs())))
    }

    var context: ClientContext { client.context }

    /// Sends the caller a failure, after the records that came before it.
    func fail(_ error: KafkaError) {
        state.update { state in
            if state.failure == nil { state.failure = error }
        }
    }

    var isStopping: Bool { state.withLock(\.stopping) }

    /// Serves the client's own events until the consumer closes.
    ///
    /// Thread: its own.
    func listen() {
        while !isStopping {
            client.poll(timeoutMs: 100)
            let nowMs = MonotonicClock.nowMs()
            let watch = context.state.withLock(\.watch)
            let isUnserved = state.withLock { state in
                state.progress.partitions.contains {
                    watch.unservedMs($0.position, nowMs: nowMs) != nil
                }
            }
            if isUnserved || watch.withoutBrokerMs(nowMs: nowMs) != nil { noteOutage() }
        }
    }

    /// Time without records counts from when brokers answer again.
    func noteOutage() {
        state.withLock { $0.progress.outage(nowMs: MonotonicClock.nowMs()) }
    }

    /// Starts fetching partitions from these offsets.
    func startFetching(_ offsets: [(TopicPartition, Int64)]) throws(KafkaError) {
        let list = PartitionList(offsets)
        unsafe try check(
            client.withPointer { client in
                unsafe list.withPointer { unsafe rd_kafka_incremental_assign(client, $0) }
            })
    }

    func stopFetching(_ position: TopicPartition) throws(KafkaError) {
        let list = PartitionList([(position, Int64(RD_KAFKA_OFFSET_INVALID))])
        unsafe try check(
            client.withPointer { client in
                unsafe list.withPointer { unsafe rd_kafka_incremental_unassign(client, $0) }
            })
    }

    /// Gives up all partitions, and what librdkafka has fetched of them.
    ///
    /// What stays on the queue of a partition that was removed from the cluster keeps the client
    /// from ever ending (librdkafka's issue 4724, in 2.0.2).
    func stopFetchingAll() {
        let positions = state.withLock { $0.progress.partitions.map(\.position) }
        unsafe client.withPointer { client in
            let queues = unsafe positions.map { position in
                unsafe rd_kafka_queue_get_partition(client, position.topic, position.partition)
            }
            unsafe rd_kafka_assign(client, nil)
            for index in positions.indices {
                let queue = unsafe queues[index]
                guard let queue = unsafe queue else { continue }
                while let event = unsafe rd_kafka_queue_poll(queue, 0) {
                    unsafe rd_kafka_event_destroy(event)
                }
                unsafe rd_kafka_queue_destroy(queue)
            }
        }
    }

    private func check(_ error: OpaquePointer?) throws(KafkaError) {
        guard let error = unsafe error else { return }
        defer { unsafe rd_kafka_error_destroy(error) }
        let reason = unsafe String(cString: rd_kafka_error_string(error))
        throw .fatal(
            code: errorName(unsafe rd_kafka_error_code(error)), reason: context.redacted(reason))
    }
}

/// When a batch is to be cut.
struct BatchOrder {
    let recordsMax: Int
    let bytesMax: Int
    /// 0: by count and bytes alone.
    let lingerMs: Int

    func lingerEndMs(_ forming: FormingBatch) -> Int64? {
        lingerMs > 0 ? forming.firstArrivedMs.map { $0 + Int64(lingerMs) } : nil
    }
}

enum BatchStep {
    case batch(KafkaBatch)
    /// The linger time has begun, which sets a new time to wake at.
    case firstRecord
    case woken
}

extension ConsumerCore {
    /// Moves records into the forming batch and cuts it when its time has come.
    ///
    /// Thread: the caller's, under the lock.
    func gather(_ state: inout State, _ order: BatchOrder) throws(KafkaError) -> BatchStep? {
        let wasFull = !state.queue.hasRoom
        let wasEmpty = state.forming.isEmpty
        state.forming.fill(
            from: &state.queue, recordsMax: order.recordsMax, bytesMax: order.bytesMax)
        if wasFull, state.queue.hasRoom { self.state.wakeAll() }
        let cut = state.forming.cut(
            recordsMax: order.recordsMax, bytesMax: order.bytesMax, lingerMs: order.lingerMs,
            nowMs: MonotonicClock.nowMs())
        if let cut { return .batch(state.handOut(cut, recordsMax: order.recordsMax)) }
        if state.stopping { throw .closed }
        if let failure = state.failure {
            // Records before the failure are good, where the caller takes incomplete batches.
            guard order.lingerMs > 0, !state.forming.isEmpty else { throw failure }
            return .batch(state.handOut(.drained, recordsMax: order.recordsMax))
        }
        if state.caller.isWoken {
            state.caller.isWoken = false
            return .woken
        }
        return order.lingerMs > 0 && wasEmpty && !state.forming.isEmpty ? .firstRecord : nil
    }

    /// Asks librdkafka what it has last heard of the partitions' ends; no request is made.
    func updateEnds() {
        let partitions = state.withLock(\.progress.partitions)
        let ends: [Int64] = partitions.map { progress in
            var low: Int64 = -1
            var high: Int64 = -1
            let position = progress.position
            _ = unsafe client.withPointer {
                unsafe rd_kafka_get_watermark_offsets(
                    $0, position.topic, position.partition, &low, &high)
            }
            return high
        }
        state.withLock { state in
            for (index, end) in ends.enumerated() { state.progress.sawEnd(index, end) }
        }
    }

    func commit(_ offsets: [(TopicPartition, Int64)], waitMs: Int) -> String? {
        let list = PartitionList(offsets)
        let code = unsafe client.withPointer { client in
            unsafe list.withPointer { list in
                guard waitMs > 0 else { return unsafe rd_kafka_commit(client, list, 1) }
                let queue = unsafe rd_kafka_queue_new(client)
                defer { unsafe rd_kafka_queue_destroy(queue) }
                let sent = unsafe rd_kafka_commit_queue(client, list, queue, nil, nil)
                guard sent == RD_KAFKA_RESP_ERR_NO_ERROR else { return sent }
                guard let event = unsafe rd_kafka_queue_poll(queue, Int32(waitMs)) else {
                    return RD_KAFKA_RESP_ERR__TIMED_OUT
                }
                defer { unsafe rd_kafka_event_destroy(event) }
                return unsafe rd_kafka_event_error(event)
            }
        }
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        if waitMs > 0, code != RD_KAFKA_RESP_ERR__TIMED_OUT {
            context.refusedOffsets(errorName(code))
        }
        return errorMessage(code)
    }
}

extension ConsumerCore.State {
    /// Takes the forming batch out and moves the positions behind it.
    mutating func handOut(_ cut: KafkaBatch.Cut, recordsMax: Int) -> KafkaBatch {
        let entries = forming.take(upTo: recordsMax)
        var nextOffsets: [TopicPartition: Int64] = [:]
        for (number, entry) in entries.enumerated() {
            // Records come in runs of one partition: only a run's last one counts.
            let next = number + 1
            if next < entries.count, entries[next].index == entry.index { continue }
            progress.handedOut(entry.index, nextOffset: entry.record.offset + 1)
            nextOffsets[entry.record.position] = entry.record.offset + 1
        }
        defer {
            gaps = []
            added = []
        }
        return KafkaBatch(
            records: entries.map(\.record), cut: cut, nextOffsets: nextOffsets, gaps: gaps,
            addedPartitions: added)
    }
}
