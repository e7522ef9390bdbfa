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
        /// Whether learning waits for a training that is not done when it is to be judged, as runs
        /// that are to be alike must; otherwise it is judged before the first batch after its end.
        var waitsForTraining: Bool
        var sync: Bool
        var retention: Retention
    }

    private(set) var engine: Engine
    let store: SnapshotStore
    let cluster: String
    private(set) var ledger: Ledger
    private let makeEngine: EngineMaker
    private let embedding: any TextEmbedding
    private let training: any RefreshTraining
    private let cadence: Cadence
    private let description: RunDescription
    private let log: EventLogger

    private var letterLines = DeadLetterLines()
    private let begun = ContinuousClock.now
    private var commit = Commit()
    /// The last record of each partition since the last commit.
    private var lastRecords: [TopicPartition: RecordMark] = [:]
    /// Records that this run was told not to learn.
    private let skips: OffsetRanges
    private var losses: LossWatch
    private var offers = PublishedOffers()
    /// Recommendations of this run that said something new, and those that did not.
    private(set) var published = 0
    private(set) var unchanged = 0
    private(set) var expired = 0
    private var eventsSinceCommit = 0
    private var eventsSinceSnapshot = 0
    private var lastCommit = ContinuousClock.now
    private var lastSnapshot = ContinuousClock.now
    private var promoted = false
    /// What the gates of this run came to, the newest.
    private(set) var judgements: [GateJudgement] = []
    private static let judgementsMax = 1_000
    /// Whether it was said in this run that weights are clipped.
    private var toldOfClipping = false
    /// Why the weights must go back to the champion.
    private var rollbackReason: String?
    private(set) var stateDigest: Digest256

    /// What every snapshot says of the run that took it.
    struct RunDescription {
        var configuration: String
        var platform: String
        var topic: String
        var deadLetterTopic: String
        /// Larger dead letters are told by hash, length and beginning.
        var deadLetterBytesMax: Int
        /// Whether recommendations and dead letters go to the outbox.
        var publishes: Bool
    }

    /// - Parameters:
    ///   - skips: records that are not learned, beside those the store knows.
    ///   - makeEngine: the engine on a state of this store.
    init(
        store: SnapshotStore, embedding: any TextEmbedding, training: any RefreshTraining,
        cluster: String, skips: OffsetRanges, cadence: Cadence, description: RunDescription,
        log: EventLogger, makeEngine: EngineMaker
    ) throws {
        self.store = store
        self.embedding = embedding
        self.training = training
        self.cluster = cluster
        self.cadence = cadence
        self.description = description
        self.log = log
        self.makeEngine = makeEngine
        self.skips = skips
        (engine, ledger) = try Self.restored(store, cluster: cluster, makeEngine)
        losses = LossWatch(engine.joinCounts)
        ledger.skips.formUnion(skips)
        stateDigest = .zero
        try begin()
        // An earlier process may have ended before it went back.
        rollbackReason = engine.owedRollback
        try goBackIfRejected()
    }

    /// What a store's state is taken up as.
    ///
    /// - Throws: where no such engine can go on from it.
    static func restored(
        _ store: SnapshotStore, cluster: String, _ makeEngine: EngineMaker
    ) throws -> (engine: Engine, ledger: Ledger) {
        try store.withHead { state in
            (try makeEngine(on: state), try Ledger(cluster: cluster, reading: state))
        }
    }

    /// Takes the store's state up; a new store also gets its first snapshot.
    private func begin() throws {
        commit = Commit()
        commit.journal.append(
            JournalRecord.started(
                JournalRecord.Start(
                    configuration: description.configuration, platform: description.platform,
                    version: TidemarkVersion.current, cluster: cluster, skips: ledger.skips)
            ).encoded)
        if !ledger.skips.isEmpty { commit.changes = ledger.changes(cluster: cluster) }
        try embedding.use(engine.adapters)
        engine.resumeRefresh(training: training)
        let status = try store.status()
        stateDigest = status.stateDigest
        engine.lineage = Int(status.lineage)
        if status.sequence == 0 {
            // Whole, so that the journal can always be replayed from its beginning.
            try makeCommit(snapshot: SnapshotWish(isWhole: true))
        } else {
            let head = try store.resolve("head")
            engine.snapshot = head.id
            try makeCommit(snapshot: nil)
            log.emit(.resumed(snapshot: head.id, examples: engine.counters.examples))
        }
    }

    /// Learns a batch, without the records that are to be skipped.
    ///
    /// - Parameters:
    ///   - next: for each partition with records in the batch, the offset to go on from.
    ///   - leftOut: further records to be skipped.
    ///   - clockMs: when the batch was read, where there is a clock.
    /// - Returns: what the batch came to, without what was published before a rewind.
    func learn(
        _ batch: [EngineInput], next: [TopicPartition: Int64],
        leavingOut leftOut: OffsetRanges = OffsetRanges(), clockMs: Int64? = nil
    ) throws -> StepOutput {
        sayLetters(isEnd: false)
        letterLines.read(batch.count)
        let skips = ledger.skips.union(leftOut)
        let learned =
            skips.isEmpty
            ? batch : batch.filter { !skips.contains($0.record.offset, of: $0.record.position) }
        let putsOff = putsOffJudging
        if putsOff { journal(.judgingPutOff) }
        var output = try store.withHead { state in
            try engine.step(
                learned, reading: state, embedding: embedding, training: training,
                judging: !putsOff, clockMs: clockMs)
        }
        var ranges: [TopicPartition: Range<Int64>] = [:]
        for input in batch {
            let position = input.record.position
            let first = min(ranges[position]?.lowerBound ?? .max, input.record.offset)
            ranges[position] = first..<max(first, next[position] ?? input.record.offset + 1)
        }
        commit.noteEventTime(of: learned, engine)
        journal(
            .batch(
                BatchInput(
                    number: engine.counters.batches, cluster: cluster, clockMs: clockMs,
                    learned: learned.map(\.record), ranges: ranges, skips: skips)))
        if learned.count < batch.count {
            commit.counters["records_skipped", default: 0] += Int64(batch.count - learned.count)
        }
        commit.cluster = cluster
        commit.offsets.merge(next) { $1 }
        output.drop(publishedBefore: ledger)
        if let clockMs { dropExpired(from: &output, batch, clockMs) }
        watchLosses(output)
        if let place = output.clippedWeight, !toldOfClipping {
            toldOfClipping = true
            log.emit(
                .weightsClipped(
                    position: "\(place)", most: plain(engine.configuration.weightMax)))
        }
        try note(output)
        for case .success(let event) in batch.map(\.event) where event.type == .erase {
            if let userID = event.userID { offers.forget(userID) }
        }
        for owner in output.unseenShoppers { offers.forget(unseen: owner) }
        eventsSinceCommit += batch.count
        eventsSinceSnapshot += batch.count
        return output
    }

    /// After a commit: goes back to the champion where the heads were rejected often enough. The
    /// stream goes on where it is; the journal has the rollback as it has one that a person asked for.
    func goBackIfRejected() throws {
        guard let reason = rollbackReason else { return }
        _ = try goBack(
            to: "champion", rewind: false, skips: OffsetRanges(), reason: reason, who: "tidemark")
    }

    /// Takes a record to the dead letters that must not be learned.
    ///
    /// - Parameter forGood: also not after a rewind.
    func refuse(_ record: SourceRecord, reason: String, forGood: Bool) throws {
        if forGood {
            ledger.skips.insert(record.offset..<record.offset + 1, of: record.position)
            for row in ledger.changes(cluster: cluster).rows {
                if let value = row.value { commit.changes.put(row.table, row.key, value) }
            }
        }
        commit.counters["records_refused", default: 0] += 1
        note(UnusableRecord(record: record, reason: reason))
    }

    private func watchLosses(_ output: StepOutput) {
        for event in losses.note(output.arrivals, engine, store: store.path) { log.emit(event) }
    }

    /// How many of the newest events came too late.
    var lateShare: LateShare { losses.lateShare }

    /// How many of the newest records could not be used.
    var unusableShare: UnusableShare { letterLines.share }

    private func journal(_ record: JournalRecord) { commit.journal.append(record.encoded) }

    /// Records lost for good, whose loss the configuration accepts.
    ///
    /// - Parameter isOtherTopic: what is read from now on is another topic of that name: what the
    ///   ledger knows of its offsets was said of records that are no more.
    func accept(
        gap range: Range<Int64>, of position: TopicPartition, isOtherTopic: Bool = false
    ) {
        journal(.gap(position, range))
        guard isOtherTopic else { return }
        for row in ledger.forget(position, cluster: cluster).rows {
            commit.changes.remove(row.table, row.key)
        }
        for range in skips.ranges[position, default: []] {
            ledger.skips.insert(range, of: position)
        }
        lastRecords[position] = nil
    }

    /// Notes which record of each partition was the last one learned.
    func remember(_ marks: [TopicPartition: RecordMark]) {
        lastRecords.merge(marks) { $1 }
    }

    /// At the start of reading: windows wait for these partitions, and for no others.
    func wait(for positions: [TopicPartition]) throws {
        journal(.awaiting(positions))
        let output = try store.withHead { state in
            try engine.wait(for: positions, reading: state, embedding: embedding)
        }
        try note(output)
        eventsSinceCommit += 1
    }

    /// Takes the verdict that a partition brings nothing for now.
    func setIdle(_ position: TopicPartition) throws {
        journal(.idle(position))
        let output = try store.withHead { state in
            try engine.setIdle(position, reading: state, embedding: embedding)
        }
        try note(output)
        eventsSinceCommit += 1
    }

    /// Takes the events that still wait for older ones, at the end of a log that has no more.
    func drain() throws -> StepOutput {
        journal(.drained)
        let output = try store.withHead { state in
            try engine.drain(reading: state, embedding: embedding)
        }
        try note(output)
        eventsSinceCommit += 1
        return output
    }

    private func dropExpired(
        from output: inout StepOutput, _ batch: [EngineInput], _ clockMs: Int64
    ) {
        let count = output.drop(expiredBy: clockMs, of: batch)
        guard count > 0 else { return }
        expired += count
        commit.counters["recommendations_expired", default: 0] += Int64(count)
    }

    private func note(_ output: StepOutput) throws {
        for notice in output.notices {
            journal(.refresh(try notice.journaled()))
            log.emit(notice.event)
            if let judgement = GateJudgement(notice, example: engine.counters.examples) {
                judgements.append(judgement)
                if judgements.count > Self.judgementsMax { judgements.removeFirst() }
            }
            switch notice {
            case .refreshJudged(let verdict) where verdict.outcome == .promote: promoted = true
            case .headsJudged(let verdict):
                if verdict.outcome == .promote { promoted = true }
                if verdict.rollsBack { rollbackReason = engine.owedRollback }
            default: break
            }
        }
        for unusable in output.unusable { note(unusable) }
        guard description.publishes else {
            published += output.recommendations.count
            return
        }
        if !output.recommendations.isEmpty {
            try store.withHead { state in
                for recommendation in output.recommendations {
                    let isNew = try offers.offer(recommendation, reading: state)
                    published += isNew ? 1 : 0
                    unchanged += isNew ? 0 : 1
                }
            }
        }
    }

    /// Says what is to be said of dead letters that got no line of their own.
    ///
    /// - Parameter isEnd: whether nothing comes after.
    private func sayLetters(isEnd: Bool) {
        let nowMs = Int64(begun.duration(to: .now).inSeconds * 1000)
        guard let summary = isEnd ? letterLines.rest : letterLines.next(nowMs: nowMs) else {
            return
        }
        if summary.untold > 0 {
            log.emit(.moreDeadLetters(count: summary.untold, reason: summary.reason))
        }
        if summary.isAlarming {
            log.emit(.mostUnusable(letters: summary.letters, records: summary.records))
        }
    }

    private func note(_ unusable: UnusableRecord) {
        let record = unusable.record
        if letterLines.tell(unusable.reason) {
            log.emit(
                .deadLetter(
                    position: "\(record.position):\(record.offset)", reason: unusable.reason))
        }
        guard description.publishes else { return }
        commit.outbox.append(
            OutboxMessage(
                unusable, topic: description.deadLetterTopic,
                bytesMax: description.deadLetterBytesMax))
    }

    /// Whether the next batch waits for a refresh's beginning or judging, which may take its time.
    var isRefreshDue: Bool { engine.isRefreshDue && !putsOffJudging }

    private var putsOffJudging: Bool {
        !cadence.waitsForTraining && engine.isJudgingDue && !training.isDone
    }

    /// Whether enough events or time have passed for a commit.
    var isCommitDue: Bool {
        guard eventsSinceCommit > 0 else { return false }
        // A refresh's beginning or end takes its time: what was decided goes out before it.
        if eventsSinceCommit >= cadence.commitEvents || promoted || rollbackReason != nil
            || isRefreshDue
        {
            return true
        }
        return cadence.commitMs.map { lastCommit.duration(to: .now) >= .milliseconds($0) } ?? false
    }

    /// What a snapshot is to be, beside what every one is.
    struct SnapshotWish {
        var isWhole = false
    }

    /// Commits what was learned since the last time; takes a snapshot when one is due.
    ///
    /// - Parameters:
    ///   - delivered: outbox messages up to this number have arrived and can go.
    ///   - wish: a snapshot that is wanted now.
    @discardableResult
    func commitNow(
        delivered: UInt64? = nil, ending: Bool = false, snapshot wish: SnapshotWish? = nil
    ) throws -> CommitInfo? {
        if ending { sayLetters(isEnd: true) }
        commit.outboxDeliveredThrough = delivered
        let isSnapshotDue =
            eventsSinceSnapshot > 0
            && (ending || promoted || eventsSinceSnapshot >= cadence.snapshotEvents
                || cadence.snapshotMs.map { lastSnapshot.duration(to: .now) >= .milliseconds($0) }
                    ?? false)
        let wish = wish ?? (isSnapshotDue ? SnapshotWish() : nil)
        guard eventsSinceCommit > 0 || wish != nil || delivered != nil else { return nil }
        return try makeCommit(snapshot: wish)
    }

    @discardableResult
    private func makeCommit(snapshot: SnapshotWish?) throws -> CommitInfo {
        engine.collectChanges(into: &commit.changes)
        for recommendation in offers.collect(into: &commit.changes) {
            commit.outbox.append(
                OutboxMessage(
                    topic: description.topic, key: Array(recommendation.userID.utf8),
                    value: try recommendation.json(),
                    owner: RowOwner(user: recommendation.userID)))
        }
        LastRecords.put(lastRecords, cluster: cluster, into: &commit.changes)
        lastRecords = [:]
        // Kept as it is until it is made: a commit that finds no room can be made again.
        var whole = commit
        whole.journal.insert(JournalRecord.found(stateDigest).encoded, at: 0)
        if let snapshot {
            whole.snapshot = SnapshotRequest(
                wallTimeMs: wallTimeMs(), configuration: description.configuration,
                platform: description.platform, metrics: try scoresText(),
                isChampion: promoted || engine.snapshot.isEmpty, isWhole: snapshot.isWhole)
        }
        let info = try store.commit(whole, sync: cadence.sync)
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
    /// Goes back to a snapshot, all of it verified first: its weights at today's offsets, or with
    /// `rewind` the whole learned state, whose stream is then learned again without `skips`.
    ///
    /// What was learned since the last commit is committed before. After a rewind the caller reads
    /// from the store's offsets again.
    func goBack(
        to reference: String, rewind: Bool, skips: OffsetRanges, reason: String, who: String
    ) throws -> RollbackInfo {
        try commitNow()
        // A snapshot that this configuration cannot go on from is refused before anything changes.
        try store.withSnapshot(reference) { _, state in try makeEngine.requireFit(state) }
        let info: RollbackInfo
        if rewind {
            info = try store.rewind(to: reference, skips: skips, reason: reason, who: who)
        } else {
            info = try store.rollback(
                to: reference, reason: reason, who: who, wallTimeMs: wallTimeMs())
        }
        (engine, ledger) = try store.withHead { state in
            (
                try makeEngine(on: state, keepingKeyed: rewind ? nil : engine),
                try Ledger(cluster: cluster, reading: state)
            )
        }
        log.emit(.wentBack(snapshot: info.plan.target.id, rewind: rewind, reason: reason))
        losses = LossWatch(engine.joinCounts)
        promoted = false
        rollbackReason = nil
        eventsSinceCommit = 0
        eventsSinceSnapshot = 0
        try begin()
        return info
    }
}

extension Commit {
    /// The stream's time: the newest that events have agreed on, not that of one event far ahead.
    mutating func noteEventTime(of batch: [EngineInput], _ engine: Engine) {
        for case .success(let event) in batch.map(\.event) {
            let tsMs = min(event.tsMs, engine.newestMs ?? event.tsMs)
            eventTimeMs = max(eventTimeMs ?? .min, tsMs)
        }
    }
}

extension StepOutput {
    /// Takes out what was published when the same records were learned before a rewind.
    mutating func drop(publishedBefore ledger: Ledger) {
        guard !ledger.publishedTo.isEmpty else { return }
        let kept = recommendations.indices.filter { !ledger.isPublished(askedFor[$0]) }
        recommendations = kept.map { recommendations[$0] }
        askedFor = kept.map { askedFor[$0] }
        unusable.removeAll {
            ledger.isPublished(RecordPlace($0.record.position, $0.record.offset))
        }
    }
}

extension Learner {
    /// The scores over everything, as a snapshot keeps them: JSON by head.
    private func scoresText() throws -> String {
        try JSONText.text(engine.scores.progressive, [.sortedKeys])
    }
}

extension OutboxMessage {
    /// The original bytes, with the reason and the source in headers.
    init(_ unusable: UnusableRecord, topic: String, bytesMax: Int) {
        let message = DeadLetter(record: unusable.record, reason: unusable.reason)
            .message(topic: topic, messageBytesMax: bytesMax)
        self.init(
            topic: message.topic, key: message.key, value: message.value,
            headers: message.headers.map { Header(name: $0.0, value: $0.1) })
    }
}
