import Events
import Records

/// A record that could not be used, on its way to the dead-letter topic.
///
/// The original bytes go along unchanged, with the source and the reason in headers. A record that
/// does not fit is told by its hash, its length and its beginning.
public struct DeadLetter: Sendable {
    /// What the headers and the framing of a message take, at most.
    private static let overheadBytes = 4096
    private static let prefixBytes = 1024

    public let record: SourceRecord
    public let reason: String

    public init(record: SourceRecord, reason: String) {
        self.record = record
        self.reason = reason
    }

    /// - Parameter messageBytesMax: what the topic takes (`message.max.bytes`).
    public func message(topic: String, messageBytesMax: Int) -> KafkaMessage {
        var headers: [(name: String, value: [UInt8])] = [
            ("tidemark-reason", Array(Self.shortened(reason).utf8)),
            ("tidemark-topic", Array(record.position.topic.utf8)),
            ("tidemark-partition", Array(String(record.position.partition).utf8)),
            ("tidemark-offset", Array(String(record.offset).utf8)),
        ]
        if let timestampMs = record.timestampMs {
            headers.append(("tidemark-timestamp", Array(String(timestampMs).utf8)))
        }
        let original = (record.key?.count ?? 0) + (record.value?.count ?? 0)
        let originalHeaders = record.headers.reduce(0) {
            $0 + $1.name.utf8.count + $1.value.count + 10
        }
        if original + originalHeaders + Self.overheadBytes <= messageBytesMax {
            return KafkaMessage(
                topic: topic, key: record.key, value: record.value,
                headers: headers + record.headers)
        }
        let value = record.value ?? []
        headers += [
            ("tidemark-value-sha256", Array(SHA256.hash(value).hex.utf8)),
            ("tidemark-value-length", Array(String(value.count).utf8)),
            ("tidemark-key-length", Array(String(record.key?.count ?? 0).utf8)),
        ]
        return KafkaMessage(
            topic: topic, key: record.key.map { Array($0.prefix(Self.prefixBytes)) },
            value: Array(value.prefix(Self.prefixBytes)), headers: headers)
    }

    private static func shortened(_ reason: String) -> String {
        reason.utf8.count <= 1024
            ? reason : String(decoding: reason.utf8.prefix(1024), as: UTF8.self) + "…"
    }
}
