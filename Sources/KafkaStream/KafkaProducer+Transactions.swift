import CRdKafka
import Platform

/// Transactions, for publishing exactly once: what is sent between `begin` and `commit` is seen by
/// readers of committed records all together or not at all.
///
/// Needs `ProducerOptions.transactionalId`. One thread at a time.
extension KafkaProducer {
    private static let sliceMs: Int64 = 500

    /// Fences older producers of the same id and ends what they left open; once, before all else.
    ///
    /// Throws: `KafkaError.transaction`, `.fatal`, `.closed`.
    public func initTransactions(timeoutMs: Int) throws(KafkaError) {
        unsafe try retrying("start", timeoutMs) { unsafe rd_kafka_init_transactions($0, $1) }
    }

    /// Throws: `KafkaError.transaction`, `.fatal`, `.closed`.
    public func beginTransaction() throws(KafkaError) {
        unsafe try retrying("begin", 1000) { client, _ in unsafe rd_kafka_begin_transaction(client)
        }
    }

    /// Delivers what was sent and makes it visible.
    ///
    /// Throws: `KafkaError.transaction`; when it is `abortable`, call `abortTransaction` and send
    /// everything again. `.fatal` asks for a new producer.
    public func commitTransaction(timeoutMs: Int) throws(KafkaError) {
        unsafe try retrying("commit", timeoutMs) { unsafe rd_kafka_commit_transaction($0, $1) }
    }

    /// Throws: `KafkaError.transaction`, `.fatal`, `.closed`.
    public func abortTransaction(timeoutMs: Int) throws(KafkaError) {
        unsafe try retrying("abort", timeoutMs) { unsafe rd_kafka_abort_transaction($0, $1) }
    }

    /// Publishes messages and a marker in one transaction; on any failure nothing is published.
    ///
    /// The reports of the messages are taken here and not left for `drainDeliveries`, which must
    /// have been drained before.
    /// - Parameter beforeCommit: called when all has been delivered and nothing is visible yet.
    /// Throws: `KafkaError.undeliverable` with the number of the message that the brokers do not
    /// take, after which the producer can be used again; `.transaction`, `.timedOut` or `.fatal`,
    /// after which only a new producer tells what has become of the transaction.
    public func publish(
        _ messages: [KafkaMessage], marker: KafkaMessage, timeoutMs: Int,
        beforeCommit: () -> Void = {}
    ) throws(KafkaError) {
        try beginTransaction()
        try client().context.state.update { $0.transactionError = nil }
        do throws(KafkaError) {
            try deliver(messages[...], from: 0, timeoutMs)
            // After all else: brokers that show what was not committed show no marker too early.
            try deliver([marker], from: messages.count, timeoutMs)
            beforeCommit()
            try commitTransaction(timeoutMs: timeoutMs)
        } catch {
            if case .fatal = error { throw error }
            defer { _ = drainDeliveries() }
            do throws(KafkaError) { try abortTransaction(timeoutMs: timeoutMs) } catch let failed {
                // A producer that cannot abort cannot go on; else the cause is what matters.
                if case .undeliverable(_, _, .tooLarge) = error { throw failed }
            }
            throw error
        }
    }

    private func deliver(
        _ messages: ArraySlice<KafkaMessage>, from firstToken: Int, _ timeoutMs: Int
    ) throws(KafkaError) {
        for (number, message) in zip(firstToken..., messages) {
            try send(message, token: UInt64(number), timeoutMs: timeoutMs)
        }
        guard flush(timeoutMs: timeoutMs) else {
            throw .timedOut(
                "delivering a transaction to topic \(messages.first?.topic ?? "")",
                afterMs: timeoutMs)
        }
        let failed = drainDeliveries().filter { delivery in
            if case .delivered = delivery.result { false } else { true }
        }
        // One message that is refused takes all others down with it: what they say tells nothing.
        let first =
            failed.first { delivery in
                if case .unknown = delivery.result { false } else { true }
            } ?? failed.first
        guard let first else { return }
        let topic = messages[messages.startIndex + Int(first.token) - firstToken].topic
        switch first.result {
        case .delivered: return
        case .tooLarge, .refused:
            throw .undeliverable(Int(first.token), topic: topic, first.result)
        case .unknown(let code):
            let cause = try client().context.state.withLock(\.transactionError)
            throw .transaction(
                step: "sending to topic \(topic)", reason: cause ?? code, abortable: true,
                retriable: true)
        }
    }

    /// Calls until it succeeds, fails for good, or the time is up.
    ///
    /// Source: rdkafka.h, `rd_kafka_error_is_retriable`: the same call is to be made again.
    ///
    /// In slices, so that whoever ends the process need not wait for all of the time.
    private func retrying(
        _ step: String, _ timeoutMs: Int, _ call: (OpaquePointer, Int32) -> OpaquePointer?
    ) throws(KafkaError) {
        let deadlineMs = MonotonicClock.nowMs() + Int64(timeoutMs)
        while true {
            let client = try client()
            let remainingMs = max(1, hastened(deadlineMs) - MonotonicClock.nowMs())
            let error = unsafe client.withPointer {
                unsafe call($0, Int32(min(remainingMs, Self.sliceMs)))
            }
            guard let error = unsafe error else { return }
            defer { unsafe rd_kafka_error_destroy(error) }
            let reason = client.context.redacted(
                unsafe String(cString: rd_kafka_error_string(error)))
            if unsafe rd_kafka_error_is_fatal(error) != 0 {
                throw .fatal(code: errorName(unsafe rd_kafka_error_code(error)), reason: reason)
            }
            let abortable = unsafe rd_kafka_error_txn_requires_abort(error) != 0
            let retriable = unsafe rd_kafka_error_is_retriable(error) != 0
            guard retriable, !abortable, MonotonicClock.nowMs() < hastened(deadlineMs) else {
                throw .transaction(
                    step: step, reason: reason, abortable: abortable, retriable: retriable)
            }
        }
    }
}
