import EventLog
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// Writes the records of Kafka topics to a log, each with its key, partition, offset, timestamp and
/// headers, so that a replay sees what the daemon saw.
public final class Capture {
    private let configuration: Configuration
    private let out: String
    private let from: String?
    private let follows: Bool
    private let replaces: Bool
    private let wiring: Wiring

    /// - Parameters:
    ///   - from: a snapshot of the configured store whose offsets to begin at; from the beginning of
    ///     each partition where `nil`.
    ///   - follows: whether to go on behind the end until a signal.
    ///   - replaces: whether a file that is there is overwritten.
    public init(
        _ configuration: Configuration, out: String, from: String? = nil, follows: Bool = false,
        replaces: Bool = false
    ) {
        self.configuration = configuration
        self.out = out
        self.from = from
        self.follows = follows
        self.replaces = replaces
        wiring = Wiring(configuration: configuration)
    }

    /// Reads every partition to the end it had at the start, or until a signal.
    ///
    /// - Throws: `Interrupted` where a signal came before the end; the log holds what came until
    ///   then, and is whole as far as it goes.
    public func run() throws -> CaptureReport {
        StopSignal.install()
        var kafka = try wiring.kafka()
        // Records that are no more are no reason not to keep those that are.
        kafka.onGap = from == nil ? .accept : kafka.onGap
        let consumer = try KafkaConsumer(
            kafka, onNotice: { [log = wiring.log] in log.emit(.kafka($0.text)) })
        defer { consumer.close() }
        let cluster = try consumer.connect { StopSignal.isReceived } ?? "unnamed"
        try consumer.assign(from: try offsets(cluster)) { StopSignal.isReceived }
        let ends = Dictionary(
            uniqueKeysWithValues: (consumer.status()?.partitions ?? []).map {
                ($0.position, $0.endOffset)
            })
        var writer = try LogWriter(path: out, replaces: replaces, appearsWhole: !follows)
        var report = CaptureReport(cluster: cluster, log: out)
        while !StopSignal.isReceived {
            let batch = try consumer.next(
                maxRecords: 10_000, lingerMs: 1, waitMs: 200, stop: { StopSignal.isReceived })
            for record in batch.records {
                let place = record.position
                if !follows, let end = ends[place], record.offset >= end { continue }
                try writer.write(record)
                report.note(record.position, record.offset)
            }
            if follows, batch.records.isEmpty { try writer.flush() }
            if !follows, isDone(consumer, ends) { break }
        }
        try writer.close()
        if StopSignal.isReceived, !follows { throw Interrupted() }
        return report
    }

    private func isDone(_ consumer: KafkaConsumer, _ ends: [TopicPartition: Int64]) -> Bool {
        guard let status = consumer.status() else { return true }
        if status.isCaughtUp, status.waitingRecords == 0 { return true }
        return status.partitions.allSatisfy { $0.nextOffset >= ends[$0.position] ?? 0 }
    }

    private func offsets(_ cluster: String) throws -> [TopicPartition: Int64] {
        guard let from else { return [:] }
        let store = try SnapshotStore.open(path: configuration.store.path, mode: .readOnly)
        defer { try? store.close() }
        let known = try store.resolve(from).offsets.filter { $0.cluster == cluster }
        return Dictionary(known.map { ($0.position, $0.next) }) { $1 }
    }
}

/// What a capture wrote.
public struct CaptureReport: Encodable, Sendable {
    /// What was written of one partition.
    public struct Partition: Encodable, Sendable {
        /// The partition's topic.
        public let topic: String
        /// Its number in the topic.
        public let partition: Int32
        /// Offset of its first record.
        public fileprivate(set) var first: Int64
        /// Offset of its last record.
        public fileprivate(set) var last: Int64
        /// Records of it; fewer than the offsets span where some are not there.
        public fileprivate(set) var records: Int
    }

    /// The id of the cluster; `unnamed` where the brokers tell none.
    public let cluster: String
    /// The path of the log.
    public let log: String
    /// Records of all partitions.
    public fileprivate(set) var records = 0
    private var byPosition: [TopicPartition: Partition] = [:]

    init(cluster: String, log: String) {
        self.cluster = cluster
        self.log = log
    }

    /// Those that had records, by topic and number.
    public var partitions: [Partition] {
        byPosition.sorted { $0.key < $1.key }.map(\.value)
    }

    fileprivate mutating func note(_ position: TopicPartition, _ offset: Int64) {
        records += 1
        byPosition[
            position,
            default: Partition(
                topic: position.topic, partition: position.partition, first: offset, last: offset,
                records: 0)
        ].records += 1
        byPosition[position]?.last = offset
    }

    enum CodingKeys: String, CodingKey {
        case cluster, log, records, partitions
    }

    /// Writes the partitions as a list.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(cluster, forKey: .cluster)
        try container.encode(log, forKey: .log)
        try container.encode(records, forKey: .records)
        try container.encode(partitions, forKey: .partitions)
    }
}
