import SnapshotStore

/// When a commit or a snapshot is due: by what was learned since the last one, and by time.
struct CommitPace {
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

    let cadence: Cadence
    private var eventsSinceCommit = 0
    private var eventsSinceSnapshot = 0
    /// Whether somebody was told of something that is not committed yet.
    private var isOwed = false
    private var lastCommit = ContinuousClock.now
    private var lastSnapshot = ContinuousClock.now

    init(_ cadence: Cadence) { self.cadence = cadence }

    mutating func learned(_ events: Int) {
        eventsSinceCommit += events
        eventsSinceSnapshot += events
    }

    /// A verdict on a partition: to be committed, and no event.
    mutating func tookVerdict() { eventsSinceCommit += 1 }

    /// What a person asked for: to be committed before another batch is decided.
    mutating func tookRequest() {
        eventsSinceCommit += 1
        isOwed = true
    }

    var hasNews: Bool { eventsSinceCommit > 0 }

    /// - Parameter isPressing: whether there is something that a commit should not wait for.
    func isCommitDue(isPressing: Bool) -> Bool {
        guard hasNews else { return false }
        if isPressing || isOwed || eventsSinceCommit >= cadence.commitEvents { return true }
        return Self.isOver(cadence.commitMs, since: lastCommit)
    }

    func isSnapshotDue(isPressing: Bool) -> Bool {
        guard eventsSinceSnapshot > 0 else { return false }
        if isPressing || eventsSinceSnapshot >= cadence.snapshotEvents { return true }
        return Self.isOver(cadence.snapshotMs, since: lastSnapshot)
    }

    mutating func committed(withSnapshot: Bool) {
        eventsSinceCommit = 0
        isOwed = false
        lastCommit = .now
        guard withSnapshot else { return }
        eventsSinceSnapshot = 0
        lastSnapshot = .now
    }

    /// Another state is gone on from, which the store has.
    mutating func wentBack() {
        eventsSinceCommit = 0
        isOwed = false
        eventsSinceSnapshot = 0
    }

    private static func isOver(_ spanMs: Int?, since start: ContinuousClock.Instant) -> Bool {
        spanMs.map { start.duration(to: .now) >= .milliseconds($0) } ?? false
    }
}
