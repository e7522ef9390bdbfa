import CRdKafka
import Glibc
import Platform
import Records

/// What a cluster says of itself and of the topics asked for.
public struct ClusterDescription: Sendable {
    /// The cluster's own id; nil where the brokers did not tell it in time.
    public let clusterId: String?
    /// Brokers that the cluster's metadata name, answering or not.
    public let brokerCount: Int
    /// Topics that exist, with their number of partitions.
    public let partitionCounts: [String: Int]
    /// Configured topics that the cluster does not have.
    public let missingTopics: [String]

    /// Whether the cluster has no topic administration and makes topics when they are asked for, as
    /// the development broker does.
    public static func makesTopics(_ configuration: KafkaConfiguration) throws(KafkaError) -> Bool {
        let native = try NativeConfiguration(configuration, role: .administration)
        let context = ClientContext(redactor: native.redactor) { _ in }
        let metadata = ClusterMetadata(
            client: try native.makeClient(context), servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs)
        return try !metadata.hasController(timeoutMs: configuration.connectTimeoutMs)
    }

    /// Asks the cluster about the configured topics, for a check before the start.
    ///
    /// Throws: `KafkaError.unreachable`, `.denied`, `.configuration`.
    public static func describe(
        _ configuration: KafkaConfiguration,
        onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in }
    ) throws(KafkaError) -> ClusterDescription {
        try configuration.validate()
        let native = try NativeConfiguration(configuration, role: .administration)
        let context = ClientContext(redactor: native.redactor, onNotice: onNotice)
        let metadata = ClusterMetadata(
            client: try native.makeClient(context), servesCallbacks: true)
        try metadata.connect(timeoutMs: configuration.connectTimeoutMs)
        let counts = try metadata.partitionCounts(
            of: configuration.topics, timeoutMs: configuration.connectTimeoutMs)
        return ClusterDescription(
            clusterId: metadata.clusterId(timeoutMs: 1000),
            brokerCount: try metadata.brokerIds(timeoutMs: configuration.connectTimeoutMs).count,
            partitionCounts: counts,
            missingTopics: configuration.topics.filter { counts[$0] == nil })
    }
}

/// Questions to a cluster that block, each with a bound.
///
/// Thread: any; not the consumer's poll thread, which must not wait for a broker.
struct ClusterMetadata {
    let client: ClientHandle
    /// Whether to serve the client's callbacks while waiting. Never beside a poll thread: on a
    /// consumer that fetches, this would take records off its queue and drop them.
    private let servesCallbacks: Bool

    init(client: ClientHandle, servesCallbacks: Bool) {
        self.client = client
        self.servesCallbacks = servesCallbacks
    }

    func pause(ms: Int32) {
        if servesCallbacks {
            client.poll(timeoutMs: ms)
        } else {
            usleep(UInt32(ms) * 1000)
        }
    }

    /// Waits for a broker that answers.
    ///
    /// - Throws: `KafkaError.unreachable` naming the addresses, `.denied`, `.closed` when `stop`
    ///   says so.
    func connect(timeoutMs: Int, stop: () -> Bool = { false }) throws(KafkaError) {
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while true {
            let answer = unsafe ask(.brokers, timeoutMs: 250) { _ in }
            guard case .failure(let code) = answer else { return }
            // Serves the error callback, which knows the reason.
            pause(ms: 5)
            let (last, authentication) = client.context.state.withLock {
                ($0.lastError, $0.authenticationError)
            }
            if let authentication {
                throw .denied("\(client.brokers): \(Self.hinted(authentication))")
            }
            if stop() { throw .closed }
            guard MonotonicClock.nowMs() < deadlineMs else {
                let reason = Self.hinted(last ?? errorMessage(code.value))
                throw .unreachable(
                    brokers: client.brokers, reason: "\(reason) (waited \(timeoutMs) ms)")
            }
        }
    }

    /// A reason, with the setting to look at where its words do not say.
    static func hinted(_ reason: String) -> String {
        let tlsAgainstPlain = [
            "unexpected eof", "wrong version number", "PLAINTEXT broker listener",
        ]
        if tlsAgainstPlain.contains(where: reason.contains) {
            return reason
                + "; kafka.client.security.protocol asks for TLS: does this listener have it?"
        }
        if reason.contains("ApiVersion") {
            return reason
                + "; kafka.client.security.protocol asks for no TLS or no SASL: does this listener "
                + "want it?"
        }
        return reason
    }

    func clusterId(timeoutMs: Int32) -> String? {
        unsafe client.withPointer { pointer in
            guard let id = unsafe rd_kafka_clusterid(pointer, timeoutMs) else { return nil }
            defer { unsafe rd_kafka_mem_free(pointer, id) }
            return unsafe String(cString: id)
        }
    }

    func brokerIds(timeoutMs: Int) throws(KafkaError) -> [Int32] {
        let answer = unsafe ask(.brokers, timeoutMs: timeoutMs) { metadata in
            (0..<Int(unsafe metadata.broker_cnt)).map { unsafe metadata.brokers[$0].id }
        }
        switch answer {
        case .success(let ids): return ids
        case .failure(let code): throw unanswered(code.value)
        }
    }

    /// Whether there is a broker that answers for the cluster as a whole. The development broker
    /// names a controller that does not exist, and asking it for anything would wait in vain.
    func hasController(timeoutMs: Int) throws(KafkaError) -> Bool {
        let controller = unsafe client.withPointer {
            unsafe rd_kafka_controllerid($0, Int32(clamping: timeoutMs))
        }
        return try brokerIds(timeoutMs: timeoutMs).contains(controller)
    }

    /// The number of partitions of those topics that exist.
    ///
    /// Asks for the list of all topics: old brokers, and the development broker, make a topic that
    /// is asked for by name. A topic that was just made, and has no leaders yet, is waited for.
    func partitionCounts(of topics: [String], timeoutMs: Int) throws(KafkaError) -> [String: Int] {
        try retrying(timeoutMs: timeoutMs) { remainingMs in
            switch unsafe ask(.allTopics, timeoutMs: remainingMs, { unsafe Self.topics($0) }) {
            case .failure(let code): return .failure(code)
            case .success(let found):
                var counts: [String: Int] = [:]
                for topic in topics {
                    switch found[topic] {
                    case nil: continue
                    case .success(let count): counts[topic] = count
                    case .failure(let code): return .failure(code)
                    }
                }
                return .success(counts)
            }
        }
    }

    /// The number of partitions of a topic that is known to exist; nil when it is gone.
    func partitionCount(of topic: String, timeoutMs: Int) throws(KafkaError) -> Int? {
        try retrying(timeoutMs: timeoutMs) { remainingMs in
            switch unsafe ask(.topic(topic), timeoutMs: remainingMs, { unsafe Self.topics($0) }) {
            case .failure(let code): return .failure(code)
            case .success(let found):
                switch found[topic] {
                case nil: return .success(nil)
                case .success(let count): return .success(count)
                case .failure(let code):
                    return code.value == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                        ? .success(nil) : .failure(code)
                }
            }
        }
    }

    /// Asks until there is an answer, an error that stays, or no time left.
    private func retrying<Answer>(
        timeoutMs: Int, _ question: (_ remainingMs: Int) -> Result<Answer, Code>
    ) throws(KafkaError) -> Answer {
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while true {
            let code: rd_kafka_resp_err_t
            switch question(max(1, Int(deadlineMs - MonotonicClock.nowMs()))) {
            case .success(let answer): return answer
            case .failure(let failure): code = failure.value
            }
            switch code {
            case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
                RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
                throw .denied(errorMessage(code))
            default: break
            }
            guard MonotonicClock.nowMs() < deadlineMs else { throw unanswered(code) }
            pause(ms: 20)
        }
    }

    /// First and next offsets of partitions that exist.
    ///
    /// One request to each leader for all its partitions.
    func watermarks(of positions: [TopicPartition], timeoutMs: Int)
        throws(KafkaError) -> [TopicPartition: Range<Int64>]
    {
        guard !positions.isEmpty else { return [:] }
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while true {
            do {
                let remainingMs = max(1, Int(deadlineMs - MonotonicClock.nowMs()))
                // The end is asked for last, so that it is never below the beginning.
                let low = try offsets(
                    Int64(RD_KAFKA_OFFSET_BEGINNING), positions, timeoutMs: remainingMs)
                let high = try offsets(
                    Int64(RD_KAFKA_OFFSET_END), positions, timeoutMs: remainingMs)
                return low.merging(high) { $0.lowerBound..<max($0.lowerBound, $1.lowerBound) }
            } catch {
                // Leaders move; the question is asked again until the time is up.
                guard case .timedOut = error, MonotonicClock.nowMs() < deadlineMs else {
                    throw error
                }
                pause(ms: 20)
            }
        }
    }

    private func offsets(_ logical: Int64, _ positions: [TopicPartition], timeoutMs: Int)
        throws(KafkaError) -> [TopicPartition: Range<Int64>]
    {
        let list = PartitionList(positions.map { ($0, logical) })
        let code = unsafe client.withPointer { client in
            unsafe list.withPointer {
                unsafe rd_kafka_offsets_for_times(client, $0, Int32(timeoutMs))
            }
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw .timedOut("asking for offsets (\(errorMessage(code)))", afterMs: timeoutMs)
        }
        var found: [TopicPartition: Range<Int64>] = [:]
        for entry in list.entries {
            guard entry.error == RD_KAFKA_RESP_ERR_NO_ERROR, entry.offset >= 0 else {
                throw .timedOut(
                    "asking \(entry.position) for its offsets (\(errorMessage(entry.error)))",
                    afterMs: timeoutMs)
            }
            found[entry.position] = entry.offset..<entry.offset
        }
        return found
    }

    struct Code: Error {
        let value: rd_kafka_resp_err_t
    }

    private enum Subject {
        case brokers
        case allTopics
        case topic(String)
    }

    private func ask<Answer>(
        _ subject: Subject, timeoutMs: Int, _ read: (rd_kafka_metadata) -> Answer
    ) -> Result<Answer, Code> {
        unsafe client.withPointer { pointer in
            var handle: OpaquePointer?
            var all: Int32 = 0
            switch subject {
            // With no topic known to the client, this asks for the brokers.
            case .brokers: break
            case .allTopics: all = 1
            case .topic(let name):
                unsafe handle = rd_kafka_topic_new(pointer, name, nil)
                guard unsafe handle != nil else {
                    return .failure(Code(value: rd_kafka_last_error()))
                }
            }
            defer { if let handle = unsafe handle { unsafe rd_kafka_topic_destroy(handle) } }
            var found: UnsafePointer<rd_kafka_metadata>?
            let code = unsafe rd_kafka_metadata(pointer, all, handle, &found, Int32(timeoutMs))
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata = unsafe found else {
                return .failure(Code(value: code))
            }
            defer { unsafe rd_kafka_metadata_destroy(metadata) }
            return unsafe .success(read(unsafe metadata.pointee))
        }
    }

    private static func topics(_ metadata: rd_kafka_metadata) -> [String: Result<Int, Code>] {
        var found: [String: Result<Int, Code>] = [:]
        for index in 0..<Int(unsafe metadata.topic_cnt) {
            let topic = unsafe metadata.topics[index]
            let name = unsafe String(cString: topic.topic)
            let code = unsafe topic.err
            found[name] =
                code == RD_KAFKA_RESP_ERR_NO_ERROR
                ? .success(Int(unsafe topic.partition_cnt)) : .failure(Code(value: code))
        }
        return found
    }

    private func unanswered(_ code: rd_kafka_resp_err_t) -> KafkaError {
        .unreachable(brokers: client.brokers, reason: errorMessage(code))
    }
}
