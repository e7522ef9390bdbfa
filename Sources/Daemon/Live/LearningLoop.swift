import Engine
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// The learning thread's loop: next batch, learn, commit when due.
struct LearningLoop {
    private var consumer: KafkaConsumer
    private let learner: Learner
    private let publisher: Publisher
    private let keeper: WholeKeeper
    private let decoding: Decoding
    private let keys: ShardKeys?
    private let configuration: Configuration
    private let exitWhenIdleMs: Int?
    private let board: StatusBoard
    private let desk: ControlDesk
    private let isStopped: @Sendable () -> Bool
    private let interference: Interference
    private let log: EventLogger

    private(set) var eventsRead = 0
    private let started = ContinuousClock.now
    private var lastProgress = ContinuousClock.now
    private var readAtProgress = 0

    private var idleWatch: IdleWatch
    private var guardian: CrashGuard
    /// The last message whose delivery the store was told of.
    private var forgotten: UInt64?
    private var lastCommit = ContinuousClock.now
    /// Whether learning stands still because too much is to be published.
    private var isWaitingForBrokers = false
    /// Offsets that are learned and not in the store yet.
    private var toCommit: [TopicPartition: Int64] = [:]
    /// Whether learning stands still because the store's disk is full.
    private var isWaitingForRoom = false
    /// Offsets that are in the store and not yet told to monitors.
    private var toTell: [TopicPartition: Int64] = [:]
    private var lastTold = ContinuousClock.now

    private static let forgetAfter = Swift.Duration.seconds(1)
    private static let tellEvery = Swift.Duration.seconds(1)

    /// Topics whose records carry Confluent's frame, which is left off.
    private var framedTopics: Set<String> = []

    private var lastShown: ContinuousClock.Instant?

    private static let showEvery = Swift.Duration.seconds(1)
    private static let progressEvery = Swift.Duration.seconds(5)
    private static let brokersPauseUs: UInt32 = 20_000
    private static let roomPauseUs: UInt32 = 200_000
    /// How often the loop looks up while nothing comes: for stops, commits and the end when idle.
    private static let waitMs = 50

    init(
        consumer: KafkaConsumer, learner: Learner, publisher: Publisher,
        keeper: WholeKeeper, decoding: Decoding, keys: ShardKeys?, configuration: Configuration,
        exitWhenIdleMs: Int?,
        board: StatusBoard, desk: ControlDesk, interference: Interference,
        isStopped: @escaping @Sendable () -> Bool, log: EventLogger
    ) throws {
        self.board = board
        self.consumer = consumer
        self.learner = learner
        self.publisher = publisher
        self.keeper = keeper
        self.decoding = decoding
        self.keys = keys
        self.configuration = configuration
        self.exitWhenIdleMs = exitWhenIdleMs
        self.desk = desk
        self.isStopped = isStopped
        self.interference = interference
        self.log = log
        idleWatch = Self.idleWatch(configuration, consumer)
        guardian = try CrashGuard(
            store: learner.store.path,
            offsets: try learner.store.offsets(cluster: learner.cluster))
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
        (toCommit, toTell) = ([:], [:])
    }

    enum Ending {
        case stopped
        /// The learned state went back: the stream must be read from the store's offsets again.
        case rewound
    }

    var wallSeconds: Double { started.duration(to: .now).inSeconds }

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
            if try mustWaitForBrokers() {
                if learner.isCommitDue {
                    try withRoom { loop in try loop.commit() }
                } else {
                    try withRoom { loop in try loop.forgetDelivered() }
                }
                if serveRequests() { return .rewound }
                if isStopped() { return stopped() }
                usleep(Self.brokersPauseUs)
                continue
            }
            let batch = try consumer.next(
                maxRecords: guardian.recordsMax(configuration.batch.events),
                lingerMs: configuration.batch.lingerMs, waitMs: Self.waitMs,
                stop: isStopped)
            for gap in batch.gaps { onGap(gap) }
            try learn(batch)
            try noteIdlePartitions(batch)
            if serveRequests() { return .rewound }
            if learner.isCommitDue || (guardian.isSearching && !batch.records.isEmpty) {
                try withRoom { loop in try loop.commit() }
                try withRoom { loop in try loop.learner.goBackIfRejected() }
            } else if batch.records.isEmpty {
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
    private mutating func withRoom(_ write: (inout LearningLoop) throws -> Void) throws {
        while true {
            do {
                try write(&self)
                if isWaitingForRoom { log.emit(.roomAgain) }
                isWaitingForRoom = false
                return
            } catch let error as StoreError {
                guard case .diskFull = error, !isStopped() else { throw error }
                if !isWaitingForRoom { log.emit(.waitingForRoom(reason: "\(error)")) }
                isWaitingForRoom = true
                board.enter(.waitingForRoom)
                serveStatus(reason: "\(error)")
                usleep(Self.roomPauseUs)
            }
        }
    }

    private func serveStatus(reason: String) {
        let service = ControlService(
            learner: learner, keeper: keeper, consumer: consumer, publisher: publisher,
            acceptsGaps: false)
        _ = desk.serve { request in
            guard case .status = request else { throw RequestError.refused(code: 69, reason) }
            var didRewind = false
            return try service.answer(request, didRewind: &didRewind)
        }
    }

    private func stopped() -> Ending {
        log.emit(.stopping(reason: "asked to by a signal"))
        return .stopped
    }

    /// - Returns: whether one of them took the learned state back.
    private func serveRequests() -> Bool {
        let service = ControlService(
            learner: learner, keeper: keeper, consumer: consumer, publisher: publisher,
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
        board.enter(learner.isRefreshDue ? .refreshing : .learning)
        let leftOut = try leaveOut(of: batch)
        let records =
            leftOut.isEmpty
            ? batch.records
            : batch.records.filter { !leftOut.contains($0.offset, of: $0.position) }
        try withRoom { loop in try loop.guardian.begin(records, next: batch.nextOffsets) }
        interference.at(.beforeLearning(records))
        do {
            // Journaled with the batch, so that a replay comes to the same.
            let clockMs = wallTimeMs()
            let inputs = decoding.decode(
                batch.records, skips: learner.ledger.skips.union(leftOut), clockMs: clockMs)
            _ = try learner.learn(
                inputs, next: batch.nextOffsets, leavingOut: leftOut, clockMs: clockMs)
            noteFrames(batch.records)
            learner.remember(LastRecords.marks(of: batch.records))
            eventsRead += batch.records.count
            toCommit.merge(batch.nextOffsets) { $1 }
        } catch {
            // What the disk refuses is not the records' doing; whatever else may be.
            if error is StoreError { try guardian.spare() } else { try guardian.failed() }
            throw error
        }
    }

    /// A frame around JSON is read past; that a topic has them is said once.
    private mutating func noteFrames(_ records: [SourceRecord]) {
        for record in records {
            guard let value = record.value, value.count > 5, value[0] == 0,
                value[5] == UInt8(ascii: "{"), framedTopics.insert(record.position.topic).inserted
            else { continue }
            let id = value[1...4].reduce(0) { $0 << 8 | Int($1) }
            log.emit(.framed(topic: record.position.topic, schema: id))
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
        if let keys {
            for record in batch.records where keys.isMisplaced(record) {
                try take(record, keys.misplacement(of: record), forGood: false)
            }
        }
        return leftOut
    }

    /// Whether more is to be published than may wait, so that nothing is learned now.
    private mutating func mustWaitForBrokers() throws -> Bool {
        let most = configuration.publish.outboxMax
        let waits = try learner.store.outboxCount() >= most
        if waits, !isWaitingForBrokers { log.emit(.waitingForBrokers(messages: most)) }
        isWaitingForBrokers = waits
        return waits
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
        guard configuration.http.enabled,
            lastShown.map({ $0.duration(to: .now) >= Self.showEvery }) ?? true
        else { return }
        lastShown = .now
        board.show(LearnerFigures(learner))
    }

    private mutating func commit() throws {
        board.enter(.committing)
        forgotten = try publisher.deliveredThrough()
        do {
            let info = try learner.commitNow(delivered: forgotten)
            if info?.snapshot != nil { keeper.look() }
        } catch {
            try guardian.spare()
            throw error
        }
        try guardian.committed()
        interference.at(.afterCommit)
        publisher.wake()
        lastCommit = .now
        toTell.merge(toCommit) { $1 }
        toCommit = [:]
        try tellMonitors()
    }

    /// While nothing is learned, delivered messages leave the outbox without a commit.
    private mutating func forgetDelivered() throws {
        let delivered = try publisher.deliveredThrough()
        guard let delivered, delivered != forgotten,
            lastCommit.duration(to: .now) >= Self.forgetAfter
        else { return }
        try learner.store.removeOutbox(through: delivered, sync: false)
        forgotten = delivered
    }

    /// Tells lag monitors how far the store is; nothing here reads it back.
    private mutating func tellMonitors() throws {
        guard lastTold.duration(to: .now) >= Self.tellEvery, !toTell.isEmpty else { return }
        try consumer.commitForMonitors(toTell)
        toTell = [:]
        lastTold = .now
    }

    /// After the last commit: tells lag monitors where the store stands, and waits for their group's
    /// coordinator a moment, since nothing comes after.
    func tellMonitorsAtEnd() {
        // Brokers that are gone would only be waited for.
        guard consumer.status()?.withoutBrokerMs == nil else { return }
        let last = toTell.merging(toCommit) { $1 }
        _ = try? consumer.commitForMonitors(last, waitMs: Self.lastToldMs)
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
                lag: consumer.status()?.lag))
        readAtProgress = eventsRead
    }
}
