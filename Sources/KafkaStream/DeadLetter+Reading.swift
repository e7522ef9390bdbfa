import Platform
import Records

/// A dead letter as it lies in its topic.
public struct StoredDeadLetter: Sendable {
    /// Where it lies.
    public let position: TopicPartition
    /// Its offset in the dead-letter topic.
    public let offset: Int64
    /// Where the record came from; nil where the headers do not say.
    public let source: TopicPartition?
    /// The record's offset there; nil where the headers do not say.
    public let sourceOffset: Int64?
    /// Why it could not be used, as the header has it.
    public let reason: String
    /// Bytes of the original, also where they are not all here.
    public let valueBytes: Int
    /// SHA-256 of the original where it was too large to be kept: then it cannot be sent again.
    public let sha256: String?
    /// How often it was sent to its topic again before.
    public let redriven: Int
    private let record: SourceRecord

    static let redrivenHeader = "redriven"

    /// Reads the headers; one that is missing or malformed leaves its field nil, or at its default.
    public init(_ record: SourceRecord) {
        self.record = record
        position = record.position
        offset = record.offset
        func header(_ name: String) -> String? {
            // Ours are the first; behind them the producer may have set the same.
            record.headers.first { $0.name == DeadLetter.headerPrefix + name }
                .map { String(decoding: $0.value, as: UTF8.self) }
        }
        let partition = header("partition").flatMap { Int32($0) }
        source = header("topic").flatMap { topic in
            partition.map { TopicPartition(topic: topic, partition: $0) }
        }
        sourceOffset = header("offset").flatMap { Int64($0) }
        reason = header("reason") ?? "(no reason given)"
        sha256 = header("value-sha256")
        valueBytes = header("value-length").flatMap { Int($0) } ?? record.value?.count ?? 0
        redriven = header(Self.redrivenHeader).flatMap { Int($0) } ?? 0
    }

    /// The beginning of the value, as far as it can be shown on a line.
    public func beginning(_ count: Int) -> String {
        guard let value = record.value else { return "(null)" }
        let text = String(decoding: value.prefix(count), as: UTF8.self)
        return String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
            + (value.count > count ? "…" : "")
    }

    /// The original record for its topic, or another one.
    ///
    /// It goes to the partition it came from, since shards own partitions; headers that are ours
    /// stay behind, but for how often it was sent.
    /// - Returns: nil when the original is not all here, or its topic is not known.
    public func original(to topic: String? = nil) -> KafkaMessage? {
        guard sha256 == nil, let name = topic ?? source?.topic else { return nil }
        let foreign = DeadLetter.foreignPrefix + DeadLetter.headerPrefix
        let headers = record.headers.filter { !$0.name.hasPrefix(DeadLetter.headerPrefix) }
            .map { header in
                header.name.hasPrefix(foreign)
                    ? (
                        name: String(header.name.dropFirst(DeadLetter.foreignPrefix.count)),
                        value: header.value
                    ) : header
            }
        let count = Array(String(redriven + 1).utf8)
        return KafkaMessage(
            topic: name, partition: topic == nil ? source?.partition : nil, key: record.key,
            value: record.value,
            headers: headers + [(DeadLetter.headerPrefix + Self.redrivenHeader, count)])
    }
}

extension KafkaConsumer {
    /// Reads a topic from the offsets given, or its beginning, to the end that it has now.
    ///
    /// - Parameter body: takes records in the order of arrival; false ends the reading.
    /// Throws: `KafkaError.unreachable`, `.unknownTopic`, `.timedOut` when nothing comes for
    /// `timeoutMs`, `.closed` on `stop`, and what `body` throws.
    public static func readAll(
        topic: String, configuration: KafkaConfiguration, timeoutMs: Int = 30_000,
        onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in },
        stop: () -> Bool = { false }, _ body: (SourceRecord) throws -> Bool
    ) throws {
        var configuration = configuration
        configuration.topics = [topic]
        (configuration.shards, configuration.shard) = (1, 0)
        let consumer = try KafkaConsumer(configuration, onNotice: onNotice)
        defer { consumer.close() }
        try consumer.assign(from: [:], stop: stop)
        var lastMs = MonotonicClock.nowMs()
        while true {
            // Asked before the records are taken: what comes later is not to be waited for.
            let isAtEnd = consumer.status()?.isCaughtUp ?? false
            let batch =
                isAtEnd
                ? try consumer.drain(maxRecords: 1000)
                : try consumer.next(maxRecords: 1000, lingerMs: 1, waitMs: 20, stop: stop)
            if batch.cut == .stopped { throw KafkaError.closed }
            for record in batch.records where try !body(record) { return }
            if isAtEnd, batch.records.isEmpty { return }
            if !batch.records.isEmpty { lastMs = MonotonicClock.nowMs() }
            guard MonotonicClock.nowMs() - lastMs < Int64(timeoutMs) else {
                throw KafkaError.timedOut("reading topic \(topic) to its end", afterMs: timeoutMs)
            }
        }
    }
}
