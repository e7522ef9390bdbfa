import Daemon
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Testing

/// A broker with the daemon's topics, a folder for its store, and a configuration for both.
///
/// The broker is the embedded one, or the one that `TIDEMARK_TEST_BROKERS` names.
final class DaemonFixture: Sendable {
    let folder: String
    let brokers: String
    let events: String
    let recommendations: String
    let deadLetters: String
    let markers: String
    let embedded: DevelopmentBroker?

    static let realBrokers = ProcessInfo.processInfo.environment["TIDEMARK_TEST_BROKERS"]
    static var isReal: Bool { realBrokers != nil }

    /// - Parameter settings: of the topic of events, for a real cluster.
    init(partitions: Int = 2, brokers count: Int = 1, settings: [String: String] = [:]) throws {
        _ = TCPProxy.shared
        let name = UUID().uuidString.lowercased().prefix(8)
        folder =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("tidemark-test-\(name)").path
        events = "events-\(name)"
        recommendations = "recommendations-\(name)"
        deadLetters = "dead-letters-\(name)"
        markers = "markers-\(name)"
        if let real = Self.realBrokers {
            embedded = nil
            brokers = real
            // Brokers of Kafka 4 refuse what is stamped an hour ahead; it is the daemon that is tested.
            let any = ["message.timestamp.after.max.ms": "\(Int64.max)"]
            let topics = [
                (events, partitions, settings.merging(any) { $1 }), (recommendations, 1, [:]),
                (deadLetters, 1, [:]),
            ]
            _ = try TopicAdministration.ensureTopics(
                topics.map {
                    TopicSpecification(
                        name: $0.0, partitions: $0.1, replication: 1, settings: $0.2)
                }, configuration: KafkaConfiguration(brokers: real, topics: [events]))
        } else {
            let broker = try DevelopmentBroker(brokers: count)
            try broker.createTopic(events, partitions: partitions)
            try broker.createTopic(recommendations, partitions: 1)
            try broker.createTopic(deadLetters, partitions: 1)
            embedded = broker
            brokers = broker.address
        }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    var store: String { folder + "/store" }

    func configuration(_ overrides: String...) throws -> Configuration {
        try configuration(overrides)
    }

    func configuration(_ overrides: [String]) throws -> Configuration {
        try Configuration.load(
            file: nil, environment: [:], overrides: try self.overrides(overrides))
    }

    /// The configuration as `--set` would give it: another process can be handed this.
    func overrides(_ more: [String] = []) throws -> [String] {
        let own = [
            "kafka.brokers=\(brokers)", "kafka.topics=[\(events)]", "store.path=\(store)",
            "publish.topic=\(recommendations)", "publish.dead_letter_topic=\(deadLetters)",
            "kafka.fetch_wait=10ms", "batch.linger=20ms", "log.level=error",
            "publish.marker_topic=\(markers)", "model.base=\(try Self.model())",
            "attribution.lateness=0",
        ]
        return own + more
    }

    /// The folder of the default model, fetched beforehand.
    static func model() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
        let folder = environment["TIDEMARK_MODEL"] ?? cache + "/tidemark/all-MiniLM-L6-v2"
        guard FileManager.default.fileExists(atPath: folder + "/model.safetensors") else {
            throw Missing(what: "the model (\(folder)); run deploy/fetch-model first")
        }
        return folder
    }

    struct Missing: Error, CustomStringConvertible {
        let what: String
        var description: String { "missing: \(what)" }
    }

    /// Runs the daemon until the stream is idle.
    func run(_ configuration: Configuration) throws -> Report {
        try LearningDaemon(configuration, exitWhenIdleMs: 700).run()
    }

    var kafka: KafkaConfiguration { KafkaConfiguration(brokers: brokers, topics: [events]) }

    /// Makes further topics; the development broker makes those it is asked about by itself.
    func makeTopics(_ names: [String]) throws {
        guard embedded == nil else { return }
        _ = try TopicAdministration.ensureTopics(
            names.map { TopicSpecification(name: $0, partitions: 1, replication: 1) },
            configuration: kafka)
    }

    /// Deletes the topic of events and makes it anew, on a real cluster.
    func recreateEvents(partitions: Int) throws {
        try TopicAdministration.delete(events, configuration: kafka)
        let end = ContinuousClock.now + .seconds(60)
        while try ClusterDescription.describe(kafka).missingTopics.isEmpty {
            guard ContinuousClock.now < end else { throw Missing(what: "the end of \(events)") }
            usleep(50_000)
        }
        _ = try TopicAdministration.ensureTopics(
            [TopicSpecification(name: events, partitions: partitions, replication: 1)],
            configuration: kafka)
    }

    /// Sends records and waits until the broker has them.
    ///
    /// - Parameter brokers: where to; the fixture's own unless given.
    func send(
        _ values: [[UInt8]?], key: String = "k", partition: Int32? = nil,
        to brokers: String? = nil, compression: String = "lz4", client: [String: String] = [:]
    ) throws {
        try Wires.send(
            values, to: events, brokers: brokers ?? self.brokers, key: key, partition: partition,
            compression: compression, client: client)
    }

    func send(
        _ texts: [String], key: String = "k", partition: Int32? = nil, to brokers: String? = nil,
        compression: String = "lz4"
    ) throws {
        try send(
            texts.map { Array($0.utf8) }, key: key, partition: partition, to: brokers,
            compression: compression)
    }

    /// Everything that is in a topic.
    func read(_ topic: String) throws -> [SourceRecord] {
        try Wires.read(topic, brokers: brokers)
    }
}

/// The text of a record's value.
func text(_ record: SourceRecord) -> String {
    record.value.map { String(decoding: $0, as: UTF8.self) } ?? "(null)"
}

/// Milliseconds now, for events that must not be ahead of their record.
func nowMs() -> Int64 {
    Int64(Date().timeIntervalSince1970 * 1000)
}

/// Looks until something is found, for a minute at most.
func eventually<Found>(_ what: String, _ look: () throws -> Found?) throws -> Found {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
        if let found = try look() { return found }
        usleep(5_000)
    }
    throw DaemonFixture.Missing(what: what)
}

/// A store's journal replayed from the oldest snapshot to the head, with the records of its brokers.
func wholeReplay(of path: String) throws -> VerificationResult {
    let store = try SnapshotStore.open(path: path, mode: .readOnly)
    let oldest = try #require(try store.snapshots().last?.record.id)
    try store.close()
    return try Verification(store: path, from: oldest, to: "head", logs: []).run()
}
