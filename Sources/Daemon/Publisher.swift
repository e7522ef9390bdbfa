import Foundation
import KafkaStream
import SnapshotStore
import Telemetry

/// Sends what commits have put into the outbox, in order, and says how far it has been delivered.
///
/// What was sent and not reported as delivered is sent again, by this process or the next, with
/// the same bytes: each message arrives at least once.
///
/// `@unchecked Sendable`: everything both threads touch is under `condition`; the producer and the
/// places in the outbox belong to the publishing thread alone.
final class Publisher: @unchecked Sendable {
    private let store: SnapshotStore
    private let configuration: KafkaConfiguration
    private let log: EventLogger
    private let condition = NSCondition()
    private var committed = true
    private var stopAt: ContinuousClock.Instant?
    private var failure: (any Error)?
    private var ended = false
    private var delivered: UInt64?

    /// How long a message waits for room in the producer before deliveries are looked at again.
    private static let roomMs = 200
    /// Messages asked of the store at one go.
    private static let chunk = 500

    init(store: SnapshotStore, configuration: KafkaConfiguration, log: EventLogger) {
        self.store = store
        self.configuration = configuration
        self.log = log
    }

    func start() {
        let thread = Thread { self.run() }
        thread.name = "publisher"
        thread.start()
    }

    /// A commit has put more into the outbox.
    func wake() {
        condition.withLock {
            committed = true
            condition.signal()
        }
    }

    /// Every message up to this number has been delivered; they can go with the next commit.
    ///
    /// - Throws: what ended the publishing, if something did.
    func deliveredThrough() throws -> UInt64? {
        try condition.withLock {
            if let failure { throw failure }
            return delivered
        }
    }

    /// Sends what is left, waiting for its delivery no longer than `timeoutMs`, and ends.
    func finish(timeoutMs: Int) throws -> UInt64? {
        condition.withLock {
            stopAt = .now + .milliseconds(timeoutMs)
            condition.signal()
            while !ended { condition.wait() }
        }
        return try deliveredThrough()
    }

    private func run() {
        do {
            try publish()
        } catch {
            condition.withLock { failure = error }
        }
        condition.withLock {
            ended = true
            condition.broadcast()
        }
    }

    private func publish() throws {
        while true {
            let producer = try KafkaProducer(configuration)
            var delivery = DeliveryProgress(
                first: try store.outbox(limit: 1).first?.sequence ?? nextDelivered)
            if try send(with: producer, &delivery) { return }
            producer.close()
            log.emit(.producerRestarted)
        }
    }

    private var nextDelivered: UInt64 { condition.withLock { delivered.map { $0 + 1 } ?? 0 } }

    /// - Returns: whether the publishing is over; otherwise the producer must be made again.
    private func send(
        with producer: KafkaProducer, _ delivery: inout DeliveryProgress
    ) throws -> Bool {
        while true {
            if producer.fatalError != nil { return false }
            let messages = try store.outbox(from: delivery.next, limit: Self.chunk)
            if delivery.isUnset, let first = messages.first {
                delivery = .init(first: first.sequence)
            }
            for message in messages {
                do throws(KafkaError) {
                    try producer.send(
                        KafkaMessage(message), token: message.sequence, timeoutMs: Self.roomMs)
                } catch {
                    // A producer that is over is made again; one without room is waited for.
                    if producer.fatalError != nil { return false }
                    if case .timedOut = error { break }
                    throw error
                }
                delivery.next = message.sequence + 1
            }
            if producer.inFlight > 0 || !messages.isEmpty {
                _ = producer.waitForDeliveries(timeoutMs: 10)
            }
            for report in producer.drainDeliveries() {
                switch report.result {
                case .delivered: delivery.arrived(report.token)
                case .unknown: delivery.next = min(delivery.next, report.token)
                case .tooLarge: throw PublishingError.refused(report.token, "it is too large")
                case .refused(let code): throw PublishingError.refused(report.token, code)
                }
            }
            let isIdle = messages.isEmpty && producer.inFlight == 0
            if note(delivery, isIdle: isIdle) { return true }
        }
    }

    /// Tells how far delivery has come; with nothing to do, waits for the next commit.
    ///
    /// - Returns: whether the publishing is over.
    private func note(_ delivery: DeliveryProgress, isIdle: Bool) -> Bool {
        condition.withLock {
            if let through = delivery.through { delivered = max(delivered ?? 0, through) }
            if let stopAt, isIdle || ContinuousClock.now >= stopAt { return true }
            if isIdle {
                while !committed, stopAt == nil { condition.wait() }
                committed = false
            }
            return false
        }
    }
}

/// How far the outbox has been sent, and delivered without a gap.
struct DeliveryProgress {
    /// The next message to send.
    var next: UInt64
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

    var isUnset: Bool { next == first && ahead.isEmpty && pending == first }

    /// The last message up to which all have arrived.
    var through: UInt64? { pending > first ? pending - 1 : nil }

    mutating func arrived(_ sequence: UInt64) {
        guard sequence >= pending else { return }
        ahead.insert(sequence)
        while ahead.remove(pending) != nil { pending += 1 }
    }
}

enum PublishingError: Error, CustomStringConvertible {
    case refused(UInt64, String)

    var description: String {
        switch self {
        case .refused(let sequence, let reason):
            "the brokers refuse message \(sequence) of the outbox: \(reason); it stays in the store"
        }
    }
}

extension KafkaMessage {
    init(_ message: OutboxMessage) {
        self.init(
            topic: message.topic, key: message.key, value: message.value,
            headers: message.headers.map { ($0.name, $0.value) })
    }
}
