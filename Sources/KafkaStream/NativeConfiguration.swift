import CRdKafka
import Glibc
import Platform

/// One `rd_kafka_conf_t`, until it becomes a client.
///
/// Thread: the one that made it. `pointer` is nil once a client has taken it over.
@safe
final class NativeConfiguration {
    enum Role {
        case consumer
        case producer(ProducerOptions)
        /// A client for administration and metadata.
        case administration
    }

    private var pointer: OpaquePointer?
    private let brokers: String
    let redactor: Redactor
    private let type: rd_kafka_type_t

    /// - Throws: `KafkaError.configuration` naming the setting that librdkafka refuses.
    init(_ configuration: KafkaConfiguration, role: Role) throws(KafkaError) {
        unsafe pointer = rd_kafka_conf_new()
        brokers = configuration.brokers
        redactor = Redactor(client: configuration.client)
        if case .producer = role { type = RD_KAFKA_PRODUCER } else { type = RD_KAFKA_CONSUMER }
        // Ours first, where a user's own value may take its place.
        for (key, value) in Self.defaults(configuration, role: role) {
            try set(key, value)
        }
        for (key, value) in configuration.client.sorted(by: { $0.key < $1.key }) {
            try Self.requireReadable(key, value)
            try set(key, value, prefix: "kafka.client.")
        }
        for (key, value) in Self.fixed(configuration, role: role) {
            try set(key, value)
        }
    }

    /// A client that talks to no cluster: the anchor of the embedded broker.
    init() {
        unsafe pointer = rd_kafka_conf_new()
        brokers = ""
        redactor = Redactor(client: [:])
        type = RD_KAFKA_PRODUCER
    }

    deinit {
        if let pointer = unsafe pointer { unsafe rd_kafka_conf_destroy(pointer) }
    }

    /// How often the standing of the brokers is looked at.
    static let statisticsMs = 1000

    private static func defaults(_ configuration: KafkaConfiguration, role: Role)
        -> [(String, String)]
    {
        var settings = [("client.id", "tidemark")]
        switch role {
        case .consumer, .administration:
            settings += [
                ("fetch.wait.max.ms", String(configuration.fetchWaitMaxMs)),
                (
                    "queued.max.messages.kbytes",
                    String(max(1, configuration.fetchQueueBytesMax >> 10))
                ),
                ("check.crcs", "true"),
                // No group is joined; this bounds how long closing waits for offsets that were
                // committed for monitors when the group's coordinator does not answer.
                ("session.timeout.ms", "1000"),
                ("allow.auto.create.topics", "false"),
            ]
        case .producer(let options):
            settings += [
                ("linger.ms", String(options.lingerMs)),
                ("compression.type", options.compression),
                ("queue.buffering.max.messages", String(options.queueRecordsMax)),
                ("queue.buffering.max.kbytes", String(max(1, options.queueBytesMax >> 10))),
            ]
            settings += [
                // Brokers close idle connections as a matter of course.
                ("log.connection.close", "false"),
                // How long a topic may be unknown before its messages are refused.
                ("topic.metadata.propagation.max.ms", "5000"),
            ]
            if options.transactionalId == nil {
                // The outbox keeps order; a message that times out would let later ones pass it.
                settings.append(("message.timeout.ms", "0"))
            }
        }
        return settings
    }

    private static func fixed(_ configuration: KafkaConfiguration, role: Role)
        -> [(String, String)]
    {
        var settings = [("bootstrap.servers", configuration.brokers)]
        switch role {
        case .consumer, .administration:
            settings += [
                ("group.id", configuration.monitorGroup),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "error"),
                ("isolation.level", "read_committed"),
                ("enable.partition.eof", "true"),
            ]
            if case .consumer = role {
                settings.append(("statistics.interval.ms", String(Self.statisticsMs)))
            }
        case .producer(let options):
            settings.append(("enable.idempotence", "true"))
            if let id = options.transactionalId { settings.append(("transactional.id", id)) }
        }
        return settings
    }

    private func set(_ key: String, _ value: String, prefix: String = "kafka: ")
        throws(KafkaError)
    {
        // A zero byte would end the C string early and set something else than was written.
        guard !key.utf8.contains(0), !value.utf8.contains(0) else {
            throw .configuration(key: prefix + key, reason: "contains a zero byte")
        }
        var message = ErrorText()
        let result = unsafe message.fill { text, size in
            unsafe rd_kafka_conf_set(pointer, key, value, text, size)
        }
        switch result {
        case RD_KAFKA_CONF_OK: return
        case RD_KAFKA_CONF_UNKNOWN:
            throw .configuration(key: prefix + key, reason: "librdkafka knows no such setting")
        default:
            let reason =
                Redactor.isSecret(key)
                ? "librdkafka refuses the value (not shown)" : redactor(message.text)
            throw .configuration(key: prefix + key, reason: reason)
        }
    }

    private static let fileKeys: Set<String> = [
        "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.crl.location",
        "ssl.keystore.location",
    ]

    /// OpenSSL's own words for a file that is not there name neither the file nor the setting.
    private static func requireReadable(_ key: String, _ value: String) throws(KafkaError) {
        // "probe" has librdkafka look for the system's own certificates.
        guard fileKeys.contains(key), !value.isEmpty, value != "probe",
            unsafe access(value, R_OK) != 0
        else { return }
        throw .configuration(
            key: "kafka.client.\(key)", reason: "\(value): \(errorText(errno))")
    }

    /// Makes the client; the configuration belongs to it from then on.
    ///
    /// - Throws: `KafkaError.configuration` with librdkafka's reason.
    func makeClient(_ context: ClientContext) throws(KafkaError) -> ClientHandle {
        let opaque = unsafe Unmanaged.passRetained(context).toOpaque()
        unsafe rd_kafka_conf_set_opaque(pointer, opaque)
        unsafe rd_kafka_conf_set_log_cb(pointer, clientDidLog)
        unsafe rd_kafka_conf_set_error_cb(pointer, clientDidFail)
        unsafe rd_kafka_conf_set_dr_msg_cb(pointer, clientDidDeliver)
        unsafe rd_kafka_conf_set_stats_cb(pointer, clientDidReport)
        unsafe rd_kafka_conf_set_offset_commit_cb(pointer, clientDidCommit)
        var message = ErrorText()
        let client = unsafe message.fill { text, size in
            unsafe rd_kafka_new(type, pointer, text, size)
        }
        guard let client = unsafe client else {
            // rd_kafka_new leaves the configuration with its caller when it fails.
            unsafe Unmanaged<ClientContext>.fromOpaque(opaque).release()
            throw .configuration(key: "kafka.client", reason: redactor(message.text))
        }
        unsafe pointer = nil
        return unsafe ClientHandle(client, context: context, brokers: brokers)
    }
}

/// The buffer that librdkafka writes the reason of an error to.
struct ErrorText {
    private var bytes = [CChar](repeating: 0, count: 512)

    mutating func fill<Result>(
        _ body: (UnsafeMutablePointer<CChar>?, Int) -> Result
    ) -> Result {
        unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            unsafe body(buffer.baseAddress, buffer.count)
        }
    }

    var text: String {
        String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
