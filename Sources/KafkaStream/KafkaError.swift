import Records

/// Stored and available offsets of a partition that do not fit together.
public struct OffsetGap: Sendable, Hashable, CustomStringConvertible {
    /// In what way they do not fit.
    public enum Kind: String, Sendable {
        /// Retention removed records that were not read.
        case retention
        /// The log ends before the stored offset: the topic was made again, or lost its tail.
        case endBeforeOffset
        /// The log has the stored offset, and another record before it than the one that was read:
        /// the topic was made again and has grown.
        case otherRecord
        /// The topic has fewer partitions than the store knows.
        case partitionMissing
    }

    /// Which partition it is.
    public let position: TopicPartition
    /// In what way they do not fit.
    public let kind: Kind
    /// The next offset that was to be read.
    public let stored: Int64
    /// First offset that the broker still has, and the one after its last.
    public let available: Range<Int64>

    /// Takes each field as it is.
    public init(
        position: TopicPartition, kind: Kind, stored: Int64, available: Range<Int64>
    ) {
        self.position = position
        self.kind = kind
        self.stored = stored
        self.available = available
    }

    /// A sentence that names topic, partition and offsets.
    public var description: String {
        let has = "the broker has \(available.lowerBound) up to \(available.upperBound)"
        switch kind {
        case .retention:
            return "topic \(position.topic), partition \(position.partition): offsets \(stored) "
                + "up to \(available.lowerBound) are gone (\(has))"
        case .endBeforeOffset:
            return "topic \(position.topic), partition \(position.partition): the log ends before "
                + "the stored offset \(stored) (\(has)); was the topic made again?"
        case .otherRecord:
            return "topic \(position.topic), partition \(position.partition): the record at offset "
                + "\(stored - 1) is not the one that was learned there (\(has)): the topic was "
                + "made again. kafka.on_gap: accept learns it from its beginning"
        case .partitionMissing:
            return "topic \(position.topic), partition \(position.partition): the store has read "
                + "up to offset \(stored), and the broker has no such partition"
        }
    }
}

/// What can go wrong between this process and a Kafka cluster.
///
/// No case carries the value of a client setting: a password cannot reach a log through an error.
public enum KafkaError: Error, Sendable, CustomStringConvertible {
    /// What a script should conclude, in the terms of the exit codes.
    public enum Category: Sendable {
        /// Exit codes 78, 69, 65 and 70.
        case configuration, unavailable, data, bug
    }

    /// A setting or an argument that is wrong, by its name.
    case configuration(key: String, reason: String)
    /// A client setting that learning each record once rests on.
    case reservedKey(String)
    /// No broker answers.
    case unreachable(brokers: String, reason: String)
    /// The cluster has no such topic.
    case unknownTopic(String, brokers: String)
    /// Stored and available offsets do not fit together.
    case offsetGap(OffsetGap)
    /// The broker has the record and it cannot be read: a wrong checksum, an unknown format.
    case unreadable(TopicPartition, offset: Int64, reason: String)
    /// An access right is missing, or the credentials are wrong.
    case denied(String)
    /// A step took longer than it may. Units: milliseconds.
    case timedOut(String, afterMs: Int)
    /// The client handle cannot be used any more and must be made again.
    case fatal(code: String, reason: String)
    /// A transaction failed; `abortable` says that aborting it makes the producer usable again.
    case transaction(step: String, reason: String, abortable: Bool, retriable: Bool)
    /// The brokers do not take a message of a transaction, by its place in it and its topic.
    case undeliverable(Int, topic: String, DeliveryResult)
    /// The cluster does not make a topic.
    case topicCreation(topic: String, reason: String)
    /// The cluster does not change a topic's settings.
    case topicChange(topic: String, reason: String)
    /// The caller has not taken the reports on what it sent before.
    case deliveriesNotDrained(count: Int)
    /// A command to the development broker, or the broker itself.
    case broker(String)
    /// The operating system refused something: a thread, for one.
    case system(String)
    /// A call after `close`, or a call that `stop` ended.
    case closed

    /// What a script should conclude; `bug` where the caller did what it must not.
    public var category: Category {
        switch self {
        case .configuration, .reservedKey: .configuration
        case .offsetGap, .unreadable: .data
        case .deliveriesNotDrained, .closed: .bug
        case .unreachable, .unknownTopic, .denied, .timedOut, .fatal, .transaction,
            .undeliverable, .topicCreation, .topicChange, .broker, .system:
            .unavailable
        }
    }

    /// A sentence without an end; no value of a client setting is in it.
    public var description: String {
        switch self {
        case .configuration(let key, let reason): "\(key): \(reason)"
        case .reservedKey(let key):
            "kafka.client.\(key) is reserved: learning each record once depends on its value, or "
                + "knowing when the brokers are gone, so it cannot be set"
        case .unreachable(let brokers, let reason):
            "no Kafka broker answers at \(brokers): \(reason)"
        case .unknownTopic(let topic, let brokers):
            "the cluster at \(brokers) has no topic \"\(topic)\"; create it, or correct "
                + "kafka.topics"
        case .offsetGap(let gap): gap.description
        case .unreadable(let position, let offset, let reason):
            "topic \(position.topic), partition \(position.partition), offset \(offset) cannot be "
                + "read: \(reason)"
        case .denied(let reason): "the Kafka cluster refuses access: \(reason)"
        case .timedOut(let step, let ms): "\(step) took longer than \(ms) ms"
        case .fatal(let code, let reason): "the Kafka client failed for good (\(code)): \(reason)"
        case .transaction(let step, let reason, _, _): "transaction, \(step): \(reason)"
        case .undeliverable(_, let topic, let result):
            "topic \(topic) does not take a message: \(result)"
        case .topicCreation(let topic, let reason):
            "topic \"\(topic)\" cannot be created: \(reason)"
        case .topicChange(let topic, let reason):
            "topic \"\(topic)\" cannot be changed: \(reason)"
        case .deliveriesNotDrained(let count):
            "\(count) delivery reports wait to be taken; take them before sending more"
        case .broker(let reason): "development broker: \(reason)"
        case .system(let reason): reason
        case .closed: "the Kafka client is closed"
        }
    }
}
