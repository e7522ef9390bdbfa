import CRdKafka
import Platform
import Records

/// Whether a configuration may do at the brokers what the daemon does there; changes no topic's records.
///
/// Thread: the caller's, which it blocks; every question has a bound.
public enum AccessCheck {
    /// Under this id topics are asked whether they may be written to.
    public static let transactionalId = "tidemark-check"

    /// What writing to a topic came to.
    public enum Writing: Sendable, Equatable {
        /// The brokers would take records.
        case allowed
        /// They would not; the text says why.
        case refused(String)
        /// Transactions are refused, without which it cannot be told.
        case untold(String)
    }

    /// Whether topics may be written to, each that exists.
    ///
    /// A message to each topic is handed to a transactional producer that gathers for longer than
    /// this takes: the brokers judge the topic's part in the transaction, which is then given up, and
    /// the message with it. No record is sent; an aborted transaction leaves a mark in the partition
    /// that no reader sees.
    /// Throws: `KafkaError.unreachable`, `.configuration`.
    public static func writing(
        to topics: [String], configuration: KafkaConfiguration, timeoutMs: Int = 10_000
    ) throws(KafkaError) -> [String: Writing] {
        var configuration = configuration
        // The only word of a topic's admission is in these lines.
        configuration.client["debug"] = "eos"
        var options = ProducerOptions()
        options.transactionalId = transactionalId
        // Below the transaction's own time, as librdkafka wants it.
        options.lingerMs = 30_000
        let lines = Monitor<[String]>([])
        let producer = try KafkaProducer(
            configuration, options: options,
            onLine: { _, text in lines.update { $0.append(text) } })
        defer { producer.close() }
        try producer.connect(timeoutMs: configuration.connectTimeoutMs)
        var outcomes: [String: Writing] = [:]
        do throws(KafkaError) {
            try producer.initTransactions(timeoutMs: timeoutMs)
        } catch {
            for topic in topics { outcomes[topic] = .untold("\(error)") }
            return outcomes
        }
        for topic in topics {
            lines.update { $0 = [] }
            do throws(KafkaError) {
                try producer.beginTransaction()
                try producer.send(
                    KafkaMessage(topic: topic, partition: 0, key: nil, value: []), token: 0)
                outcomes[topic] = judge(topic, producer, lines, timeoutMs: timeoutMs)
                try producer.abortTransaction(timeoutMs: timeoutMs)
                _ = producer.drainDeliveries()
            } catch {
                if outcomes[topic] == nil { outcomes[topic] = .refused("\(error)") }
            }
        }
        return outcomes
    }

    private static func judge(
        _ topic: String, _ producer: KafkaProducer, _ lines: Monitor<[String]>, timeoutMs: Int
    ) -> Writing {
        let endMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while MonotonicClock.nowMs() < endMs {
            let found: Writing? = lines.wait(untilMs: MonotonicClock.nowMs() + 50) { lines in
                for line in lines {
                    if line.contains("\(topic) [0] registered with transaction") {
                        return .allowed
                    }
                    if let failed = line.firstRange(of: "to transaction: "),
                        line.contains("Failed to add partition")
                    {
                        return .refused(String(line[failed.upperBound...]))
                    }
                }
                return nil
            }
            if let found { return found }
            for delivery in producer.drainDeliveries() {
                switch delivery.result {
                case .delivered: return .allowed
                case .tooLarge, .refused, .unknown: return .refused("\(delivery.result)")
                }
            }
        }
        return .untold("no answer within \(timeoutMs) ms")
    }

    /// Whether partitions may be read, each at an offset.
    ///
    /// - Returns: the topics that refuse, with the reason.
    /// Throws: `KafkaError.unreachable`, `.timedOut`.
    public static func reading(
        _ offsets: [TopicPartition: Int64], configuration: KafkaConfiguration,
        timeoutMs: Int = 15_000
    ) throws(KafkaError) -> [String: String] {
        var refused: [String: String] = [:]
        _ = try RecordProbe.read(
            offsets, configuration: configuration, timeoutMs: timeoutMs,
            refused: { refused[$0.topic] = $1 })
        return refused
    }

    /// Whether the cluster would make a topic; nothing is made.
    ///
    /// - Returns: the reason why not. A cluster without topic administration makes topics itself.
    public static func creating(
        _ topic: TopicSpecification, configuration: KafkaConfiguration, timeoutMs: Int = 10_000
    ) throws(KafkaError) -> String? {
        do throws(KafkaError) {
            try TopicAdministration.validate(
                topic, configuration: configuration, timeoutMs: timeoutMs)
            return nil
        } catch .topicCreation(_, let reason) {
            return reason
        }
    }

    /// Whether a topic that the cluster does not list is there and hidden from this user.
    ///
    /// Asks for it by name, so only of a cluster that makes no topic by that.
    public static func isHidden(
        _ topic: String, configuration: KafkaConfiguration, timeoutMs: Int = 5_000
    ) throws(KafkaError) -> Bool {
        let native = try NativeConfiguration(configuration, role: .administration)
        let context = ClientContext(redactor: native.redactor) { _ in }
        let metadata = ClusterMetadata(
            client: try native.makeClient(context), servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs)
        guard try metadata.hasController(timeoutMs: timeoutMs) else { return false }
        do throws(KafkaError) {
            _ = try metadata.partitionCount(of: topic, timeoutMs: timeoutMs)
            return false
        } catch .denied {
            return true
        }
    }

    /// Whether offsets for lag monitors may be read in the group.
    ///
    /// - Returns: the reason why not.
    public static func monitorGroup(
        _ position: TopicPartition, configuration: KafkaConfiguration, timeoutMs: Int = 10_000
    ) throws(KafkaError) -> String? {
        try committed(position, configuration, timeoutMs: timeoutMs).refused
    }

    /// The offset that lag monitors are shown; nil where there is none.
    ///
    /// Throws: `KafkaError.denied`, `.configuration`.
    package static func monitoredOffset(
        _ position: TopicPartition, configuration: KafkaConfiguration, timeoutMs: Int = 10_000
    ) throws(KafkaError) -> Int64? {
        let (offset, refused) = try committed(position, configuration, timeoutMs: timeoutMs)
        if let refused { throw .denied(refused) }
        return offset >= 0 ? offset : nil
    }

    private static func committed(
        _ position: TopicPartition, _ configuration: KafkaConfiguration, timeoutMs: Int
    ) throws(KafkaError) -> (offset: Int64, refused: String?) {
        let native = try NativeConfiguration(configuration, role: .consumer)
        let context = ClientContext(redactor: native.redactor) { _ in }
        let client = try native.makeClient(context)
        let list = PartitionList([(position, Int64(RD_KAFKA_OFFSET_INVALID))])
        let code = unsafe client.withPointer { client in
            unsafe list.withPointer { unsafe rd_kafka_committed(client, $0, Int32(timeoutMs)) }
        }
        // Why the group has no coordinator for this user comes as a message of the consumer.
        var message = unsafe client.withPointer { unsafe rd_kafka_consumer_poll($0, 100) }
        while let error = unsafe message {
            let code = unsafe error.pointee.err
            unsafe rd_kafka_message_destroy(error)
            if code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED { return (-1, errorName(code)) }
            unsafe message = client.withPointer { unsafe rd_kafka_consumer_poll($0, 0) }
        }
        client.poll(timeoutMs: 0)
        if let refused = context.state.withLock(\.refusedOffsets) { return (-1, refused) }
        guard let entry = list.entries.first else { return (-1, nil) }
        for code in [code, entry.error] where code != RD_KAFKA_RESP_ERR_NO_ERROR {
            return (-1, errorName(code))
        }
        return (entry.offset, nil)
    }
}
