import KafkaStream
import SnapshotStore

/// Sends the outbox through one producer, each message at least once.
struct PlainSending {
    let producer: KafkaProducer
    let outbox: OutboxReading
    let desk: PublishingDesk
    var rate: PublishRate

    private var delivery: DeliveryProgress?
    /// Messages to send once more, in the form that the brokers may take.
    private var again: [OutboxMessage] = []
    private var shortened: Set<UInt64> = []

    /// How long a message waits for room in the producer before deliveries are looked at again.
    private static let roomMs = 200

    init(
        producer: KafkaProducer, outbox: OutboxReading, desk: PublishingDesk, rate: PublishRate
    ) {
        self.producer = producer
        self.outbox = outbox
        self.desk = desk
        self.rate = rate
    }

    /// - Returns: whether the publishing is over; otherwise the producer must be made again.
    mutating func run() throws -> Bool {
        while true {
            guard producer.fatalError == nil else { return false }
            let allowed = rate.allowed(atMs: monotonicMs())
            let messages = try next(limit: allowed)
            guard let sent = try send(messages) else { return false }
            rate.take(sent)
            if producer.inFlight > 0 {
                _ = producer.waitForDeliveries(timeoutMs: 10)
            } else if allowed == 0 {
                desk.pause(.milliseconds(10))
            }
            for report in producer.drainDeliveries() { try note(report) }
            if let through = delivery?.through { desk.note(delivered: through) }
            if desk.isTimeUp { return true }
            let isIdle = messages.isEmpty && again.isEmpty && producer.inFlight == 0 && allowed > 0
            if isIdle, !desk.waitForCommit() { return true }
        }
    }

    private mutating func next(limit: Int) throws -> [OutboxMessage] {
        guard limit > 0 else { return [] }
        if !again.isEmpty {
            defer { again = [] }
            return again
        }
        let messages = try outbox.messages(from: delivery?.next ?? 0, limit: limit)
        if delivery == nil, let first = messages.first {
            delivery = DeliveryProgress(first: first.sequence)
        }
        return messages
    }

    /// - Returns: how many the producer took; nil when it is over.
    private mutating func send(_ messages: [OutboxMessage]) throws -> Int? {
        for (index, message) in messages.enumerated() {
            do throws(KafkaError) {
                try producer.send(
                    KafkaMessage(message), token: message.sequence, timeoutMs: Self.roomMs)
            } catch {
                if producer.fatalError != nil { return nil }
                guard case .timedOut = error else { throw error }
                // No room: what is not taken is asked of the store again, but for repetitions.
                again += messages[index...].filter { shortened.contains($0.sequence) }
                return index
            }
            delivery?.sent(message.sequence)
        }
        return messages.count
    }

    private mutating func note(_ report: Delivery) throws {
        switch report.result {
        case .delivered: delivery?.arrived(report.token)
        case .unknown: delivery?.lost(report.token)
        case .refused(let code): throw PublishingError.refused(report.token, code)
        case .tooLarge:
            guard let message = try outbox.messages(from: report.token, limit: 1).first,
                message.sequence == report.token, shortened.insert(report.token).inserted
            else { throw PublishingError.refused(report.token, "it is too large") }
            again.append(try outbox.shortened(message))
        }
    }
}

/// How far the outbox has been sent, and delivered without a gap.
struct DeliveryProgress {
    /// The next message to send.
    private(set) var next: UInt64
    /// The first message whose delivery is not known.
    private var pending: UInt64
    /// Messages beyond `pending` that have arrived.
    private var ahead: Set<UInt64> = []
    private let first: UInt64

    init(first: UInt64) {
        self.first = first
        next = first
        pending = first
    }

    /// The last message up to which all have arrived.
    var through: UInt64? { pending > first ? pending - 1 : nil }

    mutating func sent(_ sequence: UInt64) { next = max(next, sequence + 1) }

    /// All from here on is sent again.
    mutating func lost(_ sequence: UInt64) { next = min(next, sequence) }

    mutating func arrived(_ sequence: UInt64) {
        guard sequence >= pending else { return }
        ahead.insert(sequence)
        while ahead.remove(pending) != nil { pending += 1 }
    }
}
