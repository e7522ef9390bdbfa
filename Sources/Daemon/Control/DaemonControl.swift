import ContinualLearning
import ControlPlane
import Engine
import Foundation
import KafkaStream
import Records
import Telemetry

/// What the daemon tells over HTTP. Nothing of the configuration is in it, so no secret can be.
package struct DaemonControl: ControlSource {
    let board: StatusBoard
    let health: Health
    let startedMs: Int64
    /// What the interface counts of itself.
    let http: ControlFigures
    let logged: Logged
    /// Where the learning thread is asked.
    let desk: ControlDesk?
    /// What is in force of tokens and certificates.
    let access: Access

    /// When the daemon is ready, and when it is stuck.
    package struct Health: Sendable {
        /// Behind which lag, and without brokers for how long, it is not ready.
        let readiness: Readiness
        /// How long one step of the learning thread may take until the process counts as stuck.
        let stallMs: Int

        package init(readyLag: Int, brokerGraceMs: Int, stallMs: Int) {
            readiness = Readiness(lagMax: Int64(readyLag), graceMs: Int64(brokerGraceMs))
            self.stallMs = stallMs
        }
    }

    /// What the log was told of.
    package struct Logged: Sendable {
        /// How often, by kind.
        var counts = EventCounts()
        /// The newest of it.
        var newest = RecentLogEvents()

        package init() {}

        init(_ log: EventLogger) {
            (counts, newest) = (log.counts, log.recent)
        }
    }

    /// Who may ask, and how.
    package struct Access: Sendable {
        /// Whether state can be changed over HTTP.
        let tokens: AccessTokens
        /// `nil` where TLS is not spoken.
        let tls: TLSInForce?

        package init(tokens: AccessTokens = AccessTokens(), tls: TLSInForce? = nil) {
            self.tokens = tokens
            self.tls = tls
        }
    }

    package init(
        board: StatusBoard, health: Health, startedMs: Int64,
        http: ControlFigures = ControlFigures(), logged: Logged = Logged(),
        desk: ControlDesk? = nil, access: Access = Access()
    ) {
        self.logged = logged
        self.desk = desk
        self.access = access
        self.http = http
        self.board = board
        self.health = health
        self.startedMs = startedMs
    }

    package func live() -> Verdict {
        let beat = board.beat
        let ms = milliseconds(since: beat.since)
        return ms > Int64(health.stallMs)
            ? Verdict(
                false,
                "stuck: \(beat.activity.rawValue) for \(ms / 1000) s, longer than http.stall_after")
            : Verdict(true, "live: \(beat.activity.rawValue) for \(ms) ms")
    }

    package func ready() -> Verdict {
        let standing = board.standing
        guard let consumer = board.consumer, let figures = board.figures else {
            return Verdict(false, "not ready: \(standing.rawValue)")
        }
        guard standing != .stopping else { return Verdict(false, "not ready: stopping") }
        guard standing != .waitingForRoom else {
            return Verdict(
                false,
                "not ready: the store's disk is full; nothing is learned before there is room")
        }
        guard standing != .waitingForSchema else {
            return Verdict(
                false,
                "not ready: a record's schema is not known, and the registry does not give it"
                    + (board.waitReason.map { ": \($0)" } ?? ""))
        }
        if let failure = board.publishing?.failure, failure.isOfSchema {
            return Verdict(
                false, "not ready: nothing is published before a schema is registered: \(failure)")
        }
        // Not by what the learning thread does just now: between two looks it does something else for a moment.
        guard board.pauses.now.learning == nil else {
            return Verdict(false, "not ready: learning is paused")
        }
        let share = figures.lateShare
        // Up to the end of the stream, and yet hardly anything of it is learned.
        guard !share.isMost else {
            return Verdict(
                false,
                "not ready: \(share.late) of the newest \(share.events) events were later than attribution.lateness allows; the log says how to come back"
            )
        }
        return health.readiness.verdict(consumer)
    }

    package func metrics() -> (contentType: String, text: String) {
        (Exposition.contentType, Exposition.text(metricList()))
    }

    package func status() throws -> Data {
        try JSONText.data(
            DaemonStatus(self), [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
    }

    func milliseconds(since instant: StatusBoard.Instant) -> Int64 {
        instant.duration(to: .now).wholeMilliseconds
    }
}

/// The body of `/v1/status`.
struct DaemonStatus: Encodable {
    struct Partition: Encodable {
        let topic: String
        let partition: Int32
        let next_offset: Int64
        let end_offset: Int64
        /// nil while no broker can say.
        let lag: Int64?
    }

    struct Broker: Encodable {
        let id: Int32
        let address: String
        let state: String
        /// For how long.
        let state_ms: Int64
        let error: String?
    }

    struct Publishing: Encodable {
        /// Messages that are committed and not known to have arrived.
        let waiting: Int?
        /// The oldest has waited for so long at least.
        let oldest_ms: Int64?
        let error: String?
    }

    let version: String
    /// The verdict of `/ready`, in words.
    let ready_reason: String
    /// What stands still because a person wants it to.
    let paused: PauseState
    /// Whether state can be changed over HTTP: a token for that is configured.
    let operable: Bool
    /// Scores over everything, by head.
    let progressive: [String: ScoreReport]?
    /// Scores over the newest window, by head.
    let recent: [String: ScoreReport]?
    /// Items of the catalogue.
    let items: Int?
    /// Shoppers whose history is kept.
    let shoppers: Int?
    let librdkafka: String
    let started_at: Int64
    let cluster: String?
    let store: String?
    let live: Bool
    let ready: Bool
    /// What the learning thread is at, and for how long.
    let activity: Activity
    let activity_ms: Int64
    /// nil while no broker can say.
    let lag: Int64?
    let brokers: [Broker]
    /// For how long no broker has answered; nil while one does.
    let without_broker_ms: Int64?
    let publishing: Publishing
    /// Since the last record came.
    let last_data_age_ms: Int64?
    /// Wall time less the time up to which events are joined.
    let watermark_delay_ms: Int64?
    let watermark: Int64?
    let partitions: [Partition]
    let events: Report.Events?
    let examples: Int?
    let open_examples: Int?
    let pending_events: Int?
    /// How many of the newest events came too late.
    let late_share: LateShare?
    /// How many of the newest records could not be used.
    let unusable_share: UnusableShare?
    let recommendations_published: Int?
    let recommendations_unchanged: Int?
    /// Not published, since they expired while their records lay in the topic.
    let recommendations_expired: Int?
    /// How the budgets stand.
    let budgets: [BudgetReport]?
    let head: String?
    let lineage: Int?
    let state_sha256: String?

    init(_ control: DaemonControl) {
        let beat = control.board.beat
        let figures = control.board.figures
        let consumer = control.board.consumer
        version = TidemarkVersion.current
        started_at = control.startedMs
        cluster = control.board.place?.cluster
        store = control.board.place?.store
        live = control.live().isYes
        let verdict = control.ready()
        ready = verdict.isYes
        ready_reason = verdict.reason
        paused = control.board.pauses.now
        operable = control.access.tokens.pair.operate != nil
        progressive = figures?.scores.progressive
        recent = figures?.recent
        items = figures?.held.items
        shoppers = figures?.held.bounded.shoppers
        activity = beat.activity
        activity_ms = control.milliseconds(since: beat.since)
        librdkafka = LibraryVersion.text
        lag = consumer?.lag
        brokers = (consumer?.brokers ?? []).map {
            Broker(
                id: $0.id, address: $0.address, state: $0.standing.rawValue, state_ms: $0.forMs,
                error: $0.reason)
        }
        without_broker_ms = consumer?.withoutBrokerMs
        let standing = control.board.publishing
        publishing = Publishing(
            waiting: figures?.sent.outbox, oldest_ms: standing?.oldestMs,
            error: standing?.failure.map { "\($0)" })
        last_data_age_ms = consumer?.sinceLastRecordMs
        watermark = figures?.watermarkMs
        watermark_delay_ms = figures?.watermarkMs.map { max(0, wallTimeMs() - $0) }
        partitions = (consumer?.partitions ?? []).map {
            Partition(
                topic: $0.position.topic, partition: $0.position.partition,
                next_offset: $0.nextOffset, end_offset: $0.endOffset, lag: $0.knownLag)
        }
        events = figures.map { Report.Events($0.counters, $0.join) }
        examples = figures?.counters.examples
        open_examples = figures?.held.openExamples
        pending_events = figures?.held.pendingEvents
        late_share = figures?.lateShare
        unusable_share = figures?.unusableShare
        recommendations_published = figures?.sent.new
        recommendations_unchanged = figures?.sent.unchanged
        recommendations_expired = figures?.sent.expired
        budgets = figures?.budgets
        head = figures?.state.snapshot
        lineage = figures?.state.lineage
        state_sha256 = figures?.state.digest
    }
}
