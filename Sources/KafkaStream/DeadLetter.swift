import Records

/// A record that could not be used, on its way to the dead-letter topic.
///
/// The original bytes go along unchanged, with the source and the reason in headers. A record that
/// does not fit is told by its hash, its length and its beginning.
public struct DeadLetter: Sendable {
    /// What the headers and the framing of a message take, at most.
    private static let overheadBytes = 4096
    private static let prefixBytes = 1024
    static let headerPrefix = "tidemark-"
    static let hashHeader = "tidemark-value-sha256"
    /// In front of the name of a header that the producer has set and that is called as ours are.
    static let foreignPrefix = "original-"

    /// The record as it came.
    public let record: SourceRecord
    /// A sentence; more than 1024 bytes of it are cut off.
    public let reason: String

    /// Takes both as they are.
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
                headers: headers + Self.foreign(record.headers))
        }
        return Self.cut(
            KafkaMessage(topic: topic, key: record.key, value: record.value, headers: headers))
    }

    /// The record's own headers. Those with our prefix get another name, since whoever reads a letter
    /// believes ours; how often it was sent again is ours, and came back with the record.
    private static func foreign(
        _ headers: [(name: String, value: [UInt8])]
    ) -> [(name: String, value: [UInt8])] {
        headers.map { header in
            guard header.name.hasPrefix(headerPrefix),
                header.name != headerPrefix + StoredDeadLetter.redrivenHeader
            else { return header }
            return (foreignPrefix + header.name, header.value)
        }
    }

    /// The same letter told by hash, length and beginning, for brokers that take less than was
    /// thought.
    ///
    /// - Returns: nil when it is one already, or no dead letter.
    public static func shortened(_ message: KafkaMessage) -> KafkaMessage? {
        let own = message.headers.filter { $0.name.hasPrefix(headerPrefix) }
        guard !own.isEmpty, !own.contains(where: { $0.name == hashHeader }) else { return nil }
        var message = message
        message.headers = own
        return cut(message)
    }

    private static func cut(_ message: KafkaMessage) -> KafkaMessage {
        let value = message.value ?? []
        var cut = message
        cut.headers += [
            (hashHeader, Array(SHA256.hash(value).hex.utf8)),
            ("tidemark-value-length", Array(String(value.count).utf8)),
            ("tidemark-key-length", Array(String(message.key?.count ?? 0).utf8)),
        ]
        cut.key = message.key.map { Array($0.prefix(prefixBytes)) }
        cut.value = Array(value.prefix(prefixBytes))
        return cut
    }

    private static func shortened(_ reason: String) -> String {
        reason.utf8.count <= 1024
            ? reason : String(decoding: reason.utf8.prefix(1024), as: UTF8.self) + "…"
    }
}
