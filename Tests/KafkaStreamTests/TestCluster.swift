import Foundation
import KafkaStream
import Records
import Testing

/// The cluster under test: the embedded broker, or the one that `TIDEMARK_TEST_BROKERS` names.
final class TestCluster: Sendable {
    static let realBrokers = ProcessInfo.processInfo.environment["TIDEMARK_TEST_BROKERS"]
    static var isReal: Bool { realBrokers != nil }

    /// nil when the cluster is a real one.
    let embedded: DevelopmentBroker?
    let brokers: String
    let notices = Notices()

    init(brokers count: Int = 1) throws {
        if let real = Self.realBrokers {
            embedded = nil
            brokers = real
        } else {
            let broker = try DevelopmentBroker(brokers: count)
            embedded = broker
            brokers = broker.address
        }
    }

    /// Makes a topic whose name no other test has.
    func topic(_ name: String, partitions: Int = 1) throws -> String {
        let unique = "tidemark-test-\(name)-\(UUID().uuidString)"
        if let embedded {
            try embedded.createTopic(unique, partitions: partitions)
        } else {
            let outcome = try TopicAdministration.ensureTopics(
                [TopicSpecification(name: unique, partitions: partitions, replication: 1)],
                configuration: configuration([unique]))
            try #require(outcome[unique] == .created(partitions: partitions))
        }
        return unique
    }

    func configuration(
        _ topics: [String], _ change: (inout KafkaConfiguration) -> Void = { _ in }
    ) -> KafkaConfiguration {
        var configuration = KafkaConfiguration(brokers: brokers, topics: topics)
        configuration.fetchWaitMaxMs = 10
        change(&configuration)
        return configuration
    }

    func consumer(
        _ topics: [String], from offsets: [TopicPartition: Int64] = [:],
        _ change: (inout KafkaConfiguration) -> Void = { _ in }
    ) throws -> KafkaConsumer {
        let notices = notices
        let consumer = try KafkaConsumer(configuration(topics, change)) { notices.add($0) }
        try consumer.assign(from: offsets)
        return consumer
    }

    func producer(
        _ change: (inout ProducerOptions) -> Void = { _ in }, client: [String: String] = [:]
    ) throws -> KafkaProducer {
        var options = ProducerOptions()
        change(&options)
        let notices = notices
        return try KafkaProducer(
            KafkaConfiguration(brokers: brokers, topics: [], client: client), options: options
        ) { notices.add($0) }
    }

    /// Sends values, one message each, and waits until the cluster has them.
    func send(_ values: [String], to topic: String, partition: Int32 = 0) throws {
        let producer = try producer()
        defer { producer.close() }
        for (number, value) in values.enumerated() {
            try producer.send(
                KafkaMessage(
                    topic: topic, partition: partition, key: nil, value: Array(value.utf8)),
                token: UInt64(number))
        }
        try #require(producer.flush(timeoutMs: 20_000))
        let failed = producer.drainDeliveries().filter { delivery in
            if case .delivered = delivery.result { false } else { true }
        }
        try #require(failed.isEmpty, "\(failed.prefix(3))")
    }
}

/// What the clients of a test remarked.
final class Notices: Sendable {
    private let texts = Guarded<[String]>([])

    func add(_ notice: KafkaNotice) { texts.with { $0.append(notice.text) } }
    var all: [String] { texts.with { $0 } }
}

/// A value behind a lock.
final class Guarded<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}

extension KafkaConsumer {
    /// Gathers exactly this many records.
    func records(_ count: Int, timeoutMs: Int = 20_000) throws -> [SourceRecord] {
        let batch = try next(maxRecords: count, lingerMs: 0, waitMs: timeoutMs)
        try #require(batch.records.count == count, "\(batch.cut), \(String(describing: status()))")
        return batch.records
    }
}

extension SourceRecord {
    var text: String? { value.map { String(decoding: $0, as: UTF8.self) } }
}

/// Waits until a condition holds, with a bound.
func eventually(
    _ what: Comment, timeoutMs: Int = 20_000, _ condition: () throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let clock = ContinuousClock()
    let end = clock.now + .milliseconds(timeoutMs)
    while clock.now < end {
        if try condition() { return }
        usleep(2000)
    }
    try #require(Bool(false), what, sourceLocation: sourceLocation)
}
