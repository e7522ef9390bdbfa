import ContinualLearning
import Logging
import Synchronization

/// One thing that the log was told of, as it may be shown later.
public struct RecentLogEvent: Codable, Sendable, Equatable {
    /// When, by the wall clock. Unit: milliseconds since 1970.
    public var atMs: Int64
    /// What kind of event it is: `snapshot`, `judged`, `drift_found`.
    public var kind: String
    /// `debug`, `info`, `warning` or `error`.
    public var level: String
    /// As the log has it.
    public var text: String
    /// What a gate came to, of a judgement.
    public var judgement: GateResult?

    enum CodingKeys: String, CodingKey {
        case kind, level, text, judgement
        case atMs = "at"
    }
}

/// The newest of what the log was told, whatever its level; since the start of the process. Thread: any.
public final class RecentLogEvents: Sendable {
    private struct State {
        var events: [RecentLogEvent] = []
        /// Kept apart, so that a flood of them pushes nothing out.
        var deadLetters: [RecentLogEvent] = []
    }

    private static let eventsMax = 300
    private static let deadLettersMax = 20

    private let state = Mutex(State())

    /// Nothing was told yet.
    public init() {}

    func add(_ event: TidemarkEvent, atMs: Int64) {
        // How fast it goes is a figure, not an event.
        if case .progress = event { return }
        var recent = RecentLogEvent(
            atMs: atMs, kind: event.kind.rawValue, level: event.level.rawValue,
            text: "\(event.message)")
        if case .judged(let result) = event { recent.judgement = result }
        state.withLock { state in
            if case .deadLetter = event {
                state.deadLetters.append(recent)
                if state.deadLetters.count > Self.deadLettersMax { state.deadLetters.removeFirst() }
            } else {
                state.events.append(recent)
                if state.events.count > Self.eventsMax { state.events.removeFirst() }
            }
        }
    }

    /// In the order of their times.
    public var newest: [RecentLogEvent] {
        state.withLock { $0.events + $0.deadLetters }.sorted { $0.atMs < $1.atMs }
    }
}
