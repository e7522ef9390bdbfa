/// How to reach a cluster and what to read from it.
///
/// Units: milliseconds and bytes, as the names say.
public struct KafkaConfiguration: Sendable {
    /// What happens when stored offsets are no longer available.
    public enum GapPolicy: String, Sendable, CaseIterable {
        /// Stop with `KafkaError.offsetGap`.
        case stop
        /// Go on from the first available offset and report the gap, so that it can be journaled.
        case accept
    }

    /// `host:port` list, comma-separated.
    public var brokers: String
    /// Topics to be read, each once; a producer does not look at them.
    public var topics: [String]
    /// librdkafka settings passed through as they are, TLS and SASL among them; secrets included,
    /// so this is never printed.
    public var client: [String: String]
    /// How many daemons share the partitions, and which one this is.
    public var shards = 1
    /// From 0 to `shards` less 1.
    public var shard = 0
    /// Topics that every shard reads whole: those that are not keyed by shopper.
    public var wholeTopics: Set<String> = []
    /// How the producers of the other topics choose a partition by the key.
    public var partitioner = KeyPartitioner.murmur2
    /// What happens when stored offsets are no longer available.
    public var onGap = GapPolicy.stop
    /// The group under which offsets are shown to lag monitors; they are never read back.
    public var monitorGroup = "tidemark"

    /// How long a broker may hold a fetch back to fill it.
    public var fetchWaitMaxMs = 100
    /// Bound of librdkafka's own queue of fetched records. It pauses fetching for a second once
    /// its queue is full, so this must hold a second of records.
    public var fetchQueueBytesMax = 32 << 20
    /// Bounds of the queue between the poll thread and the consumer's caller.
    public var queueRecordsMax = 20_000
    /// Keys, values and headers with the overhead of each; a bound beside that on records.
    public var queueBytesMax = 16 << 20
    /// A batch is cut at this size even when it has too few records.
    public var batchBytesMax = 64 << 20

    /// How long a start waits for the first broker that answers.
    public var connectTimeoutMs = 10_000
    /// How long a start waits for a topic to appear; 0 fails at once.
    public var topicWaitMs = 0
    /// How often the topics are looked at for new partitions.
    public var discoveryIntervalMs = 30_000

    /// Everything else has its default; nothing is checked before `validate`.
    public init(brokers: String, topics: [String], client: [String: String] = [:]) {
        self.brokers = brokers
        self.topics = topics
        self.client = client
    }

    /// Settings that exactly-once learning rests on, under all the names librdkafka knows them by.
    public static let reservedKeys: Set<String> = [
        "auto.commit.enable", "auto.offset.reset", "bootstrap.servers", "enable.auto.commit",
        "enable.auto.offset.store", "enable.idempotence", "enable.partition.eof", "group.id",
        "group.instance.id", "group.protocol.type", "isolation.level", "metadata.broker.list",
        "offset.store.method", "partition.assignment.strategy", "statistics.interval.ms",
        "test.mock.num.brokers", "transactional.id",
    ]

    /// Whether the value of a client setting must never be shown.
    public static func isSecret(_ key: String) -> Bool { Redactor.isSecret(key) }

    /// The largest message that a producer sends, framing included.
    public var messageBytesMax: Int { client["message.max.bytes"].flatMap(Int.init) ?? 1_000_000 }

    /// Checks everything that can be checked without a broker.
    ///
    /// Throws: `KafkaError.reservedKey` or `.configuration`, for the first fault in a fixed order.
    public func validate() throws(KafkaError) {
        try validateClient()
        guard !topics.isEmpty else {
            throw .configuration(key: "kafka.topics", reason: "names no topic")
        }
        for topic in topics {
            try Self.validate(topic: topic, key: "kafka.topics")
        }
        guard Set(topics).count == topics.count else {
            throw .configuration(key: "kafka.topics", reason: "names a topic twice")
        }
        guard shards >= 1 else {
            throw .configuration(key: "kafka.shards", reason: "is \(shards), must be at least 1")
        }
        guard (0..<shards).contains(shard) else {
            throw .configuration(
                key: "kafka.shard", reason: "is \(shard), must be from 0 to \(shards - 1)")
        }
        guard !monitorGroup.isEmpty else {
            throw .configuration(key: "kafka.group", reason: "is empty")
        }
        try validateBounds()
    }

    /// Checks the part that a producer needs too.
    func validateClient() throws(KafkaError) {
        guard !brokers.allSatisfy(\.isWhitespace) else {
            throw .configuration(key: "kafka.brokers", reason: "is empty")
        }
        if let key = client.keys.filter(Self.reservedKeys.contains).min() {
            throw .reservedKey(key)
        }
        // Building the configuration is librdkafka's own check of names and values.
        _ = try NativeConfiguration(self, role: .consumer)
    }

    private func validateBounds() throws(KafkaError) {
        let bounds = [
            ("fetch wait", fetchWaitMaxMs, 0...300_000),
            ("fetch queue bytes", fetchQueueBytesMax, 1 << 20...1 << 40),
            ("queue records", queueRecordsMax, 1...100_000_000),
            ("queue bytes", queueBytesMax, 1 << 10...1 << 40),
            ("batch bytes", batchBytesMax, 1 << 10...1 << 40),
            ("connect timeout", connectTimeoutMs, 1...3_600_000),
            ("topic wait", topicWaitMs, 0...Int(Int32.max)),
            ("discovery interval", discoveryIntervalMs, 100...86_400_000),
        ]
        for (name, value, range) in bounds where !range.contains(value) {
            throw .configuration(
                key: "kafka", reason: "\(name) is \(value), must be within \(range)")
        }
    }

    /// The rule of Kafka for topic names.
    package static func validate(topic: String, key: String) throws(KafkaError) {
        let allowed = topic.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, (1...249).contains(topic.utf8.count), topic != ".", topic != ".." else {
            throw .configuration(
                key: key,
                reason: "\"\(topic)\" is no topic name (1 to 249 of a-z A-Z 0-9 . _ -)")
        }
    }
}

extension KafkaConfiguration: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Names the client settings and none of their values.
    public var description: String {
        "Kafka at \(brokers), topics \(topics.joined(separator: ", ")), shard \(shard) of "
            + "\(shards), client settings: \(client.keys.sorted().joined(separator: ", "))"
    }

    /// The same as `description`: no value of a client setting.
    public var debugDescription: String { description }

    /// `dump` and test failures go through the mirror.
    public var customMirror: Mirror {
        Mirror(self, children: ["description": description])
    }
}
