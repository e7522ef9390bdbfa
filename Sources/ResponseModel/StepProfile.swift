/// Where the time of learning goes, for benchmarks. Without a clock it costs a branch a mark.
package struct StepProfile: Sendable {
    package enum Part: Int, CaseIterable, Sendable {
        /// Hashing names and making the sparse row.
        case features
        /// Finding the row's effects in core and tail, and making new ones.
        case lookups
        /// Slots for items that have none.
        case items
        /// Prediction and update of the active entries and the tail's cells.
        case update
        /// Ends of blocks: the whole covariance, and the drift.
        case blocks
        /// Estimates of the tail's prior variances.
        case priors
    }

    /// Nanoseconds from any fixed time on; nil, as it is at first, switches the profile off.
    package var clock: (@Sendable () -> UInt64)?
    /// Nanoseconds spent so far, by part.
    package private(set) var nanoseconds = [UInt64](repeating: 0, count: Part.allCases.count)
    private var last: UInt64 = 0

    mutating func start() {
        if let clock { last = clock() }
    }

    /// Counts the time since the last mark to `part`.
    mutating func end(_ part: Part) {
        guard let clock else { return }
        let now = clock()
        nanoseconds[part.rawValue] += now - last
        last = now
    }
}
