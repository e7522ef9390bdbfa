import Records

/// A bound on messages a second: a pure value, told the time.
///
/// A second's worth may go at once, so that a commit's messages are not spread without need.
package struct PublishRate {
    private let perSecond: Int
    private var credit: Double
    private var lastMs: Int64?

    /// - Parameter perSecond: 0 is no bound.
    package init(perSecond: Int) {
        self.perSecond = perSecond
        credit = Double(perSecond)
    }

    /// How many messages may go now.
    package mutating func allowed(atMs nowMs: Int64) -> Int {
        guard perSecond > 0 else { return .max }
        if let lastMs, nowMs > lastMs {
            let earned = Double(nowMs - lastMs) / 1000 * Double(perSecond)
            credit = min(Double(perSecond), credit + earned)
        }
        lastMs = nowMs
        return max(0, Int(credit))
    }

    package mutating func take(_ count: Int) {
        if perSecond > 0 { credit -= Double(count) }
    }
}
