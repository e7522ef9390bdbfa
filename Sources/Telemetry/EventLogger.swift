import ContinualLearning
import Logging
import Synchronization

/// Takes events: each becomes a log line, where its level is asked for, and counts in the metrics.
public struct EventLogger: Sendable {
    private let logger: Logger
    private let threshold: Threshold
    /// How many events of each kind there were, whatever their level.
    public let counts = EventCounts()
    /// The newest of them.
    public let recent = RecentLogEvents()

    /// Lines go to standard error.
    ///
    /// - Parameter level: lesser events are counted and not written.
    public init(level: LogLevel, format: LogFormat) {
        threshold = Threshold(level)
        logger = Logger(label: "tidemark") { _ in LineLogHandler(format: format, level: .trace) }
    }

    /// Lesser events are counted and not written. May be changed at any time, for all copies. Thread: any.
    public var level: LogLevel {
        get { threshold.level.withLock { $0 } }
        nonmutating set { threshold.level.withLock { $0 = newValue } }
    }

    private final class Threshold: Sendable {
        let level: Mutex<LogLevel>

        init(_ level: LogLevel) { self.level = Mutex(level) }
    }

    /// Counts the event, and writes a line where its level is asked for. Thread: any.
    public func emit(_ event: TidemarkEvent) {
        counts.add(event)
        recent.add(event, atMs: LogFormat.nowMs)
        guard event.level >= level.threshold else { return }
        logger.log(level: event.level, event.message)
    }
}

/// Counts of events by their kind, since the start. Thread: any.
public final class EventCounts: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    /// Nothing was counted yet.
    public init() {}

    func add(_ event: TidemarkEvent) {
        counts.withLock { $0[event.kind.rawValue, default: 0] += 1 }
    }

    /// How many there were of each kind; kinds without any are left out.
    public var byKind: [String: Int] { counts.withLock { $0 } }

    /// As metrics have it.
    public var metric: Metric {
        Metric(
            .counter, "log_events_total",
            "What there was to tell since the start, whatever the level of the log.", by: "event",
            byKind.mapValues(Double.init), known: TidemarkEvent.Kind.allCases.map(\.rawValue))
    }
}

extension GateResult {
    /// Heads that were rejected, or labels that a person must look at.
    var isAlarming: Bool {
        switch subject {
        case .refresh: needsPerson
        case .heads: outcome == .reject && slice != nil
        }
    }
}
