/// How clicks and purchases are joined. Spans are event time, milliseconds.
public struct AttributionConfiguration: Sendable, Hashable {
    /// Which open example a purchase without a known recommendation id labels.
    public enum Rule: String, Sendable, Hashable, CaseIterable {
        /// The one clicked or decided last; where there is none, the one seen last.
        case lastClick = "last_click"
        /// The one seen, clicked or decided last.
        case lastTouch = "last_touch"
    }

    /// How long after its opening an example may be labelled positive by a purchase.
    public var windowMs: Int64
    /// How long after its opening an example without a purchase is learned as negative. A purchase
    /// later than that and inside the window comes as a correction. At most `windowMs`, and that
    /// unless set.
    public var waitMs: Int64
    /// How long after its opening an example that was shown may be labelled clicked; half an hour
    /// unless set. At most `windowMs`.
    public var clickWindowMs: Int64
    /// How much older than the newest event of its partition an event may be.
    public var latenessMs: Int64
    /// How long after its purchase a refund still corrects the label.
    public var refundWindowMs: Int64
    /// How long an `event_id` is remembered.
    public var duplicateWindowMs: Int64
    /// Which example a purchase belongs to that names no known recommendation.
    public var rule = Rule.lastClick
    /// How far an event may be ahead of all others and move time by itself; `nil`: any.
    public var leapMaxMs: Int64?

    /// Bound on open examples; beyond it the oldest close early, learned as not taken so far.
    public var openMax = 200_000
    /// The same for one user and item.
    public var openPerPairMax = 64
    /// Bound on events held back for their order; beyond it the oldest are taken early, and what
    /// should have come before them is late.
    public var pendingMax = 100_000
    /// Bound on purchases that a refund can find; beyond it the oldest are forgotten.
    public var purchasesMax = 500_000
    /// Bound on remembered event ids; beyond it the oldest are forgotten.
    public var duplicatesMax = 1_000_000

    /// Defaults: a window of a day, lateness of a minute, refunds for thirty days. The bounds and the
    /// rule are set afterwards. `problem` tells whether the values fit together.
    public init(
        windowMs: Int64 = 86_400_000, waitMs: Int64? = nil, clickWindowMs: Int64? = nil,
        latenessMs: Int64 = 60_000, refundWindowMs: Int64 = 30 * 86_400_000,
        duplicateWindowMs: Int64 = 86_400_000
    ) {
        self.windowMs = windowMs
        self.waitMs = waitMs ?? windowMs
        self.clickWindowMs = clickWindowMs ?? min(1_800_000, windowMs)
        self.latenessMs = latenessMs
        self.refundWindowMs = refundWindowMs
        self.duplicateWindowMs = duplicateWindowMs
    }

    /// What is wrong with the settings, in a sentence; `nil` when nothing is.
    public var problem: String? {
        let spans: [(String, Int64, Int64)] = [
            ("window", windowMs, 1), ("wait", waitMs, 1), ("click window", clickWindowMs, 1),
            ("lateness", latenessMs, 0), ("refund window", refundWindowMs, 0),
            ("duplicate window", duplicateWindowMs, 0), ("leap", leapMaxMs ?? 1, 1),
        ]
        for (name, value, least) in spans where value < least || value > Self.spanMsMax {
            return "the \(name) must be from \(least) ms to ten years, not \(value) ms"
        }
        let bounds = [
            ("open examples", openMax), ("open examples of a pair", openPerPairMax),
            ("pending events", pendingMax), ("purchases", purchasesMax),
            ("event ids", duplicatesMax),
        ]
        for (name, value) in bounds where value < 1 {
            return "the bound on \(name) must be 1 or more, not \(value)"
        }
        if waitMs > windowMs { return "the wait must not be longer than the window" }
        if clickWindowMs > windowMs { return "the click window must not be longer than the window" }
        return nil
    }

    /// Sums of a time and a span stay far from overflow below this.
    private static let spanMsMax: Int64 = 3653 * 86_400_000
}
