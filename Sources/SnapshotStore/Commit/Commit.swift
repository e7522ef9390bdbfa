import Records

/// Everything that one commit changes, all of it or nothing.
public struct Commit: Sendable {
    /// Rows of the learned state and the ledger.
    public var changes = StateChanges()
    /// The Kafka cluster that the offsets belong to; empty for a log.
    public var cluster = ""
    /// The next offset to read of each partition that moved.
    public var offsets: [TopicPartition: Int64] = [:]
    /// Messages to publish, in order; the store numbers them.
    public var outbox: [OutboxMessage] = []
    /// Whose messages that wait go undelivered; those of this commit stay.
    public var withheld: [RowOwner] = []
    /// Outbox messages up to this number have been delivered and go.
    public var outboxDeliveredThrough: UInt64?
    /// What a replay needs to do this commit again, opaque to the store; in order.
    public var journal: [[UInt8]] = []
    /// Added to the store's named totals.
    public var counters: [String: Int64] = [:]
    /// What people did that this commit carries out; in order.
    public var audit: [AuditEntry] = []
    /// The newest event time learned; the old one stays when `nil`. Unit: milliseconds since 1970.
    public var eventTimeMs: Int64?
    /// Takes a snapshot of the state as it is after this commit.
    public var snapshot: SnapshotRequest?

    /// A commit that changes nothing but its number.
    public init() {}
}

/// What a commit did.
public struct CommitInfo: Sendable {
    /// The number that the commit got: one more than the last.
    public let sequence: UInt64
    /// The numbers that the commit's outbox messages were given.
    public let outbox: Range<UInt64>
    /// The report's `state_sha256`.
    public let stateDigest: Digest256
    /// The sum over the weights tables alone.
    public let weightsDigest: Digest256
    /// Records written or removed, the store's own among them; rows put as they were are not.
    public let recordsChanged: Int
    /// Rows put as they were.
    public let recordsUnchanged: Int
    /// Bytes of keys and values put.
    public let bytesWritten: Int
    /// The snapshot that was asked for, as it was taken.
    public let snapshot: SnapshotRecord?
}

/// What happened to the store, by whom, and why; never goes back and is never removed.
public struct AuditEntry: Sendable, Equatable {
    /// Unit: milliseconds since 1970, wall time.
    public var wallTimeMs: Int64
    /// The person or the program, as the caller named it.
    public var who: String
    /// One word for what was done: `rollback`, `snapshot`, `import` and others.
    public var action: String
    /// Why, in the person's words.
    public var reason: String

    /// Takes each field as it is.
    public init(wallTimeMs: Int64, who: String, action: String, reason: String) {
        self.wallTimeMs = wallTimeMs
        self.who = who
        self.action = action
        self.reason = reason
    }
}

extension SnapshotStore {
    /// Makes one commit durable and visible in one step.
    ///
    /// Writes only what changed: a row put as it was costs a look-up. With `sync: false` the commit
    /// survives a crash of the process at once, one of the machine only after `sync()`; a store that
    /// lost unsynced commits opens at the last synced one or later.
    /// - Throws: `.quotaReached` and `.diskFull` among others; then nothing has changed, and the
    ///   same commit can be made again when there is room.
    /// - Thread: blocks on the disk; call from the one thread that learns.
    @discardableResult
    public func commit(_ commit: Commit, sync: Bool = true) throws(StoreError) -> CommitInfo {
        try requireRoom(for: commit)
        return try withWriter(sync: sync) { records throws(StoreError) in
            try self.apply(commit, to: &records)
        }
    }

    /// Puts a row of the ledger outside of a commit: the learned state and its number stay.
    ///
    /// - Parameter audit: what a person did with it, noted in the same transaction.
    public func putLedger(
        _ name: String, _ key: [UInt8], _ value: [UInt8], audit: AuditEntry? = nil
    ) throws(StoreError) {
        var changes = StateChanges()
        changes.put(StateTable(name, .ledger), key, value)
        try changeLedger(changes, audit: audit)
    }

    /// Puts and removes rows of the ledger outside of a commit, all of them or none.
    ///
    /// - Parameters:
    ///   - changes: rows of the ledger alone; traps for any other.
    ///   - audit: what a person did with it, noted in the same transaction.
    public func changeLedger(
        _ changes: StateChanges, audit: AuditEntry? = nil
    ) throws(StoreError) {
        precondition(changes.erased.isEmpty && changes.rows.allSatisfy { $0.table.kind == .ledger })
        try withWriter { records throws(StoreError) in
            for row in changes.rows { _ = try records.apply(row, keepsOld: false) }
            if let audit { try records.append(audit) }
        }
    }

    private func apply(
        _ commit: Commit, to records: inout RecordWriter
    ) throws(StoreError) -> CommitInfo {
        records.beginSequence(eventTimeMs: commit.eventTimeMs, commit.counters)
        try records.applyRows(commit.changes, undo: options)
        for (position, next) in commit.offsets.sorted(by: { $0.key < $1.key }) {
            try records.putOffset(commit.cluster, position, next)
        }
        if !commit.offsets.isEmpty { records.update { $0.cluster = commit.cluster } }
        if let delivered = commit.outboxDeliveredThrough {
            try records.removeOutbox(through: delivered)
        }
        for owner in commit.withheld { try records.removeOutbox(of: owner) }
        let outbox = try records.appendOutbox(commit.outbox)
        try records.appendJournal(commit.journal, .commit)
        for entry in commit.audit { try records.append(entry) }
        let snapshot = try commit.snapshot.map { request throws(StoreError) in
            try records.takeSnapshot(
                request, .commit, base: identity.base, chunkBytes: options.chunkBytes)
        }
        return CommitInfo(
            sequence: records.head.sequence, outbox: outbox,
            stateDigest: records.head.stateDigest, weightsDigest: records.head.weightsDigest,
            recordsChanged: records.rowsChanged, recordsUnchanged: records.rowsUnchanged,
            bytesWritten: records.bytesWritten, snapshot: snapshot)
    }
}

extension RecordWriter {
    mutating func beginSequence(eventTimeMs: Int64?, _ counters: [String: Int64] = [:]) {
        update { head in
            head.sequence += 1
            if let eventTimeMs { head.eventTimeMs = eventTimeMs }
            for (name, count) in counters { head.counters[name, default: 0] &+= count }
        }
    }

    /// Puts and removes rows; what keyed rows held before goes into the undo record.
    mutating func applyRows(
        _ changes: StateChanges, undo options: SnapshotStore.Options
    ) throws(StoreError) {
        var undo = UndoRecord()
        let keeps = options.undoCommitsMax > 0
        for owner in changes.erased { try erase(owner) }
        for row in changes.rows {
            let isKeyed = row.table.kind == .keyed && keeps
            let change = try apply(row, keepsOld: isKeyed)
            if isKeyed, let change { undo.add(change) }
        }
        if keeps { try putUndo(undo, options) }
    }
}
