import Records

/// What happened so far, over the life of the store.
public struct Counters: Sendable, Equatable {
    public var read = 0
    public var accepted = 0
    public var deadLettered = 0
    public var duplicates = 0
    public var late = 0
    public var unattributed = 0
    public var unmatchedRefunds = 0
    public var overflowed = 0
    /// Issued decisions that took the place of the click they were issued to.
    public var decisions = 0
    public var erased = 0
    public var corrected = 0
    public var examples = 0
    public var batches = 0
    public var recommendations = 0
    public var ruleViolations = 0
    public var clipped = 0
    public var skipped = 0
    public var gatePassed = 0
    public var gateRejected = 0
    /// Events from before their users were erased.
    public var suppressed = 0
    /// Updates of which a bound on what one event, shopper or hour may move let less in.
    public var boundedEvents = 0
    public var boundedUsers = 0
    public var boundedHours = 0
    /// Judgements of the heads, and times the weights went back for them.
    public var headPassed = 0
    public var headRejected = 0
    public var selfRollbacks = 0
    /// Events whose sampling rate or propensity is below what the bound on weights lets count.
    public var clippedWeights = 0
    /// Inline item fields that were not taken over, counted by event.
    public var ignoredInline = 0
    /// Items and shoppers forgotten for not being seen, or for want of room.
    public var itemsForgotten = 0
    public var shoppersForgotten = 0
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
        \.clippedWeights, \.ignoredInline,
    ]

    public init() {}

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
