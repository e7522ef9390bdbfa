import Engine
import Records
import Telemetry

/// How much a run has read, and how fast of late.
struct LoopProgress {
    var eventsRead = 0
    private let started = ContinuousClock.now
    private var lastTold = ContinuousClock.now
    private var readAtLast = 0
    private var lastShown: ContinuousClock.Instant?

    private static let showEvery = Swift.Duration.seconds(1)
    private static let tellEvery = Swift.Duration.seconds(5)

    /// Events a second since it was told last.
    struct Rate {
        let perSecond: Double

        /// As the log tells it.
        func event(_ engine: Engine, lag: Int64?) -> TidemarkEvent {
            let window = engine.scores.windows.last?.progressive ?? [:]
            return .progress(
                events: engine.counters.read, perSecond: perSecond,
                examples: engine.counters.examples,
                scores: window.sorted { $0.key < $1.key }.map {
                    ($0.key, $0.value.logLoss ?? .nan, $0.value.normalizedEntropy ?? .nan)
                },
                recommendations: engine.counters.recommendations, lag: lag)
        }
    }

    var wallSeconds: Double { started.duration(to: .now).inSeconds }

    /// Whether other threads are to be shown how things stand: once a second.
    mutating func isShowDue(now: ContinuousClock.Instant = .now) -> Bool {
        guard lastShown.map({ $0.duration(to: now) >= Self.showEvery }) ?? true else {
            return false
        }
        lastShown = now
        return true
    }

    /// - Returns: what is to be told now; `nil` where it is too early, or nothing came.
    mutating func rate() -> Rate? {
        let now = ContinuousClock.now
        let elapsed = lastTold.duration(to: now)
        guard elapsed >= Self.tellEvery else { return nil }
        lastTold = now
        let events = eventsRead - readAtLast
        guard events > 0 else { return nil }
        readAtLast = eventsRead
        return Rate(perSecond: Double(events) / Double(elapsed.components.seconds))
    }
}
