import Records

/// The offsets that lag monitors are told: those that are in the store. Nothing reads them back.
struct MonitorOffsets {
    /// Learned and not in the store yet.
    private var toCommit: [TopicPartition: Int64] = [:]
    /// In the store and not told yet.
    private var toTell: [TopicPartition: Int64] = [:]
    private var lastTold = ContinuousClock.now

    private static let tellEvery = Swift.Duration.seconds(1)

    mutating func learned(_ next: [TopicPartition: Int64]) { toCommit.merge(next) { $1 } }

    mutating func committed() {
        toTell.merge(toCommit) { $1 }
        toCommit = [:]
    }

    /// What is to be told now, at most once a second.
    func due(now: ContinuousClock.Instant = .now) -> [TopicPartition: Int64]? {
        guard lastTold.duration(to: now) >= Self.tellEvery, !toTell.isEmpty else { return nil }
        return toTell
    }

    mutating func told() {
        toTell = [:]
        lastTold = .now
    }

    /// All that was learned: what the store has after the last commit.
    var all: [TopicPartition: Int64] { toTell.merging(toCommit) { $1 } }
}

/// Which delivered messages the store was told of, so that they leave the outbox without a commit while
/// nothing is learned.
struct DeliveredMessages {
    /// The last message whose delivery the store was told of.
    private var forgotten: UInt64?
    private var lastCommit = ContinuousClock.now

    private static let forgetAfter = Swift.Duration.seconds(1)

    mutating func committed(through message: UInt64?) {
        forgotten = message
        lastCommit = .now
    }

    /// - Returns: the message up to which the outbox can be emptied now; `nil` for none.
    func toForget(_ delivered: UInt64?, now: ContinuousClock.Instant = .now) -> UInt64? {
        guard let delivered, delivered != forgotten,
            lastCommit.duration(to: now) >= Self.forgetAfter
        else { return nil }
        return delivered
    }

    mutating func forgot(through message: UInt64) { forgotten = message }
}
