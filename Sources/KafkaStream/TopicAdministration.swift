import CRdKafka
import Platform

/// A topic that is to exist.
public struct TopicSpecification: Sendable {
    /// The topic's name.
    public var name: String
    /// nil is the broker's default.
    public var partitions: Int?
    /// Copies of each partition; nil is the broker's default.
    public var replication: Int?
    /// Topic settings, as `cleanup.policy`.
    public var settings: [String: String]

    /// Takes each field as it is; nothing is checked before it is used.
    public init(
        name: String, partitions: Int? = nil, replication: Int? = nil,
        settings: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replication = replication
        self.settings = settings
    }
}

/// How a topic came to be there.
public enum TopicOutcome: Sendable, Equatable {
    /// It was there before.
    case existed(partitions: Int)
    /// It was made as it was asked for.
    case created(partitions: Int)
    /// The cluster has no topic administration and made the topic when it was asked for, with
    /// settings of its own.
    case madeByBroker(partitions: Int)
}

/// Makes topics that are missing.
public enum TopicAdministration {
    /// Creates those topics that do not exist; an existing one is left as it is.
    ///
    /// Throws: `KafkaError.topicCreation` naming the topic and the reason, `.unreachable`,
    /// `.denied`, `.configuration`.
    public static func ensureTopics(
        _ topics: [TopicSpecification], configuration: KafkaConfiguration, timeoutMs: Int = 15_000,
        onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in }
    ) throws(KafkaError) -> [String: TopicOutcome] {
        for topic in topics { try KafkaConfiguration.validate(topic: topic.name, key: "topic") }
        try configuration.validateClient()
        let native = try NativeConfiguration(configuration, role: .administration)
        let context = ClientContext(redactor: native.redactor, onNotice: onNotice)
        let client = try native.makeClient(context)
        let metadata = ClusterMetadata(client: client, servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs)
        let names = topics.map(\.name)
        let before = try metadata.partitionCounts(of: names, timeoutMs: timeoutMs)
        var outcomes = before.mapValues { TopicOutcome.existed(partitions: $0) }
        var createdNames: Set<String> = []
        let administered = try metadata.hasController(timeoutMs: timeoutMs)
        for topic in topics where before[topic.name] == nil {
            let answer =
                administered ? try create(topic, client, timeoutMs: timeoutMs) : .unsupported
            switch answer {
            case .created: createdNames.insert(topic.name)
            case .existed: break
            case .unsupported:
                outcomes[topic.name] = .madeByBroker(
                    partitions: try ask(for: topic.name, configuration, timeoutMs: timeoutMs))
            }
        }
        // A new topic takes a moment to be known to every broker.
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while outcomes.count < Set(names).count {
            let now = try metadata.partitionCounts(of: names, timeoutMs: timeoutMs)
            for (name, count) in now where outcomes[name] == nil {
                outcomes[name] =
                    createdNames.contains(name)
                    ? .created(partitions: count) : .existed(partitions: count)
            }
            guard MonotonicClock.nowMs() < deadlineMs else {
                throw .timedOut("waiting for new topics", afterMs: timeoutMs)
            }
            metadata.pause(ms: 50)
        }
        return outcomes
    }

    /// Asks whether a topic would be made, and makes none. A cluster without topic administration says
    /// nothing, which counts as yes.
    ///
    /// Throws: `KafkaError.topicCreation` with the reason, `.unreachable`, `.denied`.
    static func validate(
        _ topic: TopicSpecification, configuration: KafkaConfiguration, timeoutMs: Int
    ) throws(KafkaError) {
        let native = try NativeConfiguration(configuration, role: .administration)
        let context = ClientContext(redactor: native.redactor) { _ in }
        let client = try native.makeClient(context)
        let metadata = ClusterMetadata(client: client, servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs)
        guard try metadata.hasController(timeoutMs: timeoutMs) else { return }
        _ = try create(topic, client, timeoutMs: timeoutMs, isTrial: true)
    }

    /// Asks for a topic by name, which is what makes brokers without topic administration create it.
    ///
    /// - Returns: its number of partitions.
    private static func ask(
        for topic: String, _ configuration: KafkaConfiguration, timeoutMs: Int
    ) throws(KafkaError) -> Int {
        var asking = configuration
        // Later versions of librdkafka have the broker make a topic only where this says so.
        asking.client["allow.auto.create.topics"] = "true"
        let native = try NativeConfiguration(asking, role: .administration)
        let context = ClientContext(redactor: native.redactor) { _ in }
        let metadata = ClusterMetadata(
            client: try native.makeClient(context), servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs)
        let deadlineMs = MonotonicClock.nowMs() + Int64(min(timeoutMs, 5000))
        while true {
            if let count = try metadata.partitionCount(of: topic, timeoutMs: timeoutMs) {
                return count
            }
            guard MonotonicClock.nowMs() < deadlineMs else {
                throw .topicCreation(
                    topic: topic, reason: "the cluster has no topic administration")
            }
            metadata.pause(ms: 50)
        }
    }

    private enum Answer {
        case created, existed, unsupported
    }

    private static func create(
        _ topic: TopicSpecification, _ client: ClientHandle, timeoutMs: Int, isTrial: Bool = false
    ) throws(KafkaError) -> Answer {
        let request = try NewTopic(topic)
        let (code, reason) = unsafe client.withPointer { client in
            let queue = unsafe rd_kafka_queue_new(client)
            defer { unsafe rd_kafka_queue_destroy(queue) }
            let options = unsafe rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS)
            defer { unsafe rd_kafka_AdminOptions_destroy(options) }
            var text = ErrorText()
            _ = unsafe text.fill {
                unsafe rd_kafka_AdminOptions_set_request_timeout(
                    options, Int32(clamping: timeoutMs), $0, $1)
            }
            if isTrial {
                _ = unsafe text.fill {
                    unsafe rd_kafka_AdminOptions_set_validate_only(options, 1, $0, $1)
                }
            }
            var topics: [OpaquePointer?] = unsafe [request.pointer]
            unsafe rd_kafka_CreateTopics(client, &topics, 1, options, queue)
            return unsafe answer(queue, timeoutMs: timeoutMs)
        }
        switch code {
        case RD_KAFKA_RESP_ERR_NO_ERROR: return .created
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return .existed
        case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
            return .unsupported
        default:
            throw .topicCreation(topic: topic.name, reason: client.context.redacted(reason))
        }
    }

    /// The answer about the one topic that was asked for.
    private static func answer(_ queue: OpaquePointer?, timeoutMs: Int)
        -> (rd_kafka_resp_err_t, String)
    {
        guard let event = unsafe rd_kafka_queue_poll(queue, Int32(clamping: timeoutMs + 1000))
        else { return (RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer within \(timeoutMs) ms") }
        defer { unsafe rd_kafka_event_destroy(event) }
        let code = unsafe rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return (
                code,
                unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) }
                    ?? errorMessage(code)
            )
        }
        var count = 0
        guard let result = unsafe rd_kafka_event_CreateTopics_result(event),
            let topics = unsafe rd_kafka_CreateTopics_result_topics(result, &count), count > 0,
            let topic = unsafe topics[0]
        else { return (RD_KAFKA_RESP_ERR__BAD_MSG, "an answer without the topic") }
        let topicCode = unsafe rd_kafka_topic_result_error(topic)
        return (
            topicCode,
            unsafe rd_kafka_topic_result_error_string(topic).map { unsafe String(cString: $0) }
                ?? errorMessage(topicCode)
        )
    }
}

/// One `rd_kafka_NewTopic_t`.
@safe
private final class NewTopic {
    let pointer: OpaquePointer

    init(_ topic: TopicSpecification) throws(KafkaError) {
        var text = ErrorText()
        let made = unsafe text.fill {
            unsafe rd_kafka_NewTopic_new(
                topic.name, Int32(clamping: topic.partitions ?? -1),
                Int32(clamping: topic.replication ?? -1), $0, $1)
        }
        guard let made = unsafe made else {
            throw .topicCreation(topic: topic.name, reason: text.text)
        }
        unsafe pointer = unsafe made
        for (key, value) in topic.settings.sorted(by: { $0.key < $1.key }) {
            unsafe rd_kafka_NewTopic_set_config(pointer, key, value)
        }
    }

    deinit {
        unsafe rd_kafka_NewTopic_destroy(pointer)
    }
}
