import Foundation
import KafkaStream
import SnapshotStore
import Telemetry

/// Sends what commits have put into the outbox, in order, and says how far it has been delivered.
///
/// A producer that fails for good is made again, and what is not known to have arrived is sent
/// again with the same bytes. Under `exactly_once` a marker in Kafka tells what has arrived.
/// Thread: one of its own, which alone touches the producer; all else may be called from any.
final class Publisher: Sendable {
    /// How messages are sent, as the configuration says.
    struct Settings: Sendable {
        var guarantee = Configuration.Publish.Guarantee.atLeastOnce
        var deadLetterTopic = ""
        var markerTopic = ""
        /// Empty: none.
        var stateTopic = ""
        /// How schemas are registered.
        var registry = SchemaClerk.Registry()
        /// Messages a second; 0: no bound.
        var rateMax = 0
        /// The name of the cluster, under which the store remembers who published there.
        var cluster = ""
        /// Go on from what the marker says, whoever wrote it.
        var takesOver = false
        /// How long the start may wait for the brokers' transactions.
        var openMs = 30_000
    }

    private let store: SnapshotStore
    private let configuration: KafkaConfiguration
    private let settings: Settings
    private let schemas: OutgoingSchemas
    private let faultInjection: FaultInjection
    private let log: EventLogger
    private let desk = PublishingDesk()
    private let notices = NoticeFilter()

    /// Between two producers that fail, doubled each time.
    private static let pauseMs = 100...5000

    init(
        store: SnapshotStore, configuration: KafkaConfiguration, settings: Settings,
        schemas: OutgoingSchemas, faultInjection: FaultInjection = .none, log: EventLogger
    ) {
        self.schemas = schemas
        self.store = store
        self.configuration = configuration
        self.settings = settings
        self.faultInjection = faultInjection
        self.log = log
    }

    /// Starts the publishing thread and waits until it may publish for this store.
    ///
    /// - Returns: false when `stop` said so first.
    /// - Throws: `PublishingError` when another copy of the store has published, or the brokers
    ///   have no transactions.
    func start(stop: () -> Bool) throws -> Bool {
        let thread = Thread { self.run() }
        thread.name = "publisher"
        thread.start()
        return try desk.waitUntilOpen(stop: stop)
    }

    /// From now on nothing is sent, or all that waits. What is on its way to the brokers arrives.
    func pause(_ isPaused: Bool) { desk.pause(isPaused) }

    /// Whether a person has stopped it for now.
    var isPaused: Bool { desk.isPausedNow }

    /// A commit has put more into the outbox.
    func wake() { desk.wake() }

    /// Every message up to this number has been delivered and can go.
    ///
    /// - Throws: what ended the publishing, if something did.
    func deliveredThrough() throws -> UInt64? { try desk.deliveredThrough() }

    /// Sends what is left, waiting for its delivery no longer than `timeoutMs`, and ends.
    ///
    /// - Parameters:
    ///   - hurriedMs: how long all may take from the moment that `isHurried` says so.
    func finish(
        timeoutMs: Int, hurriedMs: Int = .max, isHurried: () -> Bool = { false }
    ) throws -> UInt64? {
        try desk.finish(timeoutMs: timeoutMs, hurriedMs: hurriedMs, isHurried: isHurried)
    }

    /// Whether the publishing thread waits for brokers still, and ends with the process.
    var leftThread: Bool { desk.leftThread }

    private func run() {
        do {
            try publish()
            desk.end(nil)
        } catch {
            desk.end(error)
        }
    }

    private func publish() throws {
        var rate = PublishRate(perSecond: settings.rateMax)
        let clerk = SchemaClerk(
            schemas, settings.registry, store: store, desk: desk, voice: voice)
        let outbox = OutboxReading(
            store: store, desk: desk, clerk: clerk, deadLetterTopic: settings.deadLetterTopic,
            messageBytesMax: configuration.messageBytesMax)
        switch settings.guarantee {
        case .atLeastOnce:
            desk.open()
            guard try clerk.prepare() else { return }
            try withProducers(ProducerOptions()) { producer in
                var sending = PlainSending(
                    producer: producer, outbox: outbox, desk: desk, voice: voice, rate: rate)
                defer { rate = sending.rate }
                return try sending.run()
            }
        case .exactlyOnce:
            var options = ProducerOptions()
            options.transactionalId = "tidemark-\(store.identity.id)"
            let right = try PublishingRight(
                store: store, kafka: configuration, settings: settings, log: log)
            var isFirst = true
            try withProducers(options) { producer in
                var sending = TransactionalSending(
                    producer: producer, outbox: outbox, right: right, desk: desk,
                    voice: voice, faultInjection: faultInjection, rate: rate)
                defer { rate = sending.rate }
                guard try sending.open(isFirst: isFirst, withinMs: settings.openMs) else {
                    return false
                }
                isFirst = false
                desk.open()
                return try !clerk.prepare() || sending.run()
            }
        }
    }

    private var voice: PublishingVoice {
        PublishingVoice(
            desk: desk, store: store, log: log,
            settings: Dictionary(
                [
                    (settings.deadLetterTopic, "publish.dead_letter_topic"),
                    (settings.stateTopic, "publish.state_topic"),
                    (settings.markerTopic, "publish.marker_topic"),
                ]
            ) { first, _ in first })
    }

    /// Why messages are not published, and how long the first of them has waited at least.
    var standing: (failure: PublishingFailure?, oldestMs: Int64?) {
        desk.standing()
    }

    /// Makes a producer, and another one whenever `send` returns false, until it returns true.
    private func withProducers(
        _ options: ProducerOptions, _ send: (KafkaProducer) throws -> Bool
    ) throws {
        var pauseMs = Self.pauseMs.lowerBound
        while true {
            let before = try desk.deliveredThrough()
            let producer = try KafkaProducer(configuration, options: options) {
                [log, notices] notice in
                if notices.isNew(notice) { log.emit(.kafka(notice.text)) }
            }
            defer { producer.close() }
            desk.sends(producer)
            if try send(producer) || desk.isTimeUp { return }
            if let fatal = producer.fatalError { voice.failed(PublishingFailure(fatal)) }
            let progressed = try desk.deliveredThrough() != before
            if progressed || pauseMs == Self.pauseMs.lowerBound { log.emit(.producerRestarted) }
            pauseMs =
                progressed ? Self.pauseMs.lowerBound : min(2 * pauseMs, Self.pauseMs.upperBound)
            let endMs = monotonicMs() + Int64(pauseMs)
            // What is committed meanwhile wakes this thread, and makes no broker take it sooner.
            while monotonicMs() < endMs, !desk.isTimeUp {
                desk.pause(.milliseconds(endMs - monotonicMs()))
            }
        }
    }
}

/// The outbox as the brokers take it.
struct OutboxReading {
    let store: SnapshotStore
    let desk: PublishingDesk
    let clerk: SchemaClerk
    let deadLetterTopic: String
    let messageBytesMax: Int

    /// Messages asked of the store at one go.
    static let chunk = 500

    func messages(from first: UInt64, limit: Int = chunk) throws -> [OutboxMessage] {
        try clerk.finished(
            desk.withStore { try store.outbox(from: first, limit: min(limit, Self.chunk)) })
    }

    /// The topic of a message that is still there.
    func topic(of sequence: UInt64) throws -> String? {
        let message = try messages(from: sequence, limit: 1).first
        return message?.sequence == sequence ? message?.topic : nil
    }

    /// A message that the brokers found too large, told by its hash, length and beginning.
    ///
    /// - Throws: `PublishingError.refused` where it cannot be.
    func shortened(_ message: OutboxMessage) throws -> OutboxMessage {
        guard message.topic == deadLetterTopic,
            let short = DeadLetter.shortened(KafkaMessage(message))
        else {
            throw PublishingError.refused(message.sequence, message.topic, "it is too large")
        }
        var shortened = message
        shortened.key = short.key
        shortened.value = short.value
        shortened.headers = short.headers.map { .init(name: $0.name, value: $0.value) }
        return shortened
    }
}

package enum PublishingError: Error, CustomStringConvertible, ClassifiedFailure {
    case refused(UInt64, _ topic: String?, _ reason: String)
    /// The run is over and messages of it are not published.
    case unpublished(count: Int, reason: String, oldestMs: Int64?)
    case takenOver(topic: String)
    case olderCopy(topic: String, published: UInt64, has: UInt64)
    case otherCopy(topic: String)
    case noMarker(topic: String, waiting: Int)
    case notOpened(String)
    /// A message's schema is not in the store.
    case noSchema(topic: String)
    /// The process ends, and the store is closed.
    case leftBehind

    private static let way =
        "Stop the other daemon for good, then start this one once with --take-over"

    /// Unavailable where brokers or another daemon are in the way; else bad data.
    public var failureKind: FailureKind {
        switch self {
        case .refused, .unpublished, .takenOver, .notOpened, .leftBehind: .unavailable
        case .olderCopy, .otherCopy, .noMarker, .noSchema: .badData
        }
    }

    package var description: String {
        switch self {
        case .refused(let sequence, let topic, let reason):
            "the brokers refuse message \(sequence) of the outbox"
                + (topic.map { " for topic \($0)" } ?? "")
                + ": \(reason); it stays in the store"
        case .unpublished(let count, let reason, let oldestMs):
            "\(count) messages are not published: \(reason)"
                + (oldestMs.map { "; the oldest has waited for \($0 / 1000) s at least" } ?? "")
                + ". They stay in the store, and the next run sends them"
        case .takenOver(let topic):
            "another daemon publishes for this store now (its marker is in topic \(topic)): "
                + "this one stops, and nothing of it was published since"
        case .olderCopy(let topic, let published, let has):
            "the marker in topic \(topic) says that \(published) messages were published for this "
                + "store, which has made \(has): it is an older copy. \(Self.way); recommendations "
                + "for events learned before then come again, under the same ids"
        case .otherCopy(let topic):
            "another copy of this store has published since this one did (the marker in topic "
                + "\(topic) is not of this one). \(Self.way)"
        case .noMarker(let topic, let waiting):
            "this store has published before, and its marker is gone from topic \(topic): whether "
                + "the \(waiting) messages of the outbox have arrived is not known. Start the "
                + "daemon once with --take-over to send them"
        case .notOpened(let reason):
            "publishing exactly once cannot begin: \(reason)"
        case .noSchema(let topic):
            "the schema of a message for topic \(topic) is not in the store; it stays in the outbox"
        case .leftBehind: "the daemon ended while it waited for brokers"
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
