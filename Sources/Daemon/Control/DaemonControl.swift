import ControlPlane
import Foundation
import KafkaStream
import Records
import Telemetry

/// What the daemon tells over HTTP. Nothing of the configuration is in it, so no secret can be.
package struct DaemonControl: ControlSource {
    let board: StatusBoard
    /// Records behind the stream's end up to which the daemon is ready.
    let readyLag: Int
    /// How long one step of the learning thread may take until the process counts as stuck.
    let stallMs: Int
    let startedMs: Int64
    /// What the interface counts of itself.
    let http: ControlFigures

    package init(
        board: StatusBoard, readyLag: Int, stallMs: Int, startedMs: Int64,
        http: ControlFigures = ControlFigures()
    ) {
        self.http = http
        self.board = board
        self.readyLag = readyLag
        self.stallMs = stallMs
        self.startedMs = startedMs
    }

    package func live() -> Verdict {
        let beat = board.beat
        let ms = milliseconds(since: beat.since)
        return ms > Int64(stallMs)
            ? Verdict(
                false,
                "stuck: \(beat.activity.rawValue) for \(ms / 1000) s, longer than http.stall_after")
            : Verdict(true, "live: \(beat.activity.rawValue) for \(ms) ms")
    }

    package func ready() -> Verdict {
        let beat = board.beat
        guard let consumer = board.consumer, board.figures != nil else {
            return Verdict(false, "not ready: \(beat.activity.rawValue)")
        }
        guard beat.activity != .stopping else { return Verdict(false, "not ready: stopping") }
        guard beat.activity != .waitingForRoom else {
            return Verdict(
                false,
                "not ready: the store's disk is full; nothing is learned before there is room")
        }
        let lag = consumer.lag
        return lag > Int64(readyLag)
            ? Verdict(
                false, "not ready: \(lag) records behind, more than http.ready_lag (\(readyLag))")
            : Verdict(true, "ready: \(lag) records behind")
    }

    package func metrics() -> (contentType: String, text: String) {
        (Exposition.contentType, Exposition.text(metricList()))
    }

    package func status() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return try encoder.encode(DaemonStatus(self))
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
        let lag: Int64
    }

    let version: String
    let started_at: Int64
    let cluster: String?
    let store: String?
    let live: Bool
    let ready: Bool
    /// What the learning thread is at, and for how long.
    let activity: Activity
    let activity_ms: Int64
    let lag: Int64?
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
    let recommendations_published: Int?
    let recommendations_unchanged: Int?
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
        ready = control.ready().isYes
        activity = beat.activity
        activity_ms = control.milliseconds(since: beat.since)
        lag = consumer?.lag
        last_data_age_ms = consumer?.sinceLastRecordMs
        watermark = figures?.watermarkMs
        watermark_delay_ms = figures?.watermarkMs.map { max(0, wallTimeMs() - $0) }
        partitions = (consumer?.partitions ?? []).map {
            Partition(
                topic: $0.position.topic, partition: $0.position.partition,
                next_offset: $0.nextOffset, end_offset: $0.endOffset, lag: $0.lag)
        }
        events = figures.map { Report.Events($0.counters, $0.join) }
        examples = figures?.counters.examples
        open_examples = figures?.openExamples
        pending_events = figures?.pendingEvents
        recommendations_published = figures?.published
        recommendations_unchanged = figures?.unchanged
        head = figures?.snapshot
        lineage = figures?.lineage
        state_sha256 = figures?.stateSHA256
    }
}
