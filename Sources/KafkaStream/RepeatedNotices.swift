import Platform

/// Lets notices through once that several clients, one after the other, would each tell.
///
/// Thread: any.
public final class NoticeFilter: Sendable {
    private let repeats = Monitor(RepeatedNotices())

    /// Nothing was told yet.
    public init() {}

    /// Whether the notice is to be told: it is new, or was last told ten minutes ago or more.
    public func isNew(_ notice: KafkaNotice) -> Bool {
        repeats.withLock { $0.isNew(notice.text, nowMs: MonotonicClock.nowMs()) }
    }
}

/// Lets a notice through once, and again when it has lasted: a pure value.
///
/// Bound: so many different notices are told apart; beyond that all are forgotten, and told again.
struct RepeatedNotices {
    private static let againAfterMs: Int64 = 10 * 60_000
    private static let notedMax = 256
    private var lastMs: [String: Int64] = [:]

    mutating func isNew(_ text: String, nowMs: Int64) -> Bool {
        if let last = lastMs[text], nowMs - last < Self.againAfterMs { return false }
        if lastMs.count >= Self.notedMax { lastMs = [:] }
        lastMs[text] = nowMs
        return true
    }
}
