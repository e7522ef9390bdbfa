import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// Why a message is not taken.
struct PublishingFailure: Sendable, Equatable {
    /// The topic it is for; nil where the failure is not of one topic.
    var topic: String?
    var reason: String
    /// Whether a schema is waited for.
    var isOfSchema = false

    init(topic: String?, reason: String) {
        self.topic = topic
        self.reason = reason
    }

    init(_ error: KafkaError) {
        self.init(topic: nil, reason: "\(error)")
    }

    /// Codes by which a topic refuses whatever is sent to it, until somebody makes the topic or gives
    /// the right: no reason to end learning.
    private static let topicCodes: Set<String> = [
        "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION", "UNKNOWN_TOPIC_OR_PART",
        "TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "TOPIC_EXCEPTION",
    ]

    static func inWords(_ code: String) -> String {
        switch code {
        case "_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART":
            "the cluster has no such topic (\(code)); create it"
        case "TOPIC_AUTHORIZATION_FAILED": "writing is refused (\(code)); grant WRITE on it"
        default: code
        }
    }

    static func isOfTopic(_ code: String) -> Bool { topicCodes.contains(code) }
}

extension PublishingFailure: CustomStringConvertible {
    var description: String { topic.map { "topic \($0): \(reason)" } ?? reason }
}

/// A failure that lasts.
struct PublishingTrouble: Sendable {
    var failure: PublishingFailure
    var since: ContinuousClock.Instant
    /// When it was last told.
    var told: ContinuousClock.Instant
    /// The first message that waits.
    var sequence: UInt64?
}

/// Tells of messages that do not go out: in the log, and for whoever asks.
///
/// Thread: the publishing thread.
struct PublishingVoice {
    let desk: PublishingDesk
    let store: SnapshotStore
    let log: EventLogger
    /// The settings that name topics, but for the one that names all others.
    let settings: [String: String]

    /// What a topic answers.
    func refused(_ topic: String, _ code: String) {
        failed(
            PublishingFailure(
                topic: "\(topic) (\(settings[topic] ?? "publish.topic"))",
                reason: PublishingFailure.inWords(code)))
    }

    /// A topic's schema is not registered.
    func waits(_ topic: String, _ reason: String) {
        var failure = PublishingFailure(
            topic: "\(topic) (\(settings[topic] ?? "publish.topic"))",
            reason: "its schema is not registered: \(reason)")
        failure.isOfSchema = true
        failed(failure)
    }

    /// A schema that was waited for is registered.
    func registered() {
        guard let over = desk.overcome(where: \.isOfSchema) else { return }
        log.emit(.publishedAgain(seconds: over.since.duration(to: .now).wholeMilliseconds / 1000))
    }

    /// Told at once, and while it lasts once a minute.
    func failed(_ failure: PublishingFailure) {
        guard desk.fail(failure) else { return }
        let waiting = (try? desk.withStore { try store.outboxCount() }) ?? 0
        log.emit(
            .notPublished(
                reason: "\(failure)", waiting: waiting,
                oldestSeconds: (desk.standing().oldestMs ?? 0) / 1000))
    }

    func delivered(through sequence: UInt64) {
        guard let over = desk.note(delivered: sequence) else { return }
        log.emit(.publishedAgain(seconds: over.since.duration(to: .now).wholeMilliseconds / 1000))
    }
}

/// Messages that their topic refuses, held back while others go on: a pure value.
///
/// Each topic is tried again with a few messages after a pause that doubles; once one is taken the
/// others follow.
/// Bound: the outbox's own, `publish.outbox_max`.
package struct HeldMessages {
    private struct Topic {
        /// Ascending.
        var sequences: [UInt64] = []
        var pauseMs = HeldMessages.pauseMs.lowerBound
        var dueMs: Int64
        var tries = HeldMessages.tries.lowerBound
    }

    private static let pauseMs: ClosedRange<Int64> = 200...10_000
    private static let tries = 16...4096
    private var topics: [String: Topic] = [:]

    package init() {}

    package var isEmpty: Bool { topics.values.allSatisfy(\.sequences.isEmpty) }

    /// When the next topic is to be tried again.
    package var nextMs: Int64? {
        topics.values.filter { !$0.sequences.isEmpty }.map(\.dueMs).min()
    }

    package mutating func hold(_ sequence: UInt64, of topic: String, nowMs: Int64) {
        var held = topics[topic] ?? Topic(dueMs: nowMs + Self.pauseMs.lowerBound)
        let place = held.sequences.lastIndex { $0 < sequence }.map { $0 + 1 } ?? 0
        held.sequences.insert(sequence, at: place)
        topics[topic] = held
    }

    /// The topic takes messages again.
    package mutating func release(_ topic: String, nowMs: Int64) {
        guard var held = topics[topic] else { return }
        held.pauseMs = Self.pauseMs.lowerBound
        held.dueMs = nowMs
        held.tries = min(2 * held.tries, Self.tries.upperBound)
        topics[topic] = held.sequences.isEmpty ? nil : held
    }

    /// Takes out what is to be tried now.
    package mutating func due(nowMs: Int64) -> [(sequence: UInt64, topic: String)] {
        var taken: [(sequence: UInt64, topic: String)] = []
        for (name, var held) in topics where held.dueMs <= nowMs && !held.sequences.isEmpty {
            let tried = held.sequences.prefix(held.tries)
            taken += tried.map { ($0, name) }
            held.sequences.removeFirst(tried.count)
            held.pauseMs = min(2 * held.pauseMs, Self.pauseMs.upperBound)
            held.dueMs = nowMs + held.pauseMs
            held.tries = Self.tries.lowerBound
            topics[name] = held
        }
        return taken.sorted { $0.sequence < $1.sequence }
    }
}
