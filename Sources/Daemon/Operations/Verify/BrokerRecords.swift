import KafkaStream
import Records
import Telemetry

/// Reads what a replay needs from the brokers, which must still have it.
struct BrokerRecords {
    private let kafka: KafkaConfiguration
    private let log: EventLogger

    init(kafka: KafkaConfiguration, log: EventLogger) {
        self.kafka = kafka
        self.log = log
    }

    /// - Parameter needed: by cluster; more than one cannot be asked.
    /// - Throws: `KafkaError.offsetGap` where retention has taken a part,
    ///   `VerificationError.otherCluster`.
    func read(_ needed: [String: OffsetRanges], into spool: RecordSpool) throws {
        var kafka = kafka
        let ranges = needed.values.reduce(into: OffsetRanges()) { $0.formUnion($1) }
        kafka.topics = Set(ranges.ranges.keys.map(\.topic)).sorted()
        kafka.onGap = .stop
        // A daemon of any shard may have learned what is verified here.
        kafka.shards = 1
        kafka.shard = 0
        let consumer = try KafkaConsumer(kafka, onNotice: { [log] in log.emit(.kafka($0.text)) })
        defer { consumer.close() }
        let cluster = try consumer.connect { StopSignal.isReceived } ?? "unnamed"
        guard needed.keys.allSatisfy({ $0 == cluster }) else {
            throw VerificationError.otherCluster(found: cluster, journal: needed.keys.sorted())
        }
        let starts = ranges.ranges.compactMapValues { $0.first?.lowerBound }
        let ends = ranges.ranges.compactMapValues { $0.last?.upperBound }
        try consumer.assign(from: starts) { StopSignal.isReceived }
        var reached: [TopicPartition: Int64] = [:]
        while !ends.allSatisfy({ reached[$0.key, default: 0] >= $0.value }) {
            if StopSignal.isReceived { throw Interrupted() }
            let batch = try consumer.next(
                maxRecords: 10_000, lingerMs: 1, waitMs: 200, stop: { StopSignal.isReceived })
            for record in batch.records { try spool.add(record) }
            reached.merge(batch.nextOffsets) { max($0, $1) }
            if batch.records.isEmpty, let status = consumer.status(), status.isCaughtUp,
                status.waitingRecords == 0
            {
                return
            }
        }
    }
}
