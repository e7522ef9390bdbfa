import Foundation
import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// Does what requests ask for. Thread: the learning thread, between two batches.
struct ControlService {
    private let learner: Learner
    private let keeper: SnapshotRetention
    private let consumer: KafkaConsumer
    private let publisher: Publisher
    private let pauses: Pauses
    let configuration: Configuration
    /// Reads the configuration again; `nil` where it cannot change.
    var reread: Reread?
    /// The schema that learning waits for; `nil` where it waits for none.
    var waitingFor: String?

    init(
        learner: Learner, keeper: SnapshotRetention, consumer: KafkaConsumer,
        publisher: Publisher, pauses: Pauses, configuration: Configuration
    ) {
        self.publisher = publisher
        self.pauses = pauses
        self.learner = learner
        self.keeper = keeper
        self.consumer = consumer
        self.configuration = configuration
    }

    var store: SnapshotStore { learner.store }
    var log: EventLogger { learner.log }

    /// What is due now and then is done after a snapshot.
    func tookSnapshot() throws {
        keeper.look()
        try HeldAnswers(store: store).forgetOutdated(nowMs: wallTimeMs())
    }

    /// - Parameter didRewind: set where the stream must be read from the store's offsets again.
    func answer(_ request: ControlRequest, didRewind: inout Bool) throws -> ControlReply {
        switch request {
        case .status: return .status(try status())
        case .snapshot(let tags, let who):
            for tag in tags { try store.requireFreeTag(tag) }
            let info = try learner.commitNow(snapshot: Learner.SnapshotOptions())
            let id = info?.snapshot?.id ?? learner.engine.origin.snapshot
            try store.record(
                AuditEntry(wallTimeMs: wallTimeMs(), who: who, action: "snapshot", reason: id))
            for tag in tags { try store.tag(id, as: tag, who: who, wallTimeMs: wallTimeMs()) }
            keeper.look(also: id)
            return .snapshot(id: id)
        case .tag(let reference, let name, let who):
            try store.tag(reference, as: name, who: who, wallTimeMs: wallTimeMs())
            keeper.look()
            return .snapshot(id: try store.resolve(name).id)
        case .untag(let name, let who):
            try store.untag(name, who: who, wallTimeMs: wallTimeMs())
            return .untagged(name: name)
        case .rollback(let request):
            let skips = try request.skipRanges()
            if request.rewind { try requireEvents(since: request.reference) }
            if request.dryRun { return .rollback(try request.plan(on: store)) }
            try RequestError.require(reason: request.reason)
            let outcome = try RollbackOutcome.timed(skips: skips) {
                try learner.goBack(
                    to: request.reference, rewind: request.rewind, skips: skips,
                    reason: request.reason, who: request.who)
            }
            didRewind = request.rewind
            return .rollback(outcome)
        case .pause(let part, let reason, let who):
            return .paused(try pause(part, true, reason: reason, who: who))
        case .resume(let part, let reason, let who):
            return .paused(try pause(part, false, reason: reason, who: who))
        case .recommend(let question): return .explanation(try learner.answer(question))
        case .rank(let request): return .ranking(try learner.rank(request))
        case .erase(let request): return .erased(try erase(request))
        case .reload(let who): return .reloaded(try reload(who: who))
        case .logLevel(let level, let reason, let who):
            try setLevel(level, reason: reason, who: who)
            return .logLevel(level)
        case .approve(let request):
            try request.check()
            return .answered(try learner.approve(request))
        case .object(let request): return .objected(try object(request))
        }
    }

    private func object(_ request: ObjectionRequest) throws -> ObjectionOutcome {
        try request.check()
        let nowMs = wallTimeMs()
        let (info, isNew, ended) = try learner.object(
            request.userID, atMs: nowMs,
            audit: AuditEntry(
                wallTimeMs: nowMs, who: request.who, action: "objection", reason: request.reason))
        publisher.wake()
        return ObjectionOutcome(
            info: info, isNew: isNew, ended: ended, topic: configuration.publish.topic,
            hasStates: !configuration.publish.stateTopic.isEmpty)
    }

    private func erase(_ request: ErasureRequest) throws -> ErasureOutcome {
        // What comes by the socket was made by any program.
        try request.require()
        let nowMs = wallTimeMs()
        // Events of this moment may be ahead of the clock by as much as is allowed.
        let throughMs = max(nowMs, learner.engine.newestMs ?? nowMs)
        let info = try learner.erase(
            request.userID, atMs: throughMs,
            audit: AuditEntry(
                wallTimeMs: nowMs, who: request.who, action: "erase", reason: request.reason))
        publisher.wake()
        return ErasureOutcome(
            request, info: info, throughMs: throughMs,
            snapshots: try store.snapshots(limit: .max).count,
            read: configuration.kafka.topics.map(\.name), written: configuration.writtenTopics)
    }

    private func pause(
        _ part: PausedPart, _ isPaused: Bool, reason: String, who: String
    ) throws -> PauseState {
        let now = try learner.store.setPause(
            of: part, paused: isPaused, reason: reason, who: who, wallTimeMs: wallTimeMs())
        pauses.set(now)
        publisher.pause(now.publishing != nil)
        log.emit(
            isPaused
                ? .paused(part: part.rawValue, who: who, reason: reason)
                : .unpaused(part: part.rawValue, who: who))
        return now
    }

    /// Throws: `RequestError.eventsGone` where the brokers no longer have what would be learned
    /// again, unless the configuration accepts that.
    private func requireEvents(since reference: String) throws {
        guard configuration.kafka.onGap != .accept else { return }
        let target = try learner.store.resolve(reference)
        let positions = consumer.status()?.partitions.map(\.position) ?? []
        let available = try consumer.available(positions)
        let known = Dictionary(
            target.offsets.filter { $0.cluster == learner.cluster }.map { ($0.position, $0.next) }
        ) { $1 }
        // Of a partition that the snapshot does not know all is learned again that ever was.
        let unknown = Set(positions.filter { known[$0] == nil })
        let begun = try learner.store.firstLearned(of: unknown, cluster: learner.cluster)
        for position in positions {
            guard let needed = known[position] ?? begun[position] else { continue }
            let first = available[position]?.lowerBound ?? 0
            if needed < first {
                throw RequestError.eventsGone(
                    partition: "\(position)", needed: needed, first: first)
            }
        }
    }

    private func status() throws -> LearnerStatus {
        let ledger = learner.ledger
        let counters = learner.engine.counters
        let reading = consumer.status()
        let partitions = (reading?.partitions ?? []).map { progress in
            let mark = ledger.publishedTo[progress.position] ?? 0
            return LearnerStatus.Partition(
                topic: progress.position.topic, partition: progress.position.partition,
                next: progress.nextOffset, lag: progress.knownLag,
                publishesFrom: progress.nextOffset < mark ? mark : nil)
        }
        return LearnerStatus(
            process: getpid(), version: TidemarkVersion.current,
            head: learner.engine.origin.snapshot,
            lineage: learner.engine.origin.lineage, stateSHA256: learner.stateDigest.hex,
            events: counters.read, examples: counters.examples,
            recommendations: counters.recommendations, outbox: try learner.store.outboxCount(),
            relearning: partitions.contains { $0.publishesFrom != nil }, partitions: partitions,
            skips: ledger.skips.texts,
            brokers: (reading?.brokers ?? []).map {
                LearnerStatus.Broker(
                    address: $0.address, state: $0.standing.rawValue, stateMs: $0.forMs,
                    error: $0.reason)
            },
            publishingError: publisher.standing.failure.map { "\($0)" },
            waitingFor: waitingFor, paused: pauses.now,
            budgets: try learner.budgets(), librdkafka: LibraryVersion.text)
    }
}
