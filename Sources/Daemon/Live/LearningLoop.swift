import Engine
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// The learning thread's loop: next batch, learn, commit when due.
///
/// Thread: the learning thread.
struct LearningLoop {
    /// What the stream is read with.
    struct Reading {
        var consumer: KafkaConsumer
        let decoding: Decoding
        let keys: ShardKeys?
    }

    /// Those that the loop gives work to, and tells.
    struct Parts {
        let learner: Learner
        let publisher: Publisher
        let keeper: SnapshotRetention
        let board: StatusBoard
        let desk: ControlDesk
        let faultInjection: FaultInjection
        let log: EventLogger
        /// Reads the configuration again; `nil` where it cannot change.
        let reread: Reread?
    }

    var reading: Reading
    private let parts: Parts
    let configuration: Configuration
    private let exitWhenIdleMs: Int?
    let isStopped: @Sendable () -> Bool

    private(set) var progress = LoopProgress()
    private var idleWatch: IdleWatch
    private var guardian: CrashGuard
    private var delivered = DeliveredMessages()
    private var monitors = MonitorOffsets()
    private var frames = FrameWatch()
    /// Why learning stands still, where it does.
    var waits = Waits()

    struct Waits {
        /// Too much is to be published.
        var forBrokers = false
        /// Since when learning is paused.
        var forPerson: ContinuousClock.Instant?
        /// The store's disk is full.
        var forRoom = false
        /// Why the registry does not give a schema.
        var forSchema: String?
    }

    private static let brokersPauseUs: UInt32 = 20_000
    private static let roomPauseUs: UInt32 = 200_000
    /// How often the loop looks up while nothing comes: for stops, commits and the end when idle.
    static let waitMs = 50

    init(
        _ reading: Reading, _ parts: Parts, configuration: Configuration, exitWhenIdleMs: Int?,
        isStopped: @escaping @Sendable () -> Bool
    ) throws {
        self.reading = reading
        self.parts = parts
        self.configuration = configuration
        self.exitWhenIdleMs = exitWhenIdleMs
        self.isStopped = isStopped
        idleWatch = Self.idleWatch(configuration, reading.consumer)
        guardian = try CrashGuard(
            store: parts.learner.store.path,
            offsets: try parts.learner.store.offsets(cluster: parts.learner.cluster))
    }

    private var consumer: KafkaConsumer { reading.consumer }
    var learner: Learner { parts.learner }
    private var publisher: Publisher { parts.publisher }
    var board: StatusBoard { parts.board }
    var log: EventLogger { parts.log }
    var reread: Reread? { parts.reread }

    private static func idleWatch(
        _ configuration: Configuration, _ consumer: KafkaConsumer
    ) -> IdleWatch {
        IdleWatch(
            idleAfterMs: configuration.attribution.idleAfterMs,
            partitions: consumer.status()?.partitions ?? [], now: .now)
    }

    /// Goes on with another reading of the stream.
    mutating func goOn(with consumer: KafkaConsumer) {
        reading.consumer = consumer
        idleWatch = Self.idleWatch(configuration, consumer)
        monitors = MonitorOffsets()
    }

    enum Ending {
        case stopped
        /// The learned state went back: the stream must be read from the store's offsets again.
        case rewound
        /// Learning is paused, and the end was to come once the stream is idle.
        case paused(Pause)
    }

    /// Ends at a signal, or when the stream has been idle for as long as was asked for.
    mutating func run(onGap: (OffsetGap) -> Void) throws -> Ending {
        if let limit = guardian.history.limit { log.emit(.searchingCulprit(records: limit)) }
        if let held = guardian.history.held {
            log.emit(.endedHere(batch: held.texts.joined(separator: ", "), times: held.count))
        }
        try learner.wait(for: idleWatch.behind)
        while true {
            show()
            board.enter(.waiting)
            if try standsStill() {
                if learner.isCommitDue {
                    try withRoom { loop in try loop.commit() }
                } else {
                    try withRoom { loop in try loop.forgetDelivered() }
                }
                if serveRequests() { return .rewound }
                if isStopped() { return stopped() }
                if let paused = pausedForLong() { return .paused(paused) }
                usleep(Self.brokersPauseUs)
                continue
            }
            let batch = try consumer.next(
                maxRecords: guardian.recordsMax(configuration.batch.events),
                lingerMs: configuration.batch.lingerMs, waitMs: Self.waitMs,
                stop: isStopped)
            for gap in batch.gaps { onGap(gap) }
            if let ending = try waitForSchemas(of: batch) { return ending }
            try learn(batch)
            if batch.cut != .woken { try noteIdlePartitions(batch) }
            if serveRequests() { return .rewound }
            if learner.isCommitDue || (guardian.isSearching && !batch.records.isEmpty) {
                try withRoom { loop in try loop.commit() }
                try withRoom { loop in try loop.learner.goBackIfRejected() }
            } else if batch.records.isEmpty, batch.cut != .woken {
                try withRoom { loop in try loop.forgetDelivered() }
                try tellMonitors()
            }
            sayProgress()
            if isStopped() { return stopped() }
            if batch.records.isEmpty, let limit = exitWhenIdleMs, try isIdle(forMs: limit) {
                log.emit(.stopping(reason: "nothing has come for \(Duration.text(limit))"))
                return .stopped
            }
        }
    }

    /// Does what writes to the store. Where its disk is full, nothing more is learned: this is said once
    /// and tried again until there is room, and only requests for the status are answered meanwhile.
    ///
    /// - Throws: `StoreError.diskFull` when the daemon is told to stop before there is room; what
    ///   was not committed is learned again by the next one.
    mutating func withRoom(_ write: (inout LearningLoop) throws -> Void) throws {
        while true {
            do {
                try write(&self)
                if waits.forRoom {
                    log.emit(.roomAgain)
                    board.leave(.waitingForRoom)
                }
                waits.forRoom = false
                return
            } catch let error as StoreError {
                guard case .diskFull = error, !isStopped() else { throw error }
                if !waits.forRoom { log.emit(.waitingForRoom(reason: "\(error)")) }
                waits.forRoom = true
                board.enter(.waitingForRoom)
                serveStatus(reason: "\(error)")
                usleep(Self.roomPauseUs)
            }
        }
    }

    var service: ControlService {
        var service = ControlService(
            learner: learner, keeper: parts.keeper, consumer: consumer,
            publisher: publisher, pauses: board.pauses, configuration: configuration)
        service.reread = reread
        service.waitingFor = waits.forSchema
        return service
    }

    private func serveStatus(reason: String) {
        _ = parts.desk.serve { request, _ in
            guard case .status = request else { throw RequestError.refused(code: 69, reason) }
            var didRewind = false
            return try service.answer(request, didRewind: &didRewind)
        }
    }

    func stopped() -> Ending {
        log.emit(.stopping(reason: "asked to by a signal"))
        return .stopped
    }

    /// - Returns: whether one of them took the learned state back.
    func serveRequests() -> Bool {
        reloadIfAsked()
        let service = service
        var didRewind = false
        let served = parts.desk.serve { request, key in
            // What another request changes is read first.
            if didRewind {
                if let held = try service.heldReply(to: key) { return held }
                throw RequestError.refused(code: 69, "a rewind is under way; ask again")
            }
            return try service.answer(request, key, didRewind: &didRewind)
        }
        if served { publisher.wake() }
        return didRewind
    }

    private mutating func learn(_ batch: KafkaBatch) throws {
        guard !batch.records.isEmpty else { return }
        board.enter(learner.isRefreshDue ? .refreshing : .learning)
        let leftOut = try leaveOut(of: batch)
        let records =
            leftOut.isEmpty
            ? batch.records
            : batch.records.filter { !leftOut.contains($0.offset, of: $0.position) }
        try withRoom { loop in try loop.guardian.begin(records, next: batch.nextOffsets) }
        parts.faultInjection.at(.beforeLearning(records))
        do {
            // Journaled with the batch, so that a replay comes to the same.
            let clockMs = wallTimeMs()
            let inputs = reading.decoding.decode(
                batch.records, skips: learner.ledger.skips.union(leftOut), clockMs: clockMs)
            _ = try learner.learn(
                inputs, next: batch.nextOffsets, leavingOut: leftOut, clockMs: clockMs)
            for frame in frames.note(batch.records)
            where !reading.decoding.makesJSON(of: frame.topic) {
                log.emit(.framed(topic: frame.topic, schema: frame.schema))
            }
            learner.remember(LastRecords.marks(of: batch.records))
            progress.eventsRead += batch.records.count
            monitors.learned(batch.nextOffsets)
        } catch {
            // What the disk refuses is not the records' doing; whatever else may be.
            if error is StoreError { try guardian.spare() } else { try guardian.failed() }
            throw error
        }
    }

    /// Takes what must not be learned to the dead letters: the record that the process ends at, and
    /// records of another shard's shoppers.
    private mutating func leaveOut(of batch: KafkaBatch) throws -> OffsetRanges {
        var leftOut = OffsetRanges()
        func take(_ record: SourceRecord, _ reason: String, forGood: Bool) throws {
            try learner.refuse(record, reason: reason, forGood: forGood)
            leftOut.insert(record.offset..<record.offset + 1, of: record.position)
        }
        if let culprit = guardian.culprit(among: batch.records) {
            try guardian.refuse(culprit)
            log.emit(
                .refused(
                    position: "\(culprit.position):\(culprit.offset)",
                    crashes: CrashHistory.patience))
            try take(
                culprit, "the daemon crashed \(CrashHistory.patience) times on it alone",
                forGood: true)
        }
        if let payloads = reading.decoding.payloads {
            for record in batch.records {
                guard let reason = payloads.reasonGivenUp(record) else { continue }
                try take(record, reason, forGood: false)
            }
        }
        if let keys = reading.keys {
            for record in batch.records where keys.isMisplaced(record) {
                try take(record, keys.misplacement(of: record), forGood: false)
            }
        }
        return leftOut
    }

    /// Whether nothing is learned now: a person has paused it, or more is to be published than may wait.
    private mutating func standsStill() throws -> Bool {
        guard board.pauses.now.learning == nil else {
            waits.forPerson = waits.forPerson ?? .now
            board.enter(.paused)
            return true
        }
        if waits.forPerson != nil {
            waits.forPerson = nil
            // Quiet was this loop, not the partitions.
            idleWatch = Self.idleWatch(configuration, consumer)
        }
        return try mustWaitForBrokers()
    }

    /// The pause of learning, where the end was to come once nothing came for as long as it has lasted.
    private func pausedForLong() -> Pause? {
        guard let limit = exitWhenIdleMs, let since = waits.forPerson,
            since.duration(to: .now) >= .milliseconds(limit),
            let pause = board.pauses.now.learning
        else { return nil }
        log.emit(.stopping(reason: "\(LearningPaused(pause))"))
        return pause
    }

    /// Whether more is to be published than may wait, so that nothing is learned now.
    private mutating func mustWaitForBrokers() throws -> Bool {
        let most = configuration.publish.outboxMax
        let isFull = try learner.store.outboxCount() >= most
        if isFull, !waits.forBrokers { log.emit(.waitingForBrokers(messages: most)) }
        waits.forBrokers = isFull
        return isFull
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
                (consumer.status()?.partitions ?? []).map { ($0.position, $0.knownLag) },
                uniquingKeysWith: { $1 })
        }
        for position in idle { try learner.setIdle(position) }
    }

    /// Shows other threads how things stand, once a second.
    private mutating func show() {
        guard configuration.http.enabled, progress.isShowDue() else { return }
        board.show(LearnerFigures(learner))
    }

    mutating func commit() throws {
        board.enter(.committing)
        let through = try publisher.deliveredThrough()
        do {
            let info = try learner.commitNow(delivered: through)
            if info?.snapshot != nil { try service.tookSnapshot() }
        } catch {
            try guardian.spare()
            throw error
        }
        try guardian.committed()
        parts.faultInjection.at(.afterCommit)
        publisher.wake()
        delivered.committed(through: through)
        monitors.committed()
        try tellMonitors()
    }

    /// While nothing is learned, delivered messages leave the outbox without a commit.
    private mutating func forgetDelivered() throws {
        guard let through = delivered.toForget(try publisher.deliveredThrough()) else { return }
        try learner.store.removeOutbox(through: through, sync: false)
        delivered.forgot(through: through)
    }

    /// Tells lag monitors how far the store is; nothing here reads it back.
    private mutating func tellMonitors() throws {
        guard let offsets = monitors.due() else { return }
        try consumer.commitForMonitors(offsets)
        monitors.told()
    }

    /// After the last commit: tells lag monitors where the store stands, and waits for their group's
    /// coordinator a moment, since nothing comes after.
    func tellMonitorsAtEnd() {
        // Brokers that are gone would only be waited for.
        guard consumer.status()?.withoutBrokerMs == nil else { return }
        _ = try? consumer.commitForMonitors(monitors.all, waitMs: Self.lastToldMs)
    }

    private static let lastToldMs = 500

    /// Whether nothing came for so long, as the brokers say too; what waits for a batch to fill is
    /// learned first.
    private mutating func isIdle(forMs limit: Int) throws -> Bool {
        guard let status = consumer.status(), status.isCaughtUp, let idle = status.idleMs,
            idle >= Int64(limit)
        else { return false }
        // An outage is no idleness: only brokers that answer can say that there is no more.
        guard status.waitingRecords > 0 else { return try consumer.confirmEnd() }
        try learn(
            try consumer.drain(maxRecords: guardian.recordsMax(configuration.batch.events)))
        if guardian.isSearching { try withRoom { loop in try loop.commit() } }
        return false
    }

    private mutating func sayProgress() {
        guard let rate = progress.rate() else { return }
        log.emit(rate.event(learner.engine, lag: consumer.status()?.lag))
    }
}
