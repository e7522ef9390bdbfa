import Records

/// What a rollback did.
public struct RollbackInfo: Sendable {
    /// What was worked out before, and then done.
    public let plan: RollbackPlan
    /// The new head snapshot; its parent is the one gone back to.
    public let snapshot: SnapshotRecord
    /// The number of the commit that it made.
    public let sequence: UInt64
    /// The lineage from now on; raised by a rewind alone.
    public let lineage: UInt32
}

extension SnapshotStore {
    /// What a rollback would do, the snapshot verified; changes nothing and needs no lock.
    ///
    /// - Parameter rewind: Whether keyed state and offsets go back too.
    public func planRollback(
        to reference: String, rewind: Bool = false
    ) throws(StoreError) -> RollbackPlan {
        try withRead { transaction, databases throws(StoreError) in
            let target = try transaction.resolve(databases, reference)
            return try transaction.planRollback(
                databases, to: target, rewind: rewind, base: identity.base
            ).plan
        }
    }

    /// Goes back to a snapshot's weights and on from there at the present offsets.
    ///
    /// The snapshot is verified first, all chunks and sums; then one transaction replaces the
    /// weights tables, notes it in audit and journal, and makes a new head snapshot whose parent is
    /// the target, which is champion from now on. Offsets, keyed state, ledger and outbox stay as they
    /// are.
    /// - Parameter wallTimeMs: Milliseconds since 1970.
    @discardableResult
    public func rollback(
        to reference: String, reason: String, who: String, wallTimeMs: Int64
    ) throws(StoreError) -> RollbackInfo {
        try goBack(reference, rewind: false, reason, who, wallTimeMs, StateChanges())
    }

    /// Takes the whole learned state back to a snapshot, offsets too, and starts a new lineage.
    ///
    /// The ledger stays: spend, outbox, audit and references never go back.
    /// - Parameter ledger: rows of ledger tables that change in the same step.
    /// - Throws: `.notReplayable` beyond the undo horizon, unless the snapshot is whole.
    @discardableResult
    public func rewind(
        to reference: String, reason: String, who: String, wallTimeMs: Int64,
        ledger: StateChanges = StateChanges()
    ) throws(StoreError) -> RollbackInfo {
        precondition(
            ledger.rows.allSatisfy { $0.table.kind == .ledger }, "only the ledger goes on")
        return try goBack(reference, rewind: true, reason, who, wallTimeMs, ledger)
    }

    private func goBack(
        _ reference: String, rewind: Bool, _ reason: String, _ who: String, _ wallTimeMs: Int64,
        _ ledger: StateChanges
    ) throws(StoreError) -> RollbackInfo {
        try withWriter { records throws(StoreError) in
            let databases = records.databases
            let base = identity.base
            let work = try records.read { transaction throws(StoreError) in
                let target = try transaction.resolve(databases, reference)
                return try transaction.planRollback(
                    databases, to: target, rewind: rewind, base: base)
            }
            let target = work.plan.target
            records.beginSequence(eventTimeMs: rewind ? target.eventTimeMs : nil)
            if rewind { try records.rewindHead(to: target) }
            try records.applyRows(work.changes, undo: options)
            if work.plan.erasedRows == 0 {
                try requireReached(target, records.head, rewind: rewind)
            }
            for row in ledger.rows { _ = try records.apply(row, keepsOld: false) }
            try records.appendJournal([Array(target.id.utf8)], rewind ? .rewind : .rollback)
            try records.noteReturn(to: target, rewind: rewind, wallTimeMs: wallTimeMs)
            try records.append(
                AuditEntry(
                    wallTimeMs: wallTimeMs, who: who, action: rewind ? "rewind" : "rollback",
                    reason: "to \(target.id): \(reason)"))
            let snapshot = try records.takeRollbackSnapshot(
                of: target, rewind ? .rewind : .rollback, wallTimeMs, options, base)
            return RollbackInfo(
                plan: work.plan, snapshot: snapshot, sequence: records.head.sequence,
                lineage: records.head.lineage)
        }
    }

    /// The sums must be those of the target, or nothing is committed. Not so where rows of owners
    /// erased since stay away.
    private func requireReached(
        _ target: SnapshotRecord, _ head: Head, rewind: Bool
    ) throws(StoreError) {
        guard head.weightsDigest == target.weightsDigest else {
            throw .damaged(
                path: path, what: "the weights of snapshot \(target.id) do not add up to its digest"
            )
        }
        guard !rewind || head.stateDigest == target.stateDigest else {
            throw .damaged(
                path: path,
                what: "the state taken back to snapshot \(target.id) does not add up to its digest")
        }
    }
}

extension RecordWriter {
    /// Offsets, event time and totals as the snapshot has them, in a lineage of their own.
    fileprivate mutating func rewindHead(to target: SnapshotRecord) throws(StoreError) {
        let databases = databases
        let now = try read { transaction throws(StoreError) in
            try transaction.offsets(databases)
        }
        let then = Set(target.offsets)
        for offset in now where !then.contains(offset) {
            let kept = target.offsets.first {
                $0.cluster == offset.cluster && $0.position == offset.position
            }
            try putOffset(offset.cluster, offset.position, kept?.next)
        }
        for offset in target.offsets { try putOffset(offset.cluster, offset.position, offset.next) }
        update { head in
            head.lineage += 1
            head.counters = target.counters
            head.cluster = target.cluster
        }
    }

    /// Says what is in service now: `champion` must not name what was gone back from.
    fileprivate mutating func noteReturn(
        to target: SnapshotRecord, rewind: Bool, wallTimeMs: Int64
    ) throws(StoreError) {
        try append(
            ReferenceChange(
                name: rewind ? ReferenceChange.rewind : ReferenceChange.rollback,
                sequence: target.sequence, wallTimeMs: wallTimeMs, at: head.sequence))
        let databases = databases
        let champion = try read { transaction throws(StoreError) in
            try transaction.reference(databases, .champion)
        }
        if champion != target.sequence {
            try setReference(.champion, to: target.sequence, wallTimeMs: wallTimeMs)
        }
    }

    fileprivate mutating func takeRollbackSnapshot(
        of target: SnapshotRecord, _ cause: SnapshotRecord.Cause, _ wallTimeMs: Int64,
        _ options: SnapshotStore.Options, _ base: Digest256
    ) throws(StoreError) -> SnapshotRecord {
        let databases = databases
        let texts = try read { transaction throws(StoreError) in
            (
                try transaction.text(databases, target.configuration),
                try transaction.text(databases, target.platform)
            )
        }
        let request = SnapshotRequest(
            wallTimeMs: wallTimeMs, configuration: texts.0, platform: texts.1,
            metrics: target.metrics)
        return try takeSnapshot(
            request, cause, base: base, chunkBytes: options.chunkBytes, parent: target.id)
    }
}
