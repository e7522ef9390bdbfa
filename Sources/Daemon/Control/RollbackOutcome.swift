import Records
import SnapshotStore

/// What a rollback did or would do, as `--json` prints it.
public struct RollbackOutcome: Codable, Sendable {
    /// Whether nothing was changed.
    public var dryRun: Bool
    /// Whether the whole learned state goes back, and not the weights alone.
    public var rewind: Bool
    /// The id of the snapshot gone back to.
    public var target: String
    /// When it was taken, by the wall clock. Units: milliseconds since 1970.
    public var targetTakenMs: Int64
    /// The id of the head snapshot before; `nil` where there was none.
    public var head: String?
    /// Commits since the target.
    public var commitsSince: UInt64
    /// One for each table that could change.
    public var tables: [Table]
    /// Offsets that go back; empty unless a rewind.
    public var offsets: [Offset]
    /// Records that are not learned again, or ever.
    public var skips: [String]
    /// The new head snapshot.
    public var snapshot: String?
    /// The lineage from then on; `nil` for a dry run.
    public var lineage: UInt32?
    /// Digest of the learned state from then on; `nil` for a dry run of weights alone.
    public var stateSHA256: String?
    /// Digest of the target's weights.
    public var weightsSHA256: String
    /// From the request until what was gone back to was in service.
    public var tookMs: Double?

    /// What goes back in one table.
    public struct Table: Codable, Sendable {
        /// The table's name.
        public var name: String
        /// Whether it holds weights or keyed state.
        public var kind: String
        /// Rows that are in both states with other values.
        public var rowsChanged: Int
        /// Rows that the snapshot has and the state before has not.
        public var rowsAdded: Int
        /// Rows that the state before has and the snapshot has not.
        public var rowsRemoved: Int
        /// Bytes of the values that come back.
        public var bytes: Int

        enum CodingKeys: String, CodingKey {
            case name, kind, bytes
            case rowsChanged = "rows_changed"
            case rowsAdded = "rows_added"
            case rowsRemoved = "rows_removed"
        }
    }

    /// How far one partition goes back.
    public struct Offset: Codable, Sendable {
        /// The partition's topic.
        public var topic: String
        /// Its number in the topic.
        public var partition: Int32
        /// The next offset to learn before the rewind.
        public var now: Int64
        /// The next offset to learn after it.
        public var then: Int64
    }

    enum CodingKeys: String, CodingKey {
        case rewind, target, head, tables, offsets, skips, snapshot, lineage
        case dryRun = "dry_run"
        case targetTakenMs = "target_taken_ms"
        case commitsSince = "commits_since"
        case stateSHA256 = "state_sha256"
        case weightsSHA256 = "weights_sha256"
        case tookMs = "took_ms"
    }

    /// - Parameter info: what was done; `nil` for a dry run.
    init(_ plan: RollbackPlan, info: RollbackInfo?, skips: OffsetRanges) {
        dryRun = info == nil
        rewind = plan.isRewind
        target = plan.target.id
        targetTakenMs = plan.target.createdMs
        head = plan.head?.id
        commitsSince = plan.commitsSince
        tables = plan.tables.map {
            Table(
                name: $0.table.name, kind: "\($0.table.kind)", rowsChanged: $0.rowsChanged,
                rowsAdded: $0.rowsAdded, rowsRemoved: $0.rowsRemoved, bytes: $0.bytes)
        }
        offsets = plan.offsets.map {
            Offset(
                topic: $0.position.topic, partition: $0.position.partition, now: $0.now,
                then: $0.then)
        }
        self.skips = skips.texts
        snapshot = info?.snapshot.id
        lineage = info?.lineage
        stateSHA256 =
            info?.snapshot.stateDigest.hex ?? (plan.isRewind ? plan.target.stateDigest.hex : nil)
        weightsSHA256 = plan.target.weightsDigest.hex
    }
}

extension RollbackOutcome {
    /// What came of a rollback, and how long it took.
    static func timed(
        skips: OffsetRanges, _ goBack: () throws -> RollbackInfo
    ) rethrows -> RollbackOutcome {
        let start = ContinuousClock.now
        let info = try goBack()
        var outcome = RollbackOutcome(info.plan, info: info, skips: skips)
        outcome.tookMs = start.duration(to: .now).inSeconds * 1000
        return outcome
    }
}

extension RollbackRequest {
    /// Goes back on a store that no daemon has open, or tells what would happen.
    public func perform(on store: SnapshotStore) throws -> RollbackOutcome {
        let skips = try skipRanges()
        if dryRun { return try plan(on: store) }
        return try RollbackOutcome.timed(skips: skips) {
            rewind
                ? try store.rewind(to: reference, skips: skips, reason: reason, who: who)
                : try store.rollback(
                    to: reference, reason: reason, who: who, wallTimeMs: wallTimeMs())
        }
    }

    /// What would happen; the snapshot is verified.
    func plan(on store: SnapshotStore) throws -> RollbackOutcome {
        let skips = try skipRanges()
        try store.requireKnown(skips)
        return RollbackOutcome(
            try store.planRollback(to: reference, rewind: rewind), info: nil, skips: skips)
    }
}
