/// When and how a run of visits takes place.
public struct VisitPlan: Sendable, Hashable {
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
    public var discounts: Discounts
    public var fixedDepths: [Double]
    /// Visits in each window of the scoreboard.
    public var windowVisits: Int

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

    /// A plan of `visits` visits over a span of event time that ends at `endMs`.
    public static func ending(
        atMs endMs: Int64, visits: Int, spanMs: Int64, discounts: Discounts = .recommended
    ) -> VisitPlan {
        VisitPlan(
            startMs: endMs - spanMs, gapMs: Double(spanMs) / Double(max(1, visits)),
            discounts: discounts, windowVisits: max(1, (visits + 9) / 10))
    }
}
