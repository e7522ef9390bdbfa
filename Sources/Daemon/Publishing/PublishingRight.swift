import Foundation
import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// The right to publish for a store: who published last, in Kafka and as the store remembers it.
///
/// Thread: the publishing thread.
struct PublishingRight {
    /// This run of the daemon.
    let instance = UUID().uuidString.lowercased()
    let store: SnapshotStore
    private let kafka: KafkaConfiguration
    private let settings: Publisher.Settings

    /// Where markers are.
    var topic: String { settings.markerTopic }

    private static let table = StateTable("publishers", .ledger)
    /// Runs that the store remembers; a run that claimed nothing leaves a name behind, too.
    private static let knownMax = 16
    private static let readMs = 60_000
    /// Markers are small and come with every transaction: rolled often, so that compaction keeps
    /// the topic short and a start reads little.
    private static let topicSettings = [
        "cleanup.policy": "compact", "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1",
    ]

    /// Makes the marker topic where it is missing.
    init(
        store: SnapshotStore, kafka: KafkaConfiguration, settings: Publisher.Settings,
        log: EventLogger
    ) throws {
        self.store = store
        self.kafka = kafka
        self.settings = settings
        _ = try TopicAdministration.ensureTopics(
            [
                TopicSpecification(
                    name: settings.markerTopic, partitions: 1, settings: Self.topicSettings)
            ], configuration: kafka)
    }

    /// The last marker under this store's id that was committed.
    func lastMarker(stop: () -> Bool) throws -> PublishMarker? {
        let record = try KafkaConsumer.lastRecord(
            topic: settings.markerTopic, key: Array(store.identity.id.utf8), configuration: kafka,
            timeoutMs: Self.readMs, stop: stop)
        return try record?.value.map { try PublishMarker(encoded: $0) }
    }

    func marker(next: UInt64) throws -> KafkaMessage {
        let marker = PublishMarker(
            store: store.identity.id, lineage: try store.status().lineage, next: next,
            instance: instance)
        return KafkaMessage(
            topic: settings.markerTopic, partition: 0, key: Array(store.identity.id.utf8),
            value: try marker.encoded())
    }

    /// Judges the last marker and makes the store remember this run, before it says a word.
    ///
    /// - Returns: the first message to send.
    /// - Throws: `PublishingError` when the store may not publish.
    func claim(after marker: PublishMarker?) throws -> UInt64 {
        let known = try remembered()
        let claim = try PublishingClaim(
            marker: marker, known: known, made: try store.status().nextOutbox,
            waiting: try store.outboxCount(), topic: settings.markerTopic,
            takesOver: settings.takesOver)
        if settings.takesOver { try store.skipOutbox(to: claim.next) }
        let names = ([instance] + known).prefix(Self.knownMax).joined(separator: "\n")
        try store.putLedger(
            Self.table.name, Array(settings.cluster.utf8), Array(names.utf8))
        return claim.next
    }

    /// Whether this run wrote the last marker.
    func isOurs(_ marker: PublishMarker?) -> Bool { marker?.instance == instance }

    var takenOver: PublishingError { .takenOver(topic: settings.markerTopic) }

    private func remembered() throws -> [String] {
        try store.withHead { state in
            try state.value(Self.table, Array(settings.cluster.utf8)).map { bytes in
                String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            } ?? []
        }
    }
}
