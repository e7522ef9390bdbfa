import Records

/// The discounts that one item was offered at, whoever to, with the first and last time of each. Ledger: it
/// never goes back.
public struct DepthHistory: Sendable, Hashable {
    /// One discount.
    public struct Entry: Sendable, Hashable {
        /// Fraction of the list price, above 0.
        public var discount: Double
        /// Event time of the first offer. Units: milliseconds since 1970.
        public var firstMs: Int64
        /// Event time of the last.
        public var lastMs: Int64
    }

    /// In ascending order of the last offers.
    public private(set) var entries: [Entry] = []
    /// The newest time of an entry that was given up.
    public private(set) var forgottenMs: Int64?

    /// Entries kept, at most.
    static let entriesMax = 64

    /// Nothing was offered.
    public init() {}

    /// Adds an offer at a discount.
    ///
    /// - Parameter keepMs: event time after which an entry is given up.
    public mutating func add(_ discount: Double, atMs ms: Int64, keepMs: Int64) {
        var entry = Entry(discount: discount, firstMs: ms, lastMs: ms)
        // What lies far apart is two entries: between them the discount was not offered.
        if let place = entries.lastIndex(where: {
            $0.discount == discount && ms > $0.firstMs - keepMs && ms < $0.lastMs + keepMs
        }) {
            let known = entries.remove(at: place)
            entry.firstMs = min(known.firstMs, ms)
            entry.lastMs = max(known.lastMs, ms)
        }
        let place = entries.lastIndex { $0.lastMs <= entry.lastMs }.map { $0 + 1 } ?? 0
        entries.insert(entry, at: place)
        let horizonMs = entries[entries.count - 1].lastMs - keepMs
        let old = entries.prefix { $0.lastMs < horizonMs }.count
        let gone = max(old, entries.count - Self.entriesMax)
        if gone > 0 {
            forgottenMs = max(forgottenMs ?? .min, entries[gone - 1].lastMs)
            entries.removeFirst(gone)
        }
    }

    /// The discounts that may have been offered less than `spanMs` before or after a time; `nil` where that
    /// is not known.
    public func near(_ ms: Int64, spanMs: Int64) -> [Double]? {
        if let forgottenMs, forgottenMs > ms - spanMs { return nil }
        return entries.filter { $0.lastMs > ms - spanMs && $0.firstMs < ms + spanMs }
            .map(\.discount)
    }
}

extension DepthHistory {
    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 + 24 * entries.count)
        writer.integer(1 as UInt8)
        writer.optional(forgottenMs) { $0.integer($1) }
        writer.array(entries) { writer, entry in
            writer.double(entry.discount)
            writer.integer(entry.firstMs)
            writer.integer(entry.lastMs)
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "depths of another version")
        }
        forgottenMs = try reader.optional { r throws(ByteCodingError) in try r.time() }
        entries = try reader.array { r throws(ByteCodingError) in
            Entry(discount: try r.discount(), firstMs: try r.time(), lastMs: try r.time())
        }
        try reader.finish()
    }
}
