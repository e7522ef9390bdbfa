import ContinualLearning
import Engine
import Events
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
    let place: Place
    let makeEngine: EngineMaker
    let description: RunDescription
    // What follows belongs to this class and its extensions: to others it is there to be read.
    var running: RunningEngine
    var ledger: Ledger
    var pace: CommitPace
    /// What the coming commit makes durable.
    var commit = Commit()
    /// The last record of each partition since the last commit.
    var lastRecords: [TopicPartition: RecordMark] = [:]
    var voice: LearnerVoice
    var outgoing: OutgoingOffers
    var gates: GateStanding
    var stateDigest: Digest256

    /// Where it learns.
    struct Place {
        let store: SnapshotStore
        let cluster: String
        /// Records that this run was told not to learn.
        let skips: OffsetRanges
    }

    /// What it learns with.
    struct Parts {
        let makeEngine: EngineMaker
        let embedding: any TextEmbedding
        let training: any RefreshTraining
    }

    /// What every snapshot says of the run that took it.
    struct RunDescription {
        var configuration: String
        var platform: String
        /// How recommendations are written.
        var form: OfferForm
        /// The schema registry's name.
        var registry: String
        var deadLetterTopic: String
        /// Larger dead letters are told by hash, length and beginning.
        var deadLetterBytesMax: Int
        /// Whether recommendations and dead letters go to the outbox.
        var publishes: Bool
    }

    init(
        _ place: Place, _ parts: Parts, cadence: CommitPace.Cadence, description: RunDescription,
        log: EventLogger
    ) throws {
        self.place = place
        self.description = description
        outgoing = try OutgoingOffers(description, place.store)
        makeEngine = parts.makeEngine
        let restored = try Self.restored(place.store, cluster: place.cluster, makeEngine)
        running = RunningEngine(
            engine: restored.engine, embedding: parts.embedding, training: parts.training)
        ledger = restored.ledger
        ledger.skips.formUnion(place.skips)
        pace = CommitPace(cadence)
        voice = LearnerVoice(log, restored.engine.joinCounts)
        gates = GateStanding(owedRollback: nil)
        stateDigest = .zero
        try begin()
        // An earlier process may have ended before it went back.
        gates = GateStanding(owedRollback: engine.owedRollback)
        try goBackIfRejected()
    }

    var store: SnapshotStore { place.store }
    var cluster: String { place.cluster }
    var log: EventLogger { voice.log }

    /// The state as the last step left it.
    var engine: Engine { running.engine }

    /// How the budgets stand.
    func budgets() throws -> [BudgetReport] {
        guard !engine.configuration.pricing.budgets.isEmpty else { return [] }
        return try store.withHead { try engine.budgets(reading: $0) }
    }

    /// What the gates of this run came to, the newest.
    var judgements: [GateResult] { gates.judgements }

    /// Recommendations of this run that said something new, and those that did not.
    var published: Int { outgoing.offers.published }
    var unchanged: Int { outgoing.offers.unchanged }

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
    func begin() throws {
        commit = Commit()
        commit.journal.append(
            JournalRecord.started(
                JournalRecord.Start(
                    configuration: description.configuration, platform: description.platform,
                    version: TidemarkVersion.current, cluster: cluster, skips: ledger.skips)
            ).encoded)
        if !ledger.skips.isEmpty { commit.changes = ledger.changes(cluster: cluster) }
        try running.takeUp()
        let status = try store.status()
        stateDigest = status.stateDigest
        running.engine.origin.lineage = Int(status.lineage)
        if status.sequence == 0 {
            // Whole, so that the journal can always be replayed from its beginning.
            try makeCommit(snapshot: SnapshotOptions(isWhole: true))
        } else {
            let head = try store.resolve("head")
            running.engine.origin.snapshot = head.id
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
        let records = batch.records
        voice.begin(records.count)
        let skips = ledger.skips.union(leftOut)
        let learned =
            skips.isEmpty
            ? batch : batch.filter { !skips.contains($0.record.offset, of: $0.record.position) }
        let putsOff = putsOffJudging
        if putsOff { journal(.judgingPutOff) }
        var (output, rules) = try store.withHead { state in
            let rules = RecordedRules(state, publishedTo: ledger.publishedTo)
            let output = try running.step(
                learned, reading: rules, judging: !putsOff, clockMs: clockMs)
            return (output, rules)
        }
        if !rules.rows.isEmpty { journal(.rules(rules.rows)) }
        if !rules.objections.isEmpty { journal(.objections(rules.objections)) }
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
                    learned: learned.records, ranges: ranges, skips: skips)))
        if learned.count < batch.count {
            let skipped = records.count - learned.records.count
            commit.counters["records_skipped", default: 0] += Int64(skipped)
        }
        commit.cluster = cluster
        commit.offsets.merge(next) { $1 }
        output.drop(publishedBefore: ledger)
        if let clockMs { dropExpired(from: &output, batch, clockMs) }
        voice.tell(output, engine, store: store.path)
        try honour(&output)
        try note(output)
        for case .success(let event) in batch.map(\.event) where event.type == .erase {
            if let userID = event.userID { try forget(userID) }
        }
        for userID in output.erasedUsers { try forget(userID) }
        try endOffers()
        for owner in output.unseenShoppers { outgoing.offers.forget(unseen: owner) }
        pace.learned(batch.count)
        return output
    }

    /// After a commit: goes back to the champion where the heads were rejected often enough. The
    /// stream goes on where it is; the journal has the rollback as it has one that a person asked for.
    func goBackIfRejected() throws {
        guard let reason = gates.rollbackReason else { return }
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

    /// How many of the newest events came too late.
    var lateShare: LateShare { voice.lateShare }

    /// How many of the newest records could not be used.
    var unusableShare: UnusableShare { voice.unusableShare }

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
        for range in place.skips.ranges[position, default: []] {
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
            try running.wait(for: positions, reading: state)
        }
        try note(output)
        pace.tookVerdict()
    }

    /// Takes the verdict that a partition brings nothing for now.
    func setIdle(_ position: TopicPartition) throws {
        journal(.idle(position))
        let output = try store.withHead { state in
            try running.setIdle(position, reading: state)
        }
        try note(output)
        pace.tookVerdict()
    }

    /// Takes the events that still wait for older ones, at the end of a log that has no more.
    func drain() throws -> StepOutput {
        journal(.drained)
        let output = try store.withHead { state in
            try running.drain(reading: state)
        }
        try note(output)
        pace.tookVerdict()
        return output
    }

    /// What shoppers were told is forgotten with them.
    func forget(_ userID: String) throws {
        _ = try outgoing.withdraw(from: userID, store)
    }

    /// Offers end by event time.
    private func endOffers() throws {
        guard outgoing.states.isUsed, let nowMs = engine.newestMs else { return }
        try store.withHead { try outgoing.states.end(through: nowMs, reading: $0) }
    }

    private func dropExpired(
        from output: inout StepOutput, _ batch: [EngineInput], _ clockMs: Int64
    ) {
        let count = output.drop(expiredBy: clockMs, of: batch)
        guard count > 0 else { return }
        outgoing.offers.count(expired: count)
        commit.counters["recommendations_expired", default: 0] += Int64(count)
    }

    private func note(_ output: StepOutput) throws {
        for notice in output.notices {
            let example = engine.counters.examples
            journal(.notice(JournaledNotice(notice, example: example)))
            log.emit(notice.event(example: example))
            gates.note(notice, engine)
        }
        for unusable in output.unusable { note(unusable) }
        try outgoing.take(output.recommendations, publishes: description.publishes, store)
    }

    private func note(_ unusable: UnusableRecord) {
        voice.tell(unusable)
        guard description.publishes else { return }
        commit.outbox.append(
            OutboxMessage(
                unusable, topic: description.deadLetterTopic,
                bytesMax: description.deadLetterBytesMax))
    }

    /// Whether the next batch waits for a refresh's beginning or judging, which may take its time.
    var isRefreshDue: Bool { engine.isRefreshDue && !putsOffJudging }

    private var putsOffJudging: Bool {
        !pace.cadence.waitsForTraining && engine.isJudgingDue && !running.training.isDone
    }

    /// Whether enough events or time have passed for a commit.
    var isCommitDue: Bool {
        // A refresh's beginning or end takes its time: what was decided goes out before it.
        pace.isCommitDue(isPressing: gates.isPressing || isRefreshDue)
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
