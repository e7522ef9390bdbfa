/// Names an example for as long as its label may change. Ascending in event time.
public struct ExampleID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Counted from the join's start; never given twice.
    public let number: UInt64

    /// The example of this number, whether there is one or not.
    public init(_ number: UInt64) { self.number = number }

    /// The number in decimal digits.
    public var description: String { "\(number)" }
    /// By number: the one opened first is less.
    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// What is known of an example's outcome; each case belongs to one response head.
public enum ExampleLabel: Hashable, Sendable {
    /// Clicked within the click window.
    case clicked
    /// Not clicked when the click window ended.
    case notClicked
    /// Units net of refunds, 1 or more, and what was paid a unit, last.
    case purchased(quantity: Int, paid: Double?)
    /// Not bought when the wait ended, or all of it was given back.
    case notPurchased
}

/// An example whose click or purchase label has become known, with all it takes to learn it.
public struct LabelledExample: Hashable, Sendable {
    /// What opened the example.
    public enum Opening: UInt8, Hashable, Sendable {
        /// A view that the log tells of.
        case impression = 1
        /// A click that belongs to no open offer.
        case click
        /// A recommendation that was issued to a click: the example counts whether clicked or not.
        case decision
        /// One that was issued to a view.
        case shown

        /// Whether it is known of the example whether it was clicked.
        public var isView: Bool { self == .impression || self == .shown }
        /// Whether a recommendation was issued.
        public var isIssued: Bool { self == .decision || self == .shown }
    }

    /// The same in every output about this example.
    public let id: ExampleID
    /// The label that has become known.
    public let label: ExampleLabel
    /// What opened it.
    public let opening: Opening
    /// The event id of the impression or click, or the id of the recommendation.
    public let openedBy: String
    /// When it was opened, epoch milliseconds.
    public let tsMs: Int64
    /// What was offered to whom; without the item's fields.
    public let offer: Event.Offer
    /// Whether a click of it is known so far.
    public let clicked: Bool
    /// When it was first clicked and bought, epoch milliseconds; of one that a click opened there
    /// is no other click.
    public let firstClickMs: Int64?
    /// When it was bought first, epoch milliseconds; `nil` where it was not.
    public let purchasedMs: Int64?
    /// What was kept of it by `AttributionJoin.keep`.
    public let servedLogit: Double?
}

/// An example that a bound has closed before its labels were final.
public struct EarlyClose: Hashable, Sendable {
    /// What was told of its purchase before.
    public enum Label: Hashable, Sendable {
        /// Nothing yet, that it was not bought, or that it was.
        case unknown, notPurchased, purchased
    }

    /// With what is known of its purchase; where nothing is, not purchased.
    public let example: LabelledExample
    /// How long it was open, milliseconds.
    public let ageMs: Int64
    /// Whether nothing was told of a click before, and there was none.
    public let awaitedClick: Bool
    /// What was told of its purchase before.
    public let label: Label
}

/// What the join tells the engine, in event-time order.
public enum JoinOutput: Hashable, Sendable {
    /// To be learned. An example comes at most once for each head.
    case labelled(LabelledExample)
    /// An example that was learned has another purchase label now.
    case corrected(ExampleID, ExampleLabel)
    /// An example that was labelled not purchased when the wait ended has been bought since, inside
    /// its window; comes at most once for an example.
    case converted(LabelledExample)
    /// The window of an example has ended: where the wait had ended before, and where labels tell
    /// how long they took.
    case matured(LabelledExample)
    /// A decision took the place of the event that triggered it; the event's example is closed
    /// without a label.
    case superseded(ExampleID, by: ExampleID)
    /// An example was closed for want of room. What follows of it is told no more.
    case closedEarly(EarlyClose)
    /// The id is remembered; the event was not taken.
    case duplicate(eventID: String)
    /// Older than the lateness allows: kept out of learning. Refunds and purchases are not.
    case late(eventID: String, tsMs: Int64, watermarkMs: Int64)
    /// A purchase that no example was open for, and when it was made.
    case unattributedPurchase(eventID: String, tsMs: Int64, Event.Purchase)
    /// A refund whose purchase is not known or labelled nothing.
    case unmatchedRefund(eventID: String)
}

/// What the join has seen since it was made.
public struct JoinCounts: Hashable, Sendable {
    /// Examples opened.
    public internal(set) var opened: Int64 = 0
    /// Views and clicks of an offer that was open already.
    public internal(set) var repeated: Int64 = 0
    /// Examples labelled clicked.
    public internal(set) var clicked: Int64 = 0
    /// Examples labelled not clicked.
    public internal(set) var notClicked: Int64 = 0
    /// Examples labelled purchased before the wait ended.
    public internal(set) var purchased: Int64 = 0
    /// Examples labelled not purchased.
    public internal(set) var notPurchased: Int64 = 0
    /// Purchase labels changed after they were told: by a purchase after the wait, by a further
    /// purchase, by a refund.
    public internal(set) var corrected: Int64 = 0
    /// Examples that a decision took the place of.
    public internal(set) var superseded: Int64 = 0
    /// Examples closed early for want of room.
    public internal(set) var overflowed: Int64 = 0
    /// Events whose id was remembered.
    public internal(set) var duplicates: Int64 = 0
    /// Events kept out for their time: older than the lateness allows, or far ahead of all others
    /// when there was no room to hold them.
    public internal(set) var late: Int64 = 0
    /// Purchases that no example was open for.
    public internal(set) var unattributedPurchases: Int64 = 0
    /// Refunds that found no purchase.
    public internal(set) var unmatchedRefunds: Int64 = 0
    /// Refunds that took back something that was remembered.
    public internal(set) var matchedRefunds: Int64 = 0
    /// Events taken before their time because too many were held back.
    public internal(set) var hurried: Int64 = 0
    /// Purchases that refunds can no longer find for want of room.
    public internal(set) var forgottenPurchases: Int64 = 0
    /// Purchases older than the lateness allows, taken all the same.
    public internal(set) var latePurchases: Int64 = 0

    static let fields: [WritableKeyPath<JoinCounts, Int64> & Sendable] = [
        \.opened, \.repeated, \.clicked, \.notClicked, \.purchased, \.notPurchased, \.corrected,
        \.superseded, \.overflowed, \.duplicates, \.late, \.unattributedPurchases,
        \.unmatchedRefunds, \.hurried, \.forgottenPurchases, \.matchedRefunds,
        \.latePurchases,
    ]
}

/// A recommendation that was published, as the join needs it.
public struct IssuedDecision: Hashable, Sendable {
    /// The offer made; its `recommendationID` and `propensity` are the recommendation's.
    public var offer: Event.Offer
    /// The recommendation's id: a click or purchase that carries it belongs to this example.
    public var recommendationID: String
    /// Event time of its issue, epoch milliseconds.
    public var tsMs: Int64
    /// The event that led to it and whose example it replaces, where there is one.
    public var triggerEventID: String?
    /// Whether that was an impression: then the offer is seen, and not clicked yet.
    public var isView: Bool

    /// Puts the id into the offer and takes the item's fields out of it.
    public init(
        offer: Event.Offer, recommendationID: String, tsMs: Int64, triggerEventID: String? = nil,
        isView: Bool = false
    ) {
        self.offer = offer
        self.offer.recommendationID = recommendationID
        self.offer.item = nil
        self.recommendationID = recommendationID
        self.tsMs = tsMs
        self.triggerEventID = triggerEventID
        self.isView = isView
    }
}
