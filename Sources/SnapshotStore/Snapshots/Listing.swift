import Records

/// A snapshot with what the store says about it now.
public struct SnapshotListing: Sendable {
    /// What the snapshot holds.
    public let record: SnapshotRecord
    /// Names that people gave it.
    public let tags: [String]
    /// Whether the state that learns stands on it.
    public let isHead: Bool
    /// Whether it is the one in service.
    public let isChampion: Bool
    /// When it was champion. Unit: milliseconds since 1970, wall time; no end while it is.
    public let championTimes: [ChampionTime]
    /// What keeps the journal from being replayed from it on; `nil` where nothing does.
    public let replayObstacle: ReplayObstacle?
    /// Whether a rewind to it is possible: its keyed state is in it or within the undo horizon.
    public let isRewindable: Bool

    /// Whether the journal can be replayed from it on.
    public var isReplayable: Bool { replayObstacle == nil }

    /// A span of time in which it was champion.
    public struct ChampionTime: Sendable, Equatable {
        /// When it became champion.
        public let fromMs: Int64
        /// When another one did; `nil` while it still is.
        public let untilMs: Int64?
    }
}

/// Why what happened since a snapshot cannot be done again.
public enum ReplayObstacle: Sendable, Equatable, CustomStringConvertible {
    /// It came from outside: no journal leads on from it.
    case imported
    /// The entries that follow it are gone.
    case journalPruned
    /// The replay has to begin at the snapshot's state, which cannot be gone back to.
    case beyondUndo
    /// Since then the store went back to a snapshot that a replay cannot go back to any more.
    case returned(at: UInt64)

    /// The end of a sentence that begins "it cannot be replayed:".
    public var description: String {
        switch self {
        case .imported: "it was imported"
        case .journalPruned: "its journal has been pruned"
        case .beyondUndo: "its keyed state is beyond the undo horizon and not in the snapshot"
        case .returned(let commit):
            "commit \(commit) went back to a snapshot that cannot be gone back to any more"
        }
    }
}

/// The texts that snapshots share.
public struct SnapshotTexts: Sendable {
    /// The whole effective configuration.
    public let configuration: String
    /// Numeric profile, library versions, core type.
    public let platform: String
}

extension SnapshotStore {
    /// Snapshots, newest first, at most `limit`.
    ///
    /// Complexity: one walk over the records asked for.
    public func snapshots(limit: Int = .max) throws(StoreError) -> [SnapshotListing] {
        try withRead { transaction, databases throws(StoreError) in
            let context = try ListingContext(transaction, databases)
            var listings: [SnapshotListing] = []
            guard limit > 0 else { return listings }
            try transaction.forEachSnapshotBackward(databases) { record in
                listings.append(context.listing(record))
                return listings.count < limit
            }
            return listings
        }
    }

    /// Snapshots whose keyed state is to be kept and is not yet, oldest first: tagged ones, and the last
    /// of each day that is over and that retention keeps one of.
    public func snapshotsToKeepWhole(
        _ retention: Retention, nowMs: Int64
    ) throws(StoreError) -> [String] {
        try withRead { transaction, databases throws(StoreError) in
            var records: [SnapshotRecord] = []
            try transaction.forEachSnapshotBackward(databases) { record in
                records.append(record)
                return true
            }
            return try ListingContext(transaction, databases)
                .unfinished(records, retention, nowMs: nowMs).map(\.id)
        }
    }

    /// One snapshot with what the store says about it now.
    public func snapshot(_ reference: String) throws(StoreError) -> SnapshotListing {
        try withRead { transaction, databases throws(StoreError) in
            let record = try transaction.resolve(databases, reference)
            return try ListingContext(transaction, databases).listing(record)
        }
    }

    /// The configuration and the platform that a snapshot was taken under.
    public func texts(of record: SnapshotRecord) throws(StoreError) -> SnapshotTexts {
        try withRead { transaction, databases throws(StoreError) in
            SnapshotTexts(
                configuration: try transaction.text(databases, record.configuration),
                platform: try transaction.text(databases, record.platform))
        }
    }

    /// The tables that a snapshot holds.
    public func tables(of record: SnapshotRecord) throws(StoreError) -> [SnapshotTable] {
        try withRead { transaction, databases throws(StoreError) in
            try transaction.manifest(databases, at: record.sequence).tables.map {
                SnapshotTable(
                    table: $0.table, rows: $0.rows, bytes: $0.bytes, chunks: $0.chunks.count,
                    digest: $0.digest)
            }
        }
    }
}

/// One table of a snapshot.
public struct SnapshotTable: Sendable {
    /// Which table it is.
    public let table: StateTable
    /// Rows of the table.
    public let rows: Int
    /// Bytes of keys and values.
    public let bytes: Int
    /// Chunks that its rows are cut into, shared ones included.
    public let chunks: Int
    /// The sum of the rows' digests.
    public let digest: Digest256
}

/// What every listing of one walk needs, read once.
struct ListingContext {
    private let tags: [UInt64: [String]]
    private let headSequence: UInt64?
    private let champion: UInt64?
    private let championTimes: [UInt64: [SnapshotListing.ChampionTime]]
    private let journalPrunedThrough: UInt64
    private let oldestUndo: UInt64?
    private let lastSequence: UInt64
    private let migratedAt: UInt64?
    /// The last commit that went back to what cannot be gone back to any more.
    private var lostReturn: UInt64?

    init(
        _ transaction: borrowing ReadTransaction, _ databases: Databases
    ) throws(StoreError) {
        let head = try transaction.head(databases)
        tags = try transaction.tags(databases)
        headSequence = head.headSnapshot
        champion = try transaction.reference(databases, .champion)
        journalPrunedThrough = head.journalPrunedThrough
        lastSequence = head.sequence
        migratedAt = head.migratedAt
        oldestUndo = try transaction.oldestUndo(databases)
        var times: [UInt64: [SnapshotListing.ChampionTime]] = [:]
        var current: (sequence: UInt64, from: Int64)?
        let history = try transaction.history(databases)
        for change in history where change.name == "champion" {
            if let current {
                times[current.sequence, default: []].append(
                    .init(fromMs: current.from, untilMs: change.wallTimeMs))
            }
            current = change.sequence.map { ($0, change.wallTimeMs) }
        }
        if let current {
            times[current.sequence, default: []].append(.init(fromMs: current.from, untilMs: nil))
        }
        championTimes = times
        for change in history where change.at > journalPrunedThrough {
            guard [ReferenceChange.rewind, ReferenceChange.rollback].contains(change.name),
                let sequence = change.sequence
            else { continue }
            let target = try transaction.snapshot(databases, at: sequence)
            let isThere = target.map { change.name == ReferenceChange.rollback || isRewindable($0) }
            if isThere != true { lostReturn = change.at }
        }
    }

    func listing(_ record: SnapshotRecord) -> SnapshotListing {
        SnapshotListing(
            record: record, tags: tags[record.sequence] ?? [],
            isHead: record.sequence == headSequence, isChampion: record.sequence == champion,
            championTimes: championTimes[record.sequence] ?? [],
            replayObstacle: replayObstacle(record), isRewindable: isRewindable(record))
    }

    private func replayObstacle(_ record: SnapshotRecord) -> ReplayObstacle? {
        if record.cause == .imported { return .imported }
        if record.sequence < journalPrunedThrough { return .journalPruned }
        if !isRewindable(record) { return .beyondUndo }
        return lostReturn.flatMap { $0 > record.sequence ? .returned(at: $0) : nil }
    }

    /// Tagged ones, and the last of each day that is over, which retention keeps and whose keyed state
    /// is not in them yet; oldest first.
    func unfinished(
        _ records: [SnapshotRecord], _ retention: Retention, nowMs: Int64
    ) -> [SnapshotRecord] {
        let daily = retention.dailies(
            records.map { ($0.sequence, $0.createdMs) }, nowMs: nowMs)
        return records.filter { record in
            !record.isWhole && isRewindable(record)
                && (tags[record.sequence] != nil || daily.contains(record.sequence))
        }.reversed()
    }

    func isRewindable(_ record: SnapshotRecord) -> Bool {
        if record.cause == .imported { return false }
        if let migratedAt, record.sequence <= migratedAt { return false }
        return record.isWhole || record.sequence == lastSequence
            || (oldestUndo.map { $0 <= record.sequence + 1 } ?? false)
    }
}

extension Transaction where Self: ~Copyable {
    func text(_ databases: Databases, _ digest: Digest256) throws(StoreError) -> String {
        guard let bytes = try record(databases, .texts, digest.bytes) else {
            throw .damaged(path: environment.folder.path, what: "a snapshot's text is missing")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    func history(_ databases: Databases) throws(StoreError) -> [ReferenceChange] {
        var changes: [ReferenceChange] = []
        try forEachRecord(databases, .history) { _, value throws(StoreError) in
            changes.append(
                try decoded(.history) { () throws(ByteCodingError) in
                    try ReferenceChange(bytes: value)
                })
            return true
        }
        return changes
    }

    /// The oldest commit whose keyed rows can be taken back.
    func oldestUndo(_ databases: Databases) throws(StoreError) -> UInt64? {
        try withCursor(databases[.undo]) { cursor throws(StoreError) in
            try unsafe cursor.move(.first) { key, _ in
                unsafe StoredKey.number(from: [UInt8](key))
            } ?? nil
        }
    }
}
