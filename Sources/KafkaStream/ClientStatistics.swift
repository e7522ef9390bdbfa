import Events
import Records

/// What one of librdkafka's statistics says of brokers and partitions.
///
/// Source: librdkafka's STATISTICS.md.
package struct ClientStatistics: Sendable {
    package struct Broker: Sendable {
        /// -1 for an address that was configured and is not known to be a broker yet.
        package let id: Int32
        package let name: String
        package let state: String
        /// Requests that wait for their answer.
        package let waiting: Int64
        /// Since anything was received.
        package let silentMs: Int64

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

    package let brokers: [Broker]
    /// The broker that each partition is fetched from; -1 while there is none.
    package let sources: [TopicPartition: Int32]

    package init(brokers: [Broker], sources: [TopicPartition: Int32]) {
        self.brokers = brokers
        self.sources = sources
    }

    /// - Returns: nil where the text is not what librdkafka writes.
    package init?(json: [UInt8]) {
        guard let root = try? JSONParser().value(json),
            case .object(let brokers)? = root["brokers"]
        else { return nil }
        self.brokers = brokers.compactMap { Broker($0.value) }
        var sources: [TopicPartition: Int32] = [:]
        if case .object(let topics)? = root["topics"] {
            for topic in topics {
                guard case .object(let partitions)? = topic.value["partitions"] else { continue }
                for entry in partitions {
                    guard let partition = Int32(entry.key), partition >= 0 else { continue }
                    let source = entry.value.integer("broker") ?? -1
                    sources[TopicPartition(topic: topic.key, partition: partition)] = Int32(
                        clamping: source)
                }
            }
        }
        self.sources = sources
    }
}

extension ClientStatistics.Broker {
    /// - Returns: nil for an entry that stands for no broker of its own, as a coordinator's.
    fileprivate init?(_ value: JSONValue) {
        guard case .text(let name)? = value["name"], case .text(let state)? = value["state"],
            let id = value.integer("nodeid")
        else { return nil }
        if case .text(let source)? = value["source"], source == "logical" || source == "internal" {
            return nil
        }
        self.init(
            id: Int32(clamping: id), name: name, state: state,
            waiting: value.integer("waitresp_cnt") ?? 0,
            silentMs: (value.integer("rxidle") ?? 0) / 1000)
    }
}

extension JSONValue {
    fileprivate func integer(_ key: String) -> Int64? {
        guard case .integer(let number)? = self[key] else { return nil }
        return number
    }
}
