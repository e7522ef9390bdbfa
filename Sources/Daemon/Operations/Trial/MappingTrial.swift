import EventLog
import Events
import Foundation
import KafkaStream
import Mapping
import Records

/// Tries a mapping on records, and changes nothing.
package struct MappingTrial {
    /// What one record came to.
    package struct Record {
        package let record: SourceRecord
        package let elements: [MappedElement]
    }

    /// How often a mapping came to what.
    package struct Counts: Sendable, Equatable {
        package fileprivate(set) var records = 0
        package fileprivate(set) var ignored = 0
        package fileprivate(set) var refused = 0
        /// Events by their type's name.
        package fileprivate(set) var events: [String: Int] = [:]
        /// Of the events, those without a price of their own.
        package fileprivate(set) var unpriced = 0
        /// Refused elements by their code.
        package fileprivate(set) var reasons: [String: Int] = [:]

        package var eventCount: Int { events.values.reduce(0, +) }
    }

    package let mapping: Mapping
    private let decoder: MappingDecoder
    /// The topic that records are said to be of; their own where `nil`.
    private let topic: String?
    package private(set) var counts = Counts()

    package init(_ mapping: Mapping, topic: String? = nil, limits: EventLimits = EventLimits()) {
        self.mapping = mapping
        self.topic = topic
        decoder = MappingDecoder(mapping, EventDecoder(limits: limits))
        decoder.keepsWritten = true
    }

    /// What a record comes to; a key without a value is not asked about.
    package mutating func take(_ record: SourceRecord) -> Record? {
        guard record.value != nil else { return nil }
        var record = record
        if let topic {
            record.position = TopicPartition(topic: topic, partition: record.position.partition)
        }
        let elements = decoder.decode(record, clockMs: nil)
        counts.records += 1
        for element in elements {
            switch element.outcome {
            case .event(let event):
                counts.events[event.type.rawValue, default: 0] += 1
                if event.offer?.isPriced == false { counts.unpriced += 1 }
            case .ignored: counts.ignored += 1
            case .refused(_, let code, _):
                counts.refused += 1
                counts.reasons[code, default: 0] += 1
            }
        }
        return Record(record: record, elements: elements)
    }
}

/// Records of a sample.
package enum MappingSample {
    /// Largest file that may be one document.
    private static let documentBytesMax = 16 << 20

    /// The records in a file: of one JSON document that one, else every line, which may be a captured
    /// record.
    ///
    /// - Parameter body: whether to go on.
    package static func read(file: String, _ body: (SourceRecord) throws -> Bool) throws {
        if let document = document(file) {
            let position = TopicPartition(
                topic: (file as NSString).lastPathComponent, partition: 0)
            _ = try body(SourceRecord(position: position, offset: 1, value: document))
            return
        }
        let reader = try LogReader(path: file)
        while let entry = try reader.next() {
            guard case .record(let record) = entry.content else { continue }
            guard try body(record) else { return }
        }
    }

    /// The bytes of a file that is one JSON document over several lines, as documentation has them.
    private static func document(_ file: String) -> [UInt8]? {
        guard file != "-",
            let size = try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int,
            size <= documentBytesMax, let data = FileManager.default.contents(atPath: file)
        else { return nil }
        let bytes = [UInt8](data)
        let isSeveral = bytes.dropLast().contains(UInt8(ascii: "\n"))
        return isSeveral && JSONParser().accepts(bytes) ? bytes : nil
    }

    /// The newest records of a topic, so many of all its partitions; nothing is committed.
    package static func read(
        topic: String, limit: Int, _ configuration: Configuration,
        _ body: (SourceRecord) throws -> Void
    ) throws {
        StopSignal.install()
        var kafka = try configuration.kafkaConfiguration()
        kafka.topics = [topic]
        kafka.shards = 1
        kafka.shard = 0
        kafka.onGap = .accept
        let description = try ClusterDescription.describe(kafka)
        let partitions = (0..<Int32(description.partitionCounts[topic] ?? 0)).map {
            TopicPartition(topic: topic, partition: $0)
        }
        let consumer = try KafkaConsumer(kafka, onNotice: { _ in })
        defer { consumer.close() }
        _ = try consumer.connect { StopSignal.isReceived }
        let share = Int64(max(1, limit / max(1, partitions.count)))
        let there = try consumer.available(partitions)
        let starts = there.mapValues { max($0.lowerBound, $0.upperBound - share) }
        var left = Set(there.filter { !$0.value.isEmpty }.keys)
        try consumer.assign(from: starts) { StopSignal.isReceived }
        var count = 0
        while !left.isEmpty, count < limit {
            if StopSignal.isReceived { throw Interrupted() }
            let batch = try consumer.next(
                maxRecords: limit, lingerMs: 1, waitMs: 200, stop: { StopSignal.isReceived })
            for record in batch.records where count < limit {
                try body(record)
                count += 1
            }
            for (position, next) in batch.nextOffsets
            where next >= there[position]?.upperBound ?? 0 {
                left.remove(position)
            }
            if batch.records.isEmpty, let status = consumer.status(), status.isCaughtUp,
                status.waitingRecords == 0
            {
                return
            }
        }
    }
}
