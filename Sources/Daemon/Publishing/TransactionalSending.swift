import KafkaStream
import SnapshotStore

/// Sends the outbox through one transactional producer: messages and the marker that says so are
/// seen by readers of committed records together or not at all.
///
/// Whatever fails, the producer is made again and the marker tells what has arrived: a transaction
/// whose end was not heard of is ended by the brokers before the marker is read.
struct TransactionalSending {
    let producer: KafkaProducer
    let outbox: OutboxReading
    let right: PublishingRight
    let desk: PublishingDesk
    let voice: PublishingVoice
    let faultInjection: FaultInjection
    var rate: PublishRate

    private var next: UInt64 = 0
    /// Messages that the brokers found too large, as they are sent instead.
    private var shortened: [UInt64: OutboxMessage] = [:]

    /// How long a transaction may take before its producer is given up.
    private static let transactionMs = 30_000

    init(
        producer: KafkaProducer, outbox: OutboxReading, right: PublishingRight,
        desk: PublishingDesk, voice: PublishingVoice, faultInjection: FaultInjection,
        rate: PublishRate
    ) {
        self.voice = voice
        self.producer = producer
        self.outbox = outbox
        self.right = right
        self.desk = desk
        self.faultInjection = faultInjection
        self.rate = rate
    }

    /// Fences whoever published before, learns from the marker how far that came, and claims the
    /// store with a marker of its own.
    ///
    /// - Parameter isFirst: whether this run has not published yet; a later producer must find its
    ///   own marker.
    /// - Returns: false when the brokers failed and another producer is to try.
    /// - Throws: `PublishingError` when the store must not publish.
    mutating func open(isFirst: Bool, withinMs: Int) throws -> Bool {
        do {
            try producer.initTransactions(timeoutMs: desk.patienceMs(withinMs))
            let marker = try right.lastMarker { [desk] in desk.isTimeUp }
            if isFirst {
                next = try desk.withStore { try right.claim(after: marker) }
            } else {
                guard right.isOurs(marker) else { throw right.takenOver }
                next = marker?.next ?? 0
            }
            try producer.publish(
                [], marker: try self.marker(next: next), timeoutMs: desk.patienceMs(withinMs))
        } catch let error as KafkaError {
            // At the start a cluster that cannot do this is named; later it is waited for.
            guard isFirst else {
                voice.failed(PublishingFailure(error))
                return false
            }
            throw PublishingError.notOpened("\(error)")
        }
        if next > 0 { desk.note(delivered: next - 1) }
        return true
    }

    /// - Returns: whether the publishing is over; otherwise the producer must be made again.
    mutating func run() throws -> Bool {
        while true {
            if desk.isTimeUp { return true }
            let isPaused = desk.isPausedNow
            if isPaused, desk.isStopping { return true }
            if isPaused, let first = try outbox.messages(from: next, limit: 1).first {
                desk.note(waiting: first.sequence)
            }
            let allowed = isPaused ? 0 : rate.allowed(atMs: monotonicMs())
            guard allowed > 0 else {
                desk.waitForLeave()
                continue
            }
            let messages = try outbox.messages(from: next, limit: allowed)
            guard let first = messages.first, let last = messages.last else {
                if !desk.waitForCommit() { return true }
                continue
            }
            desk.note(waiting: first.sequence)
            guard try publish(messages, through: last.sequence) else { return false }
        }
    }

    private mutating func publish(_ messages: [OutboxMessage], through last: UInt64) throws -> Bool
    {
        let outgoing = messages.map { KafkaMessage(shortened[$0.sequence] ?? $0) }
        do throws(KafkaError) {
            try producer.publish(
                outgoing, marker: try marker(next: last + 1),
                timeoutMs: desk.patienceMs(Self.transactionMs),
                beforeCommit: { [faultInjection] in faultInjection.at(.beforeTransactionCommit) })
        } catch .undeliverable(_, let topic, .refused(let code))
            where PublishingFailure.isOfTopic(code)
        {
            voice.refused(topic, code)
            return false
        } catch .undeliverable(let index, _, let result) {
            try shorten(messages, index, result)
            return true
        } catch {
            voice.failed(PublishingFailure(error))
            return false
        }
        faultInjection.at(.afterTransactionCommit)
        rate.take(messages.count)
        next = last + 1
        shortened = [:]
        voice.delivered(through: last)
        return true
    }

    private func marker(next: UInt64) throws(KafkaError) -> KafkaMessage {
        do { return try desk.withStore { try right.marker(next: next) } } catch {
            throw .system("the marker cannot be written: \(sentence(of: error))")
        }
    }

    private mutating func shorten(
        _ messages: [OutboxMessage], _ index: Int, _ result: DeliveryResult
    )
        throws
    {
        guard messages.indices.contains(index) else {
            throw PublishingError.notOpened(
                "the marker was refused by topic \(right.topic): \(result)")
        }
        let message = messages[index]
        switch result {
        case .tooLarge where shortened[message.sequence] == nil:
            shortened[message.sequence] = try outbox.shortened(message)
        case .tooLarge:
            throw PublishingError.refused(message.sequence, message.topic, "it is too large")
        case .refused(let code):
            throw PublishingError.refused(message.sequence, message.topic, code)
        case .delivered, .unknown: break
        }
    }
}
