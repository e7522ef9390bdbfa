import Records

/// The items of which something waits for a person's word: at most `countMax`, each for so long.
public struct WaitingList: Sendable, Hashable {
    /// One item.
    public struct Entry: Sendable, Hashable {
        /// The item's id.
        public let itemID: String
        /// When it leaves the list unanswered. Units: milliseconds since 1970.
        public let untilMs: Int64
    }

    /// More than a person can look through.
    public static let countMax = 500

    /// In the order in which they came.
    public private(set) var entries: [Entry] = []

    /// Nothing waits.
    public init() {}

    /// Takes out what has waited for long enough.
    public mutating func dropExpired(atMs ms: Int64) -> [Entry] {
        let gone = entries.filter { $0.untilMs <= ms }
        if !gone.isEmpty { entries.removeAll { $0.untilMs <= ms } }
        return gone
    }

    /// Adds an item that is not there.
    ///
    /// - Returns: whether there was room.
    public mutating func add(_ itemID: String, untilMs: Int64) -> Bool {
        guard entries.count < Self.countMax else { return false }
        entries.append(Entry(itemID: itemID, untilMs: untilMs))
        return true
    }

    /// Takes an item out that was answered.
    public mutating func remove(_ itemID: String) { entries.removeAll { $0.itemID == itemID } }

    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 + 32 * entries.count)
        writer.integer(1 as UInt8)
        writer.array(entries) { writer, entry in
            writer.string(entry.itemID)
            writer.integer(entry.untilMs)
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "a waiting list of another version")
        }
        entries = try reader.array { r throws(ByteCodingError) in
            Entry(itemID: try r.string(), untilMs: try r.time())
        }
        try reader.finish()
    }
}
