import CRdKafka
import Platform
import Records

/// Reads single records at given offsets, through a client of its own that ends with it.
///
/// Thread: the caller's, which it blocks.
enum RecordProbe {
    /// Bounds what is fetched beside the records that are looked for.
    private static let queueBytes = 1 << 20

    /// The first committed record of each partition at its offset or after it; none where the log
    /// has no more.
    ///
    /// - Parameter refused: takes partitions whose reading is refused; without it that is thrown.
    /// - Throws: `KafkaError.denied`, `.timedOut` when a partition says nothing in time, `.closed`
    ///   on `stop`.
    static func read(
        _ offsets: [TopicPartition: Int64], configuration: KafkaConfiguration, timeoutMs: Int,
        stop: () -> Bool = { false },
        refused: ((TopicPartition, _ reason: String) -> Void)? = nil
    ) throws(KafkaError) -> [TopicPartition: SourceRecord] {
        guard !offsets.isEmpty else { return [:] }
        var configuration = configuration
        configuration.fetchQueueBytesMax = queueBytes
        let native = try NativeConfiguration(configuration, role: .consumer)
        let context = ClientContext(redactor: native.redactor) { _ in }
        let client = try native.makeClient(context)
        let list = PartitionList(offsets.map { ($0.key, $0.value) })
        let code = unsafe client.withPointer { client in
            unsafe list.withPointer { unsafe rd_kafka_assign(client, $0) }
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .unreachable(brokers: configuration.brokers, reason: errorMessage(code))
        }
        defer { _ = unsafe client.withPointer { unsafe rd_kafka_assign($0, nil) } }
        var found: [TopicPartition: SourceRecord] = [:]
        var open = Set(offsets.keys)
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while !open.isEmpty {
            if stop() { throw .closed }
            client.poll(timeoutMs: 0)
            if let authentication = context.state.withLock(\.authenticationError) {
                throw .denied("\(client.brokers): \(authentication)")
            }
            guard MonotonicClock.nowMs() < deadlineMs else {
                let positions = open.sorted().map(\.description).joined(separator: ", ")
                throw .timedOut("reading a record of \(positions)", afterMs: timeoutMs)
            }
            let message = unsafe client.withPointer { unsafe rd_kafka_consumer_poll($0, 50) }
            guard let message = unsafe message else { continue }
            defer { unsafe rd_kafka_message_destroy(message) }
            guard let topic = unsafe message.pointee.rkt else { continue }
            let position = unsafe TopicPartition(
                topic: String(cString: rd_kafka_topic_name(topic)),
                partition: message.pointee.partition)
            let code = unsafe message.pointee.err
            switch code {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
                guard open.remove(position) != nil else { continue }
                found[position] = unsafe SourceRecord(message, position: position)
            case RD_KAFKA_RESP_ERR__PARTITION_EOF, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET,
                RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
                open.remove(position)
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
                guard let refused else {
                    throw .denied("reading topic \(position.topic): \(errorName(code))")
                }
                // Some refusals are of the whole topic.
                for known in open where known.topic == position.topic {
                    refused(known, errorName(code))
                }
                open = open.filter { $0.topic != position.topic }
            default: continue
            }
        }
        return found
    }
}
