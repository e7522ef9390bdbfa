/// When and how a run of visits takes place.
public struct VisitPlan: Sendable, Hashable {
    /// Where the discounts come from.
    public enum Discounts: Sendable, Hashable {
        /// The list price is shown; what a recommendation says is offered.
        case recommended
        /// Depths are drawn evenly from the grid and shown at once: for logs to learn from.
        case random
    }

    /// Event time of the first visit. Units: epoch milliseconds.
    public var startMs: Int64
    /// Event time from one visit to the next. Units: milliseconds.
    public var gapMs: Double
    /// Where the discounts come from.
    public var discounts: Discounts
    /// Depths that the scoreboard compares with, as fractions of the list price.
    public var fixedDepths: [Double]
    /// Visits in each window of the scoreboard.
    public var windowVisits: Int

    /// Takes each field as it is.
    public init(
        startMs: Int64, gapMs: Double, discounts: Discounts = .recommended,
        fixedDepths: [Double] = [0.1, 0.2, 0.3], windowVisits: Int = 1000
    ) {
        self.startMs = startMs
        self.gapMs = gapMs
        self.discounts = discounts
        self.fixedDepths = fixedDepths
        self.windowVisits = windowVisits
    }

    /// A plan of `visits` visits spread over a span of event time.
    public static func spanning(
        fromMs startMs: Int64, spanMs: Int64, visits: Int, discounts: Discounts = .recommended
    ) -> VisitPlan {
        VisitPlan(
            startMs: startMs, gapMs: Double(spanMs) / Double(max(1, visits)),
            discounts: discounts, windowVisits: max(1, (visits + 9) / 10))
    }

    /// Where the event time of a run lies that goes on after what the stream already holds.
    ///
    /// Event time runs faster than the clock and must never be ahead of it, so a first run begins
    /// two years back and leaves room for those that follow. A run that begins close to now gets
    /// the time there is.
    public static func nextSpan(
        afterMs newestMs: Int64?, nowMs: Int64, spanMs: Int64
    ) -> (startMs: Int64, spanMs: Int64) {
        let startMs = min(newestMs.map { $0 + 1 } ?? nowMs - 730 * 86_400_000, nowMs)
        return (startMs, min(spanMs, nowMs - startMs))
    }
}
