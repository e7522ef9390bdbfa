import Engine
import Events
import Foundation
import KafkaStream
import Records
import Telemetry

/// The learning thread's loop: next batch, learn, commit when due.
struct LearningLoop {
    private var consumer: KafkaConsumer
    private let learner: Learner
    private let publisher: Publisher
    private let decoding: Decoding
    private let configuration: Configuration
    private let exitWhenIdleMs: Int?
    private let board: StatusBoard
    private let desk: ControlDesk
    private let isStopped: @Sendable () -> Bool
    private let log: EventLogger

    private(set) var eventsRead = 0
    private let started = ContinuousClock.now
    private var lastProgress = ContinuousClock.now
    private var readAtProgress = 0

    private var idleWatch: IdleWatch

    private var lastShown: ContinuousClock.Instant?

    private static let showEvery = Swift.Duration.seconds(1)
    private static let progressEvery = Swift.Duration.seconds(5)
    /// How often the loop looks up while nothing comes: for stops, commits and the end when idle.
    private static let waitMs = 50

    init(
        consumer: KafkaConsumer, learner: Learner, publisher: Publisher, decoding: Decoding,
        configuration: Configuration, exitWhenIdleMs: Int?, board: StatusBoard,
        desk: ControlDesk, isStopped: @escaping @Sendable () -> Bool, log: EventLogger
    ) {
        self.board = board
        self.consumer = consumer
        self.learner = learner
        self.publisher = publisher
        self.decoding = decoding
        self.configuration = configuration
        self.exitWhenIdleMs = exitWhenIdleMs
        self.desk = desk
        self.isStopped = isStopped
        self.log = log
        idleWatch = Self.idleWatch(configuration, consumer)
    }

    private static func idleWatch(
        _ configuration: Configuration, _ consumer: KafkaConsumer
    ) -> IdleWatch {
        IdleWatch(
            idleAfterMs: configuration.attribution.idleAfterMs,
            partitions: consumer.status()?.partitions ?? [], now: .now)
    }

    /// Goes on with another reading of the stream.
    mutating func goOn(with consumer: KafkaConsumer) {
        self.consumer = consumer
        idleWatch = Self.idleWatch(configuration, consumer)
    }

    enum Ending {
        case stopped
        /// The learned state went back: the stream must be read from the store's offsets again.
        case rewound
    }

    var wallSeconds: Double {
        let elapsed = started.duration(to: .now).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }

    /// Ends at a signal, or when the stream has been idle for as long as was asked for.
    mutating func run(onGap: (OffsetGap) -> Void) throws -> Ending {
        try learner.wait(for: idleWatch.behind)
        while true {
            show()
            board.enter(.waiting)
            let batch = try consumer.next(
                maxRecords: configuration.batch.events, lingerMs: configuration.batch.lingerMs,
                waitMs: Self.waitMs, stop: isStopped)
            for gap in batch.gaps { onGap(gap) }
            try learn(batch)
            try noteIdlePartitions(batch)
            if serveRequests() { return .rewound }
            if learner.isCommitDue { try commit() }
            sayProgress()
            if isStopped() {
                log.emit(.stopping(reason: "asked to by a signal"))
                return .stopped
            }
            if batch.records.isEmpty, let limit = exitWhenIdleMs, try isIdle(forMs: limit) {
                log.emit(.stopping(reason: "nothing has come for \(Duration.text(limit))"))
                return .stopped
            }
        }
    }

    /// - Returns: whether one of them took the learned state back.
    private func serveRequests() -> Bool {
        let service = ControlService(
            learner: learner, consumer: consumer,
            acceptsGaps: configuration.kafka.onGap == .accept)
        var didRewind = false
        let served = desk.serve { request in
            // What another request changes is read first.
            if didRewind {
                throw RequestError.refused(code: 69, "a rewind is under way; ask again")
            }
            return try service.answer(request, didRewind: &didRewind)
        }
        if served { publisher.wake() }
        return didRewind
    }

    private mutating func learn(_ batch: KafkaBatch) throws {
        guard !batch.records.isEmpty else { return }
        board.enter(learner.engine.isRefreshDue ? .refreshing : .learning)
        _ = try learner.learn(decoding.decode(batch.records), next: batch.nextOffsets)
        eventsRead += batch.records.count
    }

    /// Tells the learner of partitions that nothing need wait for: those that have brought nothing
    /// for a while, and those whose backlog held no event that moves time.
    private mutating func noteIdlePartitions(_ batch: KafkaBatch) throws {
        let now = ContinuousClock.now
        for position in idleWatch.note(batch.nextOffsets, now: now)
        where learner.engine.isAwaiting(position) {
            try learner.setIdle(position)
        }
        let idle = idleWatch.newlyIdle(now: now) { [consumer] in
            Dictionary(
                (consumer.status()?.partitions ?? []).map { ($0.position, $0.lag) },
                uniquingKeysWith: { $1 })
        }
        for position in idle { try learner.setIdle(position) }
    }

    /// Shows other threads how things stand, once a second.
    private mutating func show() {
        guard configuration.http.enabled,
            lastShown.map({ $0.duration(to: .now) >= Self.showEvery }) ?? true
        else { return }
        lastShown = .now
        board.show(LearnerFigures(learner))
    }

    private func commit() throws {
        board.enter(.committing)
        try learner.commitNow(delivered: try publisher.deliveredThrough())
        publisher.wake()
    }

    /// Whether nothing came for so long; what waits for a batch to fill is learned first.
    private mutating func isIdle(forMs limit: Int) throws -> Bool {
        guard let status = consumer.status(), status.isCaughtUp, let idle = status.idleMs,
            idle >= Int64(limit)
        else { return false }
        guard status.waitingRecords > 0 else { return true }
        try learn(try consumer.drain(maxRecords: configuration.batch.events))
        return false
    }

    private mutating func sayProgress() {
        let now = ContinuousClock.now
        let elapsed = lastProgress.duration(to: now)
        guard elapsed >= Self.progressEvery else { return }
        let seconds = Double(elapsed.components.seconds)
        lastProgress = now
        guard eventsRead > readAtProgress else { return }
        let window = learner.engine.scores.windows.last?.progressive ?? [:]
        log.emit(
            .progress(
                events: learner.engine.counters.read,
                perSecond: Double(eventsRead - readAtProgress) / seconds,
                examples: learner.engine.counters.examples,
                scores: window.sorted { $0.key < $1.key }.map {
                    ($0.key, $0.value.logLoss ?? .nan, $0.value.normalizedEntropy ?? .nan)
                },
                recommendations: learner.engine.counters.recommendations,
                lag: consumer.status()?.lag ?? 0))
        readAtProgress = eventsRead
    }
}
