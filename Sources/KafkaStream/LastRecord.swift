import Records

extension KafkaConsumer {
    /// Reads a topic to its end and returns the last committed record with a key.
    ///
    /// This is how a publisher finds its own marker at the start, after `initTransactions` has
    /// ended what an earlier one left open. Meant for small topics: all of it is read.
    /// - Parameter configuration: its topics and shards are not looked at.
    /// - Returns: nil when there is no such record.
    /// Throws: `KafkaError.unreachable`, `.unknownTopic`, `.timedOut`, `.closed` on `stop`.
    public static func lastRecord(
        topic: String, key: [UInt8], configuration: KafkaConfiguration, timeoutMs: Int,
        onNotice: @escaping @Sendable (KafkaNotice) -> Void = { _ in },
        stop: () -> Bool = { false }
    ) throws -> SourceRecord? {
        var last: SourceRecord?
        try readAll(
            topic: topic, configuration: configuration, timeoutMs: timeoutMs, onNotice: onNotice,
            stop: stop
        ) { record in
            // Of several partitions the newest counts; within one, the last.
            if record.key == key,
                record.position == last?.position
                    || (record.timestampMs ?? 0) >= (last?.timestampMs ?? 0)
            {
                last = record
            }
            return true
        }
        return last
    }
}
