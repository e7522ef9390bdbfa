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
    public var superseded = 0
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
    /// Accepted events by type.
    public var byType: [String: Int] = [:]

    static let fields: [WritableKeyPath<Counters, Int> & Sendable] = [
        \.read, \.accepted, \.deadLettered, \.duplicates, \.late, \.unattributed,
        \.unmatchedRefunds, \.overflowed,
        \.superseded, \.erased, \.corrected, \.examples, \.batches, \.recommendations,
        \.ruleViolations, \.clipped, \.skipped, \.gatePassed, \.gateRejected,
    ]

    public init() {}

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.array(Self.fields) { $0.integer(Int64(self[keyPath: $1])) }
        writer.array(byType.sorted { $0.key < $1.key }) { writer, entry in
            writer.string(entry.key)
            writer.integer(Int64(entry.value))
        }
        return writer.bytes
    }

    init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        let values = try reader.array { r throws(ByteCodingError) in try r.integer(Int64.self) }
        for (field, value) in zip(Self.fields, values) { self[keyPath: field] = Int(value) }
        let types = try reader.array { r throws(ByteCodingError) in
            (try r.string(), Int(try r.integer(Int64.self)))
        }
        byType = Dictionary(types) { $1 }
        try reader.finish()
    }
}
