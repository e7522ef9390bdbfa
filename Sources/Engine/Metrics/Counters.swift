import Pricing
import Records

/// What happened so far, over the life of the store.
public struct Counters: Sendable, Equatable {
    /// Inputs of all steps: events, and what could not be read as one.
    public var read = 0
    /// Events that were taken, duplicates, late and suppressed ones among them.
    public var accepted = 0
    /// Inputs that could not be used.
    public var deadLettered = 0
    /// Events whose id had been seen.
    public var duplicates = 0
    /// Events too old to be learned.
    public var late = 0
    /// Purchases that no example was open for.
    public var unattributed = 0
    /// Refunds whose purchase is not known or labelled nothing.
    public var unmatchedRefunds = 0
    /// Examples closed early for want of room.
    public var overflowed = 0
    /// Issued decisions that took the place of the click they were issued to.
    public var decisions = 0
    /// Requests to forget a user.
    public var erased = 0
    /// Remembered examples whose label or units were changed later.
    public var corrected = 0
    /// Labels that were predicted, each counted once; anchors, which are not learned, among them.
    public var examples = 0
    /// Steps taken.
    public var batches = 0
    /// Offers given, those that stood already among them.
    public var recommendations = 0
    /// Offers deeper than the maximum; not 0 is a fault.
    public var ruleViolations = 0
    /// Training steps of refreshes whose gradient was scaled down.
    public var clipped = 0
    /// Updates and training steps dropped, since a number was not usable.
    public var skipped = 0
    /// Refreshes promoted.
    public var gatePassed = 0
    /// Refreshes rejected.
    public var gateRejected = 0
    /// Events from before their users were erased.
    public var suppressed = 0
    /// Updates reduced by the movement limit of one event.
    public var boundedEvents = 0
    /// Updates reduced by the movement limit of a shopper's day.
    public var boundedUsers = 0
    /// Updates reduced by the movement limit of an hour.
    public var boundedHours = 0
    /// Judgements that the heads passed.
    public var headPassed = 0
    /// Judgements that the heads failed.
    public var headRejected = 0
    /// Times such failures sent the weights back to the champion.
    public var selfRollbacks = 0
    /// Events whose sampling rate or propensity is below what the bound on weights lets count.
    public var clippedWeights = 0
    /// Inline item fields that were not taken over, counted by event.
    public var ignoredInline = 0
    /// Items forgotten for not being seen, or for want of room.
    public var itemsForgotten = 0
    /// Shoppers forgotten for the same reasons.
    public var shoppersForgotten = 0
    /// Decisions made in shadow, for shoppers whom no offers are made to.
    public var shadowDecisions = 0
    /// Those of them that were for a discount.
    public var shadowDiscounted = 0
    /// Sum of these discounts. Units: ten-thousandths of the list price.
    public var shadowDepth = 0
    /// What they were expected to add. Units: thousandths of the currency's unit.
    public var shadowMargin = 0
    /// What identities came to.
    public var identities = IdentityCounts()
    /// Decisions that a deeper discount was withheld from, until a person says yes.
    public var withheldDecisions = 0
    /// Those of them that were noted nowhere, since as many items wait as may.
    public var unlistedWishes = 0
    /// Accepted events by type; together, and with the dead letters, all that was read.
    public var byType: [String: Int] = [:]
    /// Dead letters by the stable name of the reason.
    public var deadLetterReasons: [String: Int] = [:]

    static let fields: [WritableKeyPath<Counters, Int> & Sendable] = [
        \.read, \.accepted, \.deadLettered, \.duplicates, \.late, \.unattributed,
        \.unmatchedRefunds, \.overflowed,
        \.decisions, \.erased, \.corrected, \.examples, \.batches, \.recommendations,
        \.ruleViolations, \.clipped, \.skipped, \.gatePassed, \.gateRejected, \.suppressed,
        \.boundedEvents, \.boundedUsers, \.boundedHours,
        \.headPassed, \.headRejected, \.selfRollbacks, \.itemsForgotten, \.shoppersForgotten,
        \.clippedWeights, \.ignoredInline, \.shadowDecisions, \.shadowDiscounted, \.shadowDepth,
        \.shadowMargin, \.identities.joined, \.identities.moved, \.identities.known,
        \.identities.outdated,
        \.withheldDecisions, \.unlistedWishes,
    ]

    /// All zero.
    public init() {}

    /// Counts a decision that nobody is told of.
    mutating func noteShadow(_ decision: Decision) {
        shadowDecisions += 1
        guard decision.depth > 0 else { return }
        shadowDiscounted += 1
        shadowDepth += Int((10_000 * decision.depth).rounded())
        // Amounts of any size occur.
        let added = (1_000 * decision.incrementalMargin).rounded()
        let sum = Double(shadowMargin) + added
        shadowMargin = abs(sum) < 9e15 ? shadowMargin + Int(added) : shadowMargin
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.array(Self.fields) { $0.integer(Int64(self[keyPath: $1])) }
        for named in [byType, deadLetterReasons] {
            writer.array(named.sorted { $0.key < $1.key }) { writer, entry in
                writer.string(entry.key)
                writer.integer(Int64(entry.value))
            }
        }
        return writer.bytes
    }

    init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        let values = try reader.array { r throws(ByteCodingError) in try r.integer(Int64.self) }
        for (field, value) in zip(Self.fields, values) { self[keyPath: field] = Int(value) }
        byType = try Self.named(&reader)
        deadLetterReasons = try Self.named(&reader)
        try reader.finish()
    }

    private static func named(
        _ reader: inout ByteReader
    ) throws(ByteCodingError) -> [String: Int] {
        let listed = try reader.array { r throws(ByteCodingError) in
            (try r.string(), Int(try r.integer(Int64.self)))
        }
        return Dictionary(listed) { $1 }
    }
}
