import ContinualLearning
import Engine
import Foundation
import SnapshotStore

/// How well a snapshot predicts a log it did not learn from.
public struct EvaluationReport: Codable, Sendable {
    /// The id of the snapshot that predicted.
    public var snapshot: String
    /// What became of the log's events.
    public var events: Report.Events
    /// Labels predicted; an outcome with a click and a purchase label counts twice.
    public var examples: Int
    /// Labels that a refund or late purchase changed after they were scored.
    public var corrected: Int
    /// How long it took.
    public var wallSeconds: Double
    /// Inputs read by these seconds; 0 where no time passed.
    public var eventsPerSecond: Double
    /// Scores over the whole log, by head.
    public var progressive: [String: ScoreReport]
    /// Scores over time, in its order.
    public var windows: [WindowReport]
    /// Scores by slice, then by head.
    public var slices: [String: [String: ScoreReport]]
    /// The snapshot it was compared with, and by how much its predictions differ, by head.
    public var against: Against?
    /// What the bits depend on: numeric profile, library and kernels.
    public var platform: String

    /// A comparison with another snapshot on the same log.
    public struct Against: Codable, Sendable {
        /// The id of the other snapshot.
        public var snapshot: String
        /// How the predictions differ, by head.
        public var difference: [String: PairedReport]
    }

    enum CodingKeys: String, CodingKey {
        case snapshot, events, examples, corrected, progressive, windows, slices, against, platform
        case wallSeconds = "wall_seconds"
        case eventsPerSecond = "events_per_second"
    }

    init(
        _ engine: Engine, of record: SnapshotRecord, against other: SnapshotRecord?,
        paired: [String: PairedReport], wallSeconds: Double, platform: String
    ) {
        let scores = engine.scores
        snapshot = record.id
        events = Report.Events(engine.counters, engine.joinCounts)
        examples = engine.counters.examples
        corrected = engine.counters.corrected
        self.wallSeconds = wallSeconds
        eventsPerSecond = wallSeconds > 0 ? Double(engine.counters.read) / wallSeconds : 0
        progressive = scores.progressive
        windows = scores.windows
        slices = scores.slices
        against = other.map { Against(snapshot: $0.id, difference: paired) }
        self.platform = platform
    }

    /// JSON with sorted keys, indented; numbers that are not finite become null.
    public func json() throws -> String { try reportJSON(self) }

    /// Writes the JSON to `path`, whole or not at all; does nothing for `nil`.
    public func write(to path: String?) throws { try OutputFile.write(try json(), to: path) }
}
