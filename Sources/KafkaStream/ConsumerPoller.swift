import CRdKafka
import Platform
import Records

/// The consumer's poll thread: moves what librdkafka fetched into the bounded queue.
///
/// When the queue is full it leaves librdkafka's own bounded queue unread, which stops fetching;
/// pausing would throw away what was fetched.
/// Thread: its own, alone.
@safe
struct ConsumerPoller {
    /// Records added to the queue at once, at most.
    private static let chunkMax = 1024

    private let core: ConsumerCore
    private var chunk: [QueuedRecord] = []
    private var chunkBytes = 0
    /// The partition of the last message: messages come in runs.
    private var lastTopic: OpaquePointer?
    private var lastIndex = 0
    private var lastPosition = TopicPartition(topic: "", partition: -1)

    init(_ core: ConsumerCore) {
        self.core = core
    }

    mutating func run() {
        while let roomBytes = waitForRoom() {
            poll(timeoutMs: 100)
            while chunk.count < Self.chunkMax, chunkBytes < roomBytes, poll(timeoutMs: 0) {}
            flush()
            if core.context.takeLostTopic() { core.state.update { $0.keeping.looksNow = true } }
        }
    }

    /// - Returns: the bytes there is room for; nil when the consumer is closing.
    private func waitForRoom() -> Int? {
        while true {
            let room: Int?? = core.state.wait(untilMs: MonotonicClock.nowMs() + 1000) { state in
                if state.stopping { return .some(nil) }
                return state.queue.hasRoom
                    ? .some(state.queue.bytesMax - state.queue.byteCount) : nil
            }
            if let room { return room }
        }
    }

    /// - Returns: whether there was anything.
    @discardableResult
    private mutating func poll(timeoutMs: Int32) -> Bool {
        let message = unsafe core.client.withPointer {
            unsafe rd_kafka_consumer_poll($0, timeoutMs)
        }
        guard let message = unsafe message else { return false }
        defer { unsafe rd_kafka_message_destroy(message) }
        let code = unsafe message.pointee.err
        if code == RD_KAFKA_RESP_ERR_NO_ERROR {
            unsafe receive(unsafe message)
        } else {
            // What came before must be seen before.
            flush()
            unsafe handle(code, unsafe message)
        }
        return true
    }

    private mutating func receive(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        guard let index = unsafe index(of: message) else { return }
        let record = unsafe SourceRecord(message, position: lastPosition)
        let entry = QueuedRecord(
            index: index, record: record, arrivedMs: MonotonicClock.nowMs())
        chunkBytes += entry.byteCount
        chunk.append(entry)
    }

    private mutating func flush() {
        guard !chunk.isEmpty else { return }
        let arrived = chunk
        chunk = []
        chunkBytes = 0
        core.state.update { state in
            for entry in arrived {
                state.progress.received(
                    entry.index, offset: entry.record.offset, nowMs: entry.arrivedMs)
            }
            if !state.startedAtBeginning.isEmpty {
                for entry in arrived { state.startedAtBeginning.remove(entry.record.position) }
            }
            state.recordsReceived += Int64(arrived.count)
            state.queue.append(arrived)
        }
    }

    /// The partition's index in the assignment; nil for one that is not ours.
    private mutating func index(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> Int? {
        guard let topic = unsafe message.pointee.rkt else { return nil }
        let partition = unsafe message.pointee.partition
        if unsafe topic == lastTopic, partition == lastPosition.partition { return lastIndex }
        let name = unsafe String(cString: rd_kafka_topic_name(topic))
        let position = TopicPartition(topic: name, partition: partition)
        guard let index = core.state.withLock({ $0.progress.index(of: position) }) else {
            return nil
        }
        unsafe lastTopic = topic
        lastPosition = position
        lastIndex = index
        return index
    }

    private func position(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> TopicPartition {
        let name = unsafe message.pointee.rkt.flatMap { unsafe rd_kafka_topic_name($0) }
        return unsafe TopicPartition(
            topic: name.map { unsafe String(cString: $0) } ?? "(unnamed)",
            partition: message.pointee.partition)
    }

    private mutating func handle(
        _ code: rd_kafka_resp_err_t, _ message: UnsafeMutablePointer<rd_kafka_message_t>
    ) {
        let index = unsafe index(of: message)
        let position = unsafe position(of: message)
        let offset = unsafe message.pointee.offset
        let reason = core.context.redacted(
            unsafe rd_kafka_message_errstr(message).map { unsafe String(cString: $0) }
                ?? errorMessage(code))
        switch code {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            guard let index else { return }
            core.state.update {
                $0.progress.reachedEnd(index, offset: offset, nowMs: MonotonicClock.nowMs())
            }
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            guard let index else { return }
            core.state.update { _ = $0.keeping.misplaced.insert(index) }
        case RD_KAFKA_RESP_ERR__FATAL:
            core.fail(.fatal(code: errorName(code), reason: reason))
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
            core.fail(.denied("\(position): \(reason)"))
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            core.fail(.unknownTopic(position.topic, brokers: core.client.brokers))
        case RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION,
            RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
            RD_KAFKA_RESP_ERR_INVALID_MSG:
            // librdkafka would go on behind it, and the record would be lost without a trace.
            core.fail(.unreadable(position, offset: offset, reason: reason))
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            // Only offsets for monitors are written under the group.
            core.context.refusedOffsets(errorName(code))
        default:
            // librdkafka tries these again by itself.
            core.context.notice(.warning, "\(errorName(code)): \(reason)")
        }
    }
}

extension SourceRecord {
    /// Copies a message out of librdkafka's memory; null payloads and keys become nil.
    init(_ message: UnsafeMutablePointer<rd_kafka_message_t>, position: TopicPartition) {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = unsafe rd_kafka_message_timestamp(message, &kind)
        unsafe self.init(
            position: position, offset: message.pointee.offset,
            timestampMs: kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || timestamp < 0
                ? nil : timestamp,
            key: Self.bytes(message.pointee.key, message.pointee.key_len),
            value: Self.bytes(message.pointee.payload, message.pointee.len),
            headers: Self.headers(of: message))
    }

    private static func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
        guard let start = unsafe start else { return nil }
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    private static func headers(
        of message: UnsafeMutablePointer<rd_kafka_message_t>
    ) -> [(name: String, value: [UInt8])] {
        var list: OpaquePointer?
        guard unsafe rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let list = unsafe list
        else { return [] }
        var headers: [(name: String, value: [UInt8])] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while unsafe rd_kafka_header_get_all(list, headers.count, &name, &value, &count)
            == RD_KAFKA_RESP_ERR_NO_ERROR
        {
            headers.append(
                (
                    unsafe name.map { unsafe String(cString: $0) } ?? "",
                    unsafe bytes(value, count) ?? []
                ))
        }
        return headers
    }
}
