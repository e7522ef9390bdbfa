import Engine
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// The daemon: consumes, learns, commits, publishes, until it is told to stop.
///
/// Thread: `run` blocks its caller, which becomes the learning thread. Polling, publishing and the
/// refresh of the adapters have threads of their own.
public final class LearningDaemon {
    private let configuration: Configuration
    private let wiring: Wiring
    private let log: EventLogger
    private let exitWhenIdleMs: Int?
    private let skips: OffsetRanges
    private let takesOver: Bool
    private let reread: Reread?
    private let faultInjection: FaultInjection
    private let isStopped: @Sendable () -> Bool
    /// Where other threads hand in what is asked of the daemon while it runs.
    public let desk = ControlDesk()
    /// What the run has left undone, once it has ended.
    public private(set) var ending = Ending()

    /// What a run that ended in order has left undone.
    public struct Ending {
        /// Messages were left unpublished; they stay in the store.
        public internal(set) var unpublished: (any Error)?
        /// The run was to end with its stream and could not come there, since learning is paused.
        public internal(set) var pausedLearning: LearningPaused?
        /// Whether a thread that waits for brokers was left behind: the process is to end without it.
        public internal(set) var leftThread = false
    }

    /// How long the end of a run waits for the delivery of what is published: where the stream came
    /// to its end, and from a signal on. What is not delivered by then stays in the outbox.
    private static let drainMs = 30_000
    private static let drainAfterSignalMs = 2_500

    /// - Parameters:
    ///   - skips: records that are never learned, beside those the store knows.
    ///   - takesOver: publish for the store even when another copy of it has done so since.
    ///   - reread: reads the configuration again, at a SIGHUP; `nil` where it cannot change.
    ///   - isStopped: whether the daemon has been told to stop.
    public convenience init(
        _ configuration: Configuration, exitWhenIdleMs: Int? = nil,
        skips: OffsetRanges = OffsetRanges(), takesOver: Bool = false, reread: Reread? = nil,
        isStopped: @escaping @Sendable () -> Bool = { StopSignal.isReceived }
    ) throws {
        try self.init(
            configuration, exitWhenIdleMs: exitWhenIdleMs, skips: skips, takesOver: takesOver,
            faultInjection: .none, reread: reread, isStopped: isStopped)
    }

    package init(
        _ configuration: Configuration, exitWhenIdleMs: Int? = nil,
        skips: OffsetRanges = OffsetRanges(), takesOver: Bool = false,
        faultInjection: FaultInjection,
        reread: Reread? = nil,
        isStopped: @escaping @Sendable () -> Bool = { StopSignal.isReceived }
    ) throws {
        self.configuration = configuration
        self.skips = skips
        self.isStopped = isStopped
        self.exitWhenIdleMs = exitWhenIdleMs
        self.takesOver = takesOver
        self.reread = reread
        self.faultInjection = faultInjection
        wiring = Wiring(configuration: configuration, faultInjection: faultInjection)
        log = wiring.log
    }

    /// Runs until a signal, or until the stream is idle if that was asked for.
    ///
    /// - Throws: what makes going on impossible; everything committed stays, and a later run goes
    ///   on from there.
    public func run() throws -> Report {
        do { return try consume() } catch KafkaError.closed where isStopped() {
            // A stop while the brokers were being waited for.
            throw Interrupted()
        }
    }

    private func consume() throws -> Report {
        StopSignal.install()
        // On a terminal the signal says that the terminal is gone.
        if reread != nil, !LineSink.standardError.isTerminal { ReloadSignal.install() }
        DescriptorLimit.raise()
        let prepared = try Preparation.requireAll(wiring)
        let (kafka, decoding, base) = (prepared.kafka, prepared.decoding, prepared.base)
        log.emit(
            .starting(
                version: "\(TidemarkVersion.current) (librdkafka \(LibraryVersion.text))",
                base: wiring.baseFolder, store: configuration.store.path))
        if let warning = LibraryVersion.warning(client: kafka.client) {
            log.emit(.kafka(warning))
        }
        let board = StatusBoard()
        let server = try wiring.control(board, desk)
        if let server {
            let port = try server.start()
            let place = server.place
            log.emit(.serving(host: place.host, port: port, isSafe: place.tls != nil))
        }
        defer { server?.stop() }
        // The brokers first: where they cannot be reached, nothing is made on disk.
        var consumer = try makeConsumer(kafka)
        defer { consumer.close() }
        let cluster = try consumer.connect { isStopped() } ?? "unnamed"
        let store = try wiring.openStore(
            path: configuration.store.path, base: base, mode: .readWrite)
        let learner = try wiring.learner(
            LearningRun(engine: prepared.engine, isClocked: true, publishes: true),
            at: Learner.Place(store: store, cluster: cluster, skips: skips), base: base,
            embedding: prepared.embedding, log: log)
        try acceptCluster(cluster, store)
        decoding.payloads?.draw(
            from: wiring.schemas(store, client: try wiring.registryClient()),
            patienceMs: configuration.registry.unknownAfterMs)
        let publisher = Publisher(
            store: store, configuration: kafka,
            settings: try wiring.publishing(cluster: cluster, takesOver: takesOver),
            schemas: learner.outgoing.schemas, faultInjection: faultInjection, log: log)
        try takeUpPauses(board.pauses, store, publisher)
        guard try publisher.start(stop: isStopped) else { throw Interrupted() }
        // Whatever ends the run, the publishing thread lets go of the store.
        var isPublishing = true
        defer {
            if isPublishing { _ = try? publisher.finish(timeoutMs: 0) }
            ending.leftThread = publisher.leftThread
        }
        let counts = try assign(consumer, learner)
        try ShardKeys.check(kafka, partitionCounts: counts)
        board.learns(from: cluster, into: store)
        board.reads(from: consumer)
        board.publishes(through: publisher)
        let control = try ControlEndpoint(store: store.path, desk: desk, log: log)
        defer { control.close() }
        let keeper = SnapshotRetention(
            store: store, retention: wiring.retention, sync: configuration.store.sync,
            log: log)
        defer { keeper.finish() }
        keeper.look()
        var loop = try LearningLoop(
            LearningLoop.Reading(
                consumer: consumer, decoding: decoding,
                keys: ShardKeys(kafka, partitionCounts: counts)),
            LearningLoop.Parts(
                learner: learner, publisher: publisher, keeper: keeper, board: board, desk: desk,
                faultInjection: faultInjection, log: log, reread: reread),
            configuration: configuration, exitWhenIdleMs: exitWhenIdleMs, isStopped: isStopped)
        reading: while true {
            desk.wakes { [consumer] in consumer.wake() }
            switch try loop.run(onGap: { accept($0, learner) }) {
            case .stopped: break reading
            case .paused(let pause):
                ending.pausedLearning = LearningPaused(pause)
                break reading
            case .rewound: break
            }
            consumer.close()
            consumer = try makeConsumer(kafka)
            _ = try consumer.connect { isStopped() }
            try assign(consumer, learner)
            board.reads(from: consumer)
            loop.goOn(with: consumer)
        }
        board.enter(.stopping)
        keeper.finish()
        try learner.commitNow(ending: true)
        loop.tellMonitorsAtEnd()
        try end(learner, publisher, consumer)
        isPublishing = false
        let report = try Report(
            learner, eventsRead: loop.progress.eventsRead, published: learner.published,
            wallSeconds: loop.progress.wallSeconds, platform: try wiring.platform())
        try store.close()
        return report
    }

    private func makeConsumer(_ kafka: KafkaConfiguration) throws -> KafkaConsumer {
        try KafkaConsumer(kafka, onNotice: { [log] notice in log.emit(.kafka(notice.text)) })
    }

    /// What was paused before the process began stays so.
    private func takeUpPauses(
        _ pauses: Pauses, _ store: SnapshotStore, _ publisher: Publisher
    ) throws {
        let found = try store.withHead { try PauseRecord.read($0) }
        pauses.set(found)
        publisher.pause(found.publishing != nil)
        for part in PausedPart.allCases {
            guard let pause = found[part] else { continue }
            log.emit(.paused(part: part.rawValue, who: pause.who, reason: pause.reason))
        }
    }

    /// Begins to read from the store's offsets.
    ///
    /// - Returns: the number of partitions of each topic.
    @discardableResult
    private func assign(_ consumer: KafkaConsumer, _ learner: Learner) throws -> [String: Int] {
        let offsets = try learner.store.offsets(cluster: learner.cluster)
        let marks = try learner.store.withHead {
            try LastRecords.read(cluster: learner.cluster, from: $0)
        }
        let assignment = try consumer.assign(from: offsets, marks: marks) { isStopped() }
        for gap in assignment.acceptedGaps { accept(gap, learner) }
        try requireBeginnings(consumer, learner, known: offsets)
        let status = consumer.status()
        log.emit(
            .consuming(
                topics: configuration.kafka.topics.map(\.name).joined(separator: ", "),
                partitions: status?.partitions.count ?? 0, behind: status?.lastKnownLag ?? 0))
        return assignment.partitionCounts
    }

    /// After a rewind to the beginning the store has no offsets, and what the brokers still have is
    /// read from its beginning: it must be the one that was learned then.
    private func requireBeginnings(
        _ consumer: KafkaConsumer, _ learner: Learner, known: [TopicPartition: Int64]
    ) throws {
        let rewound = Set(learner.ledger.publishedTo.keys.filter { known[$0] == nil })
        guard !rewound.isEmpty else { return }
        let begun = try learner.store.firstLearned(of: rewound, cluster: learner.cluster)
        for partition in consumer.status()?.partitions ?? [] {
            guard let first = begun[partition.position], partition.nextOffset > first else {
                continue
            }
            let gap = OffsetGap(
                position: partition.position, kind: .retention, stored: first,
                available: partition.nextOffset..<max(partition.nextOffset, partition.endOffset))
            guard configuration.kafka.onGap == .accept else { throw KafkaError.offsetGap(gap) }
            accept(gap, learner)
        }
    }

    /// Commits what is left, publishes it, and notes that it has arrived.
    private func end(
        _ learner: Learner, _ publisher: Publisher, _ consumer: KafkaConsumer
    ) throws {
        try learner.commitNow(ending: true)
        // Both wait for brokers, if these are gone: at the same time.
        consumer.beginClose()
        publisher.wake()
        let delivered = try publisher.finish(
            timeoutMs: Self.drainMs, hurriedMs: Self.drainAfterSignalMs, isHurried: isStopped)
        if let delivered {
            try learner.commitNow(delivered: delivered)
        }
        let waiting = try learner.store.outboxCount()
        guard waiting > 0 else { return }
        let standing = publisher.standing
        ending.unpublished = PublishingError.unpublished(
            count: waiting,
            reason: standing.failure.map { "\($0)" }
                ?? (publisher.isPaused
                    ? "publishing is paused"
                    : "the brokers have not taken them in the time that an end has"),
            oldestMs: standing.oldestMs)
    }

    /// A store knows the clusters it has learned from; another one is most often a mistake.
    private func acceptCluster(_ cluster: String, _ store: SnapshotStore) throws {
        var known = try store.clusters()
        if known.isEmpty, let last = try store.lastCluster() { known = [last] }
        guard !known.isEmpty, !known.contains(cluster) else { return }
        guard configuration.kafka.onGap == .accept else {
            throw ClusterError.another(found: cluster, known: known)
        }
        log.emit(.newCluster(old: known, new: cluster))
    }

    private func accept(_ gap: OffsetGap, _ learner: Learner) {
        let lost =
            min(gap.stored, gap.available.lowerBound)..<max(gap.stored, gap.available.lowerBound)
        log.emit(
            .gapAccepted(
                partition: "\(gap.position)", from: lost.lowerBound, to: lost.upperBound))
        learner.accept(
            gap: lost, of: gap.position, isOtherTopic: gap.kind != .retention)
    }
}

/// Why a run ends that was to go on to the end of its stream.
public struct LearningPaused: Error, CustomStringConvertible, ClassifiedFailure {
    private let pause: Pause

    init(_ pause: Pause) { self.pause = pause }

    /// A person keeps the service away: unavailable.
    public var failureKind: FailureKind { .unavailable }

    /// Who paused it and why, and what goes on.
    public var description: String {
        "learning is paused since \(Timestamp.text(ms: pause.sinceMs)) by \(pause.who) (\(pause.reason)), so the stream's end is not reached; 'tidemark resume learning' has it go on"
    }
}

/// Why the daemon does not learn from these brokers.
public enum ClusterError: Error, CustomStringConvertible, ClassifiedFailure {
    case another(found: String, known: [String])

    /// The store and the brokers do not belong together: bad data.
    public var failureKind: FailureKind { .badData }

    /// Which clusters they are, and the ways out.
    public var description: String {
        switch self {
        case .another(let found, let known):
            "the brokers belong to cluster \(found), but the store has learned from "
                + known.joined(separator: ", ")
                + "; use another store, or set kafka.on_gap: accept to learn from this one too"
        }
    }
}
