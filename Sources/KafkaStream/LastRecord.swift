import Events
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
    ) throws(KafkaError) -> SourceRecord? {
        var configuration = configuration
        configuration.topics = [topic]
        (configuration.shards, configuration.shard) = (1, 0)
        let consumer = try KafkaConsumer(configuration, onNotice: onNotice)
        defer { consumer.close() }
        try consumer.assign(from: [:], stop: stop)
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        var last: SourceRecord?
        while true {
            // Asked before the records are taken: what comes later is not to be waited for.
            let isAtEnd = consumer.status()?.isCaughtUp ?? false
            let batch =
                isAtEnd
                ? try consumer.drain(maxRecords: 1000)
                : try consumer.next(maxRecords: 1000, lingerMs: 1, waitMs: 20, stop: stop)
            if batch.cut == .stopped { throw .closed }
            for record in batch.records where record.key == key {
                // Of several partitions the newest counts; within one, the last.
                if record.position == last?.position
                    || (record.timestampMs ?? 0) >= (last?.timestampMs ?? 0)
                {
                    last = record
                }
            }
            if isAtEnd, batch.records.isEmpty { return last }
            guard MonotonicClock.nowMs() < deadlineMs else {
                throw .timedOut("reading topic \(topic) to its end", afterMs: timeoutMs)
            }
        }
    }
}
