import Engine
import Events
import Foundation
import KafkaStream
import Records
import SnapshotStore
import Telemetry

/// Takes batches through the engine and commits what they changed: the store's only writer.
///
/// Everything that a batch changes becomes durable in one transaction with the batch's offsets,
/// and only then can anything of it be seen outside.
/// Thread: one, the learning thread.
final class Learner {
    struct Cadence {
        var commitEvents: Int
        var snapshotEvents: Int
        /// `nil` where there is no clock, as in a replay.
        var commitMs: Int?
        var snapshotMs: Int?
        var sync: Bool
        var retention: Retention
    }

    private(set) var engine: Engine
    let store: SnapshotStore
    private let embedding: any TextEmbedding
    private let training: any RefreshTraining
    private let cluster: String
    private let cadence: Cadence
    private let description: RunDescription
    private let log: EventLogger

    private var commit = Commit()
    private var eventsSinceCommit = 0
    private var eventsSinceSnapshot = 0
    private var lastCommit = ContinuousClock.now
    private var lastSnapshot = ContinuousClock.now
    private var promoted = false
    private(set) var stateDigest: Digest256

    /// What every snapshot says of the run that took it.
    struct RunDescription {
        var configuration: String
        var platform: String
        var topic: String
        var deadLetterTopic: String
        /// Whether recommendations and dead letters go to the outbox.
        var publishes: Bool
    }

    init(
        engine: Engine, store: SnapshotStore, embedding: any TextEmbedding,
        training: any RefreshTraining, cluster: String, cadence: Cadence,
        description: RunDescription, log: EventLogger
    ) throws {
        self.engine = engine
        self.store = store
        self.embedding = embedding
        self.training = training
        self.cluster = cluster
        self.cadence = cadence
        self.description = description
        self.log = log
        stateDigest = try store.status().stateDigest
        try embedding.use(engine.adapters)
        self.engine.resumeRefresh(training: training)
        try begin()
    }

    /// Journals the configuration; a new store also gets its first snapshot.
    private func begin() throws {
        commit.journal.append(
            try JournalRecord.configuration(description.configuration).encoded())
        let status = try store.status()
        engine.lineage = Int(status.lineage)
        if status.sequence == 0 {
            try makeCommit(snapshot: true)
        } else {
            let head = try store.resolve("head")
            engine.snapshot = head.id
            try makeCommit(snapshot: false)
            log.emit(.resumed(snapshot: head.id, examples: engine.counters.examples))
        }
    }

    /// Learns a batch.
    ///
    /// - Parameter next: for each partition with records in the batch, the offset to go on from.
    func learn(
        _ batch: [EngineInput], next: [TopicPartition: Int64]
    ) throws -> StepOutput {
        let output = try store.withHead { state in
            try engine.step(batch, reading: state, embedding: embedding, training: training)
        }
        var ranges: [TopicPartition: Range<Int64>] = [:]
        for input in batch {
            let position = input.record.position
            let first = min(ranges[position]?.lowerBound ?? .max, input.record.offset)
            ranges[position] = first..<max(first, next[position] ?? input.record.offset + 1)
            if case .success(let event) = input.event {
                commit.eventTimeMs = max(commit.eventTimeMs ?? .min, event.tsMs)
            }
        }
        commit.journal.append(
            try JournalRecord.batch(
                number: engine.counters.batches, ranges: ranges, records: batch.count
            ).encoded())
        commit.cluster = cluster
        commit.offsets.merge(next) { $1 }
        try note(output)
        eventsSinceCommit += batch.count
        eventsSinceSnapshot += batch.count
        return output
    }

    /// Records lost for good, whose loss the configuration accepts.
    func accept(gap range: Range<Int64>, of position: TopicPartition) throws {
        commit.journal.append(try JournalRecord.gap(position, range).encoded())
    }

    /// Takes the verdict that a partition brings nothing for now.
    func setIdle(_ position: TopicPartition) throws {
        commit.journal.append(try JournalRecord.idle(position).encoded())
        try note(try engine.setIdle(position, embedding: embedding))
        eventsSinceCommit += 1
    }

    /// Takes the events that still wait for older ones, at the end of a log that has no more.
    func drain() throws -> StepOutput {
        commit.journal.append(try JournalRecord.drained.encoded())
        let output = try engine.drain(embedding: embedding)
        try note(output)
        eventsSinceCommit += 1
        return output
    }

    private func note(_ output: StepOutput) throws {
        for notice in output.notices {
            commit.journal.append(try JournalRecord.refresh(notice.journaled()).encoded())
            log.emit(notice.event)
            if case .refreshJudged(let verdict) = notice, verdict.outcome == .promote {
                promoted = true
            }
        }
        for unusable in output.unusable {
            let record = unusable.record
            log.emit(
                .deadLetter(
                    position: "\(record.position):\(record.offset)", reason: unusable.reason))
        }
        guard description.publishes else { return }
        for recommendation in output.recommendations {
            commit.outbox.append(
                OutboxMessage(
                    topic: description.topic, key: Array(recommendation.userID.utf8),
                    value: try recommendation.json()))
        }
        for unusable in output.unusable {
            commit.outbox.append(OutboxMessage(unusable, topic: description.deadLetterTopic))
        }
    }

    /// Whether enough events or time have passed for a commit.
    var isCommitDue: Bool {
        guard eventsSinceCommit > 0 else { return false }
        // A refresh's beginning or end takes its time: what was decided goes out before it.
        if eventsSinceCommit >= cadence.commitEvents || promoted || engine.isRefreshDue {
            return true
        }
        return cadence.commitMs.map { lastCommit.duration(to: .now) >= .milliseconds($0) } ?? false
    }

    /// Commits what was learned since the last time; takes a snapshot when one is due.
    ///
    /// - Parameter delivered: outbox messages up to this number have arrived and can go.
    @discardableResult
    func commitNow(delivered: UInt64? = nil, ending: Bool = false) throws -> CommitInfo? {
        commit.outboxDeliveredThrough = delivered
        let isSnapshotDue =
            eventsSinceSnapshot > 0
            && (ending || promoted || eventsSinceSnapshot >= cadence.snapshotEvents
                || cadence.snapshotMs.map { lastSnapshot.duration(to: .now) >= .milliseconds($0) }
                    ?? false)
        guard eventsSinceCommit > 0 || isSnapshotDue || delivered != nil else { return nil }
        return try makeCommit(snapshot: isSnapshotDue)
    }

    @discardableResult
    private func makeCommit(snapshot: Bool) throws -> CommitInfo {
        engine.collectChanges(into: &commit.changes)
        if snapshot {
            commit.snapshot = SnapshotRequest(
                wallTimeMs: wallTimeMs(), configuration: description.configuration,
                platform: description.platform, metrics: try scoresText(),
                isChampion: promoted || engine.snapshot.isEmpty)
        }
        let info = try store.commit(commit, sync: cadence.sync)
        commit = Commit()
        stateDigest = info.stateDigest
        eventsSinceCommit = 0
        lastCommit = .now
        if let record = info.snapshot {
            engine.snapshot = record.id
            eventsSinceSnapshot = 0
            lastSnapshot = .now
            promoted = false
            log.emit(.snapshot(id: record.id, events: engine.counters.read))
            _ = try store.prune(cadence.retention)
        }
        return info
    }
}

extension Learner {
    /// The scores over everything, as a snapshot keeps them: JSON by head.
    private func scoresText() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(engine.scores.progressive), as: UTF8.self)
    }
}

func wallTimeMs() -> Int64 {
    Int64(Date().timeIntervalSince1970 * 1000)
}

extension OutboxMessage {
    /// What brokers take unless told otherwise is 1 MB; a larger original is told by its hash,
    /// length and beginning.
    private static let deadLetterBytesMax = 1_000_000

    /// The original bytes, with the reason and the source in headers.
    init(_ unusable: UnusableRecord, topic: String) {
        let message = DeadLetter(record: unusable.record, reason: unusable.reason)
            .message(topic: topic, messageBytesMax: Self.deadLetterBytesMax)
        self.init(
            topic: message.topic, key: message.key, value: message.value,
            headers: message.headers.map { Header(name: $0.0, value: $0.1) })
    }
}
