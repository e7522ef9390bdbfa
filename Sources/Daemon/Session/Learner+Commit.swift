import Engine
import Events
import Records
import SnapshotStore
import Telemetry

extension Learner {
    /// What a snapshot is to be, beside what every one is.
    struct SnapshotOptions {
        var isWhole = false
    }

    /// Commits what was learned since the last time; takes a snapshot when one is due.
    ///
    /// - Parameters:
    ///   - delivered: outbox messages up to this number have arrived and can go.
    ///   - wish: a snapshot that is wanted now.
    @discardableResult
    func commitNow(
        delivered: UInt64? = nil, ending: Bool = false, snapshot wish: SnapshotOptions? = nil
    ) throws -> CommitInfo? {
        if ending { voice.sayLetters(isEnd: true) }
        commit.outboxDeliveredThrough = delivered
        let isDue = pace.isSnapshotDue(isPressing: ending || gates.isPromoted)
        let wish = wish ?? (isDue ? SnapshotOptions() : nil)
        guard pace.hasNews || wish != nil || delivered != nil else { return nil }
        return try makeCommit(snapshot: wish)
    }

    @discardableResult
    func makeCommit(snapshot: SnapshotOptions?) throws -> CommitInfo {
        running.engine.collectChanges(into: &commit.changes)
        for recommendation in outgoing.offers.collect(into: &commit.changes) {
            commit.outbox.append(try description.form.message(recommendation, outgoing.schemas))
        }
        for word in outgoing.states.collect(into: &commit.changes) {
            commit.outbox.append(try description.form.stateMessage(word, outgoing.schemas))
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
                isChampion: gates.isPromoted || engine.origin.snapshot.isEmpty,
                isWhole: snapshot.isWhole)
        }
        let info = try store.commit(whole, sync: pace.cadence.sync)
        commit = Commit()
        stateDigest = info.stateDigest
        pace.committed(withSnapshot: info.snapshot != nil)
        if let record = info.snapshot {
            running.engine.origin.snapshot = record.id
            gates.tookSnapshot()
            log.emit(.snapshot(id: record.id, events: engine.counters.read))
            _ = try store.prune(pace.cadence.retention)
        }
        return info
    }

    /// The scores over everything, as a snapshot keeps them: JSON by head.
    private func scoresText() throws -> String {
        try JSONText.text(engine.scores.progressive, [.sortedKeys])
    }

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
        (running.engine, ledger) = try store.withHead { state in
            (
                try makeEngine(on: state, keepingKeyed: rewind ? nil : engine),
                try Ledger(cluster: cluster, reading: state)
            )
        }
        log.emit(.wentBack(snapshot: info.plan.target.id, rewind: rewind, reason: reason))
        voice.wentBack(engine.joinCounts)
        gates.wentBack()
        pace.wentBack()
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
