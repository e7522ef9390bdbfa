import Records

/// Which snapshots are kept.
///
/// Besides these, tagged ones stay, the champion, and the head's own.
public struct Retention: Sendable, Equatable {
    /// The newest.
    public var latest: Int
    /// The newest of each of the last hours that have any, by wall time.
    public var hourly: Int
    /// Likewise by day, in UTC.
    public var daily: Int
    /// Whether journal entries go that no kept snapshot can be replayed from.
    public var prunesJournal: Bool

    /// Defaults: the newest 24, two days by the hour, thirty days by the day.
    public init(latest: Int = 24, hourly: Int = 48, daily: Int = 30, prunesJournal: Bool = true) {
        self.latest = latest
        self.hourly = hourly
        self.daily = daily
        self.prunesJournal = prunesJournal
    }

    private static let dayMs: Int64 = 86_400_000

    /// The last of each day that is over, of the days that one is kept of. Pure.
    ///
    /// - Parameter snapshots: Sequence and wall time, newest first.
    public func dailies(
        _ snapshots: [(sequence: UInt64, createdMs: Int64)], nowMs: Int64
    ) -> Set<UInt64> {
        var days: Set<Int64> = []
        var last: Set<UInt64> = []
        for snapshot in snapshots where days.count < max(daily, 0) {
            let day = snapshot.createdMs / Self.dayMs
            if days.insert(day).inserted, day < nowMs / Self.dayMs {
                last.insert(snapshot.sequence)
            }
        }
        return last
    }

    /// Which of the snapshots go. Pure.
    ///
    /// - Parameter snapshots: Sequence and wall time, newest first.
    public func pruned(
        _ snapshots: [(sequence: UInt64, createdMs: Int64)], keeping fixed: Set<UInt64>
    ) -> [UInt64] {
        var kept = fixed
        kept.formUnion(snapshots.prefix(max(latest, 0)).map(\.sequence))
        for (count, span) in [(hourly, Int64(3_600_000)), (daily, Self.dayMs)] {
            var spans: Set<Int64> = []
            for snapshot in snapshots where spans.count < max(count, 0) {
                if spans.insert(snapshot.createdMs / span).inserted {
                    kept.insert(snapshot.sequence)
                }
            }
        }
        return snapshots.map(\.sequence).filter { !kept.contains($0) }
    }
}

/// What pruning removed, or would remove.
public struct PruneReport: Sendable, Equatable {
    /// Ids of the snapshots that went, or would.
    public internal(set) var snapshots: [String] = []
    /// Chunks that no snapshot refers to any more.
    public internal(set) var chunks = 0
    /// Bytes of the chunks.
    public internal(set) var bytes = 0
    /// Entries that no kept snapshot can be replayed from.
    public internal(set) var journalEntries = 0
    /// Snapshots that stay.
    public internal(set) var snapshotsKept = 0

    /// Nothing was removed yet.
    public init() {}
}
