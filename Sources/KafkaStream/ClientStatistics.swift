import Foundation
import Records

/// What one of librdkafka's statistics says of brokers and partitions.
///
/// Source: librdkafka's STATISTICS.md.
package struct ClientStatistics: Sendable {
    /// One broker, as one connection of this client sees it.
    package struct Broker: Sendable {
        /// -1 for an address that was configured and is not known to be a broker yet.
        package let id: Int32
        /// As librdkafka names it, `host:port/id`.
        package let name: String
        /// librdkafka's word for the connection: `UP`, `DOWN`, `INIT` and others.
        package let state: String
        /// Requests that wait for their answer.
        package let waiting: Int64
        /// Since anything was received.
        package let silentMs: Int64

        /// Takes each field as it is.
        package init(
            id: Int32, name: String, state: String, waiting: Int64 = 0, silentMs: Int64 = 0
        ) {
            self.id = id
            self.name = name
            self.state = state
            self.waiting = waiting
            self.silentMs = silentMs
        }
    }

    /// Brokers that stand for themselves: no coordinators, no internal ones.
    package let brokers: [Broker]
    /// The broker that each partition is fetched from; -1 while there is none.
    package let sources: [TopicPartition: Int32]

    /// Takes both as they are.
    package init(brokers: [Broker], sources: [TopicPartition: Int32]) {
        self.brokers = brokers
        self.sources = sources
    }

    /// - Returns: nil where the text is not what librdkafka writes.
    package init?(json: [UInt8]) {
        guard let text = try? JSONDecoder().decode(StatisticsText.self, from: Data(json)) else {
            return nil
        }
        brokers = text.brokers.sorted { $0.key < $1.key }
            .compactMap { $0.value.read.flatMap(Broker.init) }
        var sources: [TopicPartition: Int32] = [:]
        for (topic, entry) in text.topics ?? [:] {
            for (number, partition) in entry.read?.partitions ?? [:] {
                guard let index = Int32(number), index >= 0 else { continue }
                sources[TopicPartition(topic: topic, partition: index)] = Int32(
                    clamping: partition.read?.broker ?? -1)
            }
        }
        self.sources = sources
    }
}

extension ClientStatistics.Broker {
    /// - Returns: nil for an entry that stands for no broker of its own, as a coordinator's.
    fileprivate init?(_ entry: StatisticsText.Broker) {
        if entry.source == "logical" || entry.source == "internal" { return nil }
        self.init(
            id: Int32(clamping: entry.nodeid), name: entry.name, state: entry.state,
            waiting: entry.waitresp_cnt ?? 0, silentMs: (entry.rxidle ?? 0) / 1000)
    }
}

/// The part of the statistics that is read, under librdkafka's own names.
private struct StatisticsText: Decodable {
    struct Broker: Decodable {
        let name: String
        let state: String
        let nodeid: Int64
        let source: String?
        let waitresp_cnt: Int64?
        let rxidle: Int64?
    }

    struct Topic: Decodable {
        let partitions: [String: Entry<Partition>]?
    }

    struct Partition: Decodable {
        let broker: Int64?
    }

    /// One that cannot be read is passed over, and the others stay.
    struct Entry<Value: Decodable>: Decodable {
        let read: Value?

        init(from decoder: any Decoder) throws {
            read = try? Value(from: decoder)
        }
    }

    let brokers: [String: Entry<Broker>]
    let topics: [String: Entry<Topic>]?
}
