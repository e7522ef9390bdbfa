import Records

/// What one shopper was offered, as far as rules look back. Ledger: it never goes back.
///
/// Entries are by decision, so that one that is made again, as after a rewind, is known as the same.
public struct OfferHistory: Sendable, Hashable {
    /// One new offer; an offer that stands is none.
    public struct Entry: Sendable, Hashable {
        /// Part of the decision's hash.
        public var decision: UInt64
        /// Event time. Units: milliseconds since 1970.
        public var atMs: Int64
        /// The hash of the item's id.
        public var item: UInt64
        /// Fraction of the list price, 0 for none.
        public var discount: Double

        /// Takes each field as it is.
        public init(decision: UInt64, atMs: Int64, item: UInt64, discount: Double) {
            self.decision = decision
            self.atMs = atMs
            self.item = item
            self.discount = discount
        }
    }

    /// In the order of their times.
    public private(set) var entries: [Entry] = []
    /// The newest time of an entry that was given up for want of room or for its age; what was offered up
    /// to then is not known.
    public private(set) var forgottenMs: Int64?

    /// Entries kept, at most.
    static let entriesMax = 256

    /// Nothing was offered.
    public init() {}

    /// What an offer changed in the history.
    public enum Change: Sendable, Equatable {
        /// It was there, with the same discount.
        case none
        /// It was not there.
        case added
        /// It was there with this discount: made again after a rewind, it came out otherwise.
        case replaced(discount: Double)

        /// Whether a discount that is offered now counts as one more: not where the decision had one before.
        public var countsOnceMore: Bool {
            switch self {
            case .none: false
            case .added: true
            case .replaced(let discount): discount == 0
            }
        }
    }

    /// Adds an offer. One whose decision is there takes its place, unless it has no discount: a discount that
    /// was offered stays offered.
    ///
    /// - Parameter keepMs: event time after which an entry is given up.
    @discardableResult
    public mutating func add(_ entry: Entry, keepMs: Int64) -> Change {
        if let place = entries.firstIndex(where: { $0.decision == entry.decision }) {
            let old = entries[place].discount
            guard old != entry.discount, entry.discount > 0 else { return .none }
            entries[place].discount = entry.discount
            return .replaced(discount: old)
        }
        let place = entries.lastIndex { $0.atMs <= entry.atMs }.map { $0 + 1 } ?? 0
        entries.insert(entry, at: place)
        let horizonMs = entries[entries.count - 1].atMs - keepMs
        let old = entries.prefix { $0.atMs < horizonMs }.count
        let gone = max(old, entries.count - Self.entriesMax)
        if gone > 0 {
            forgottenMs = max(forgottenMs ?? .min, entries[gone - 1].atMs)
            entries.removeFirst(gone)
        }
        return .added
    }

    /// Takes over what was offered under another id, and what is not known of it any more.
    public mutating func takeOver(_ other: OfferHistory, keepMs: Int64) {
        for entry in other.entries { add(entry, keepMs: keepMs) }
        if let ms = other.forgottenMs { forgottenMs = max(forgottenMs ?? .min, ms) }
    }

    /// The entry of a decision; `nil` where it is not there.
    public func find(_ decision: UInt64) -> Entry? { entries.first { $0.decision == decision } }

    /// Whether all that was offered later than `ms` is known.
    func knows(after ms: Int64) -> Bool { forgottenMs.map { $0 <= ms } ?? true }

    /// Offers less than `spanMs` before or after a time.
    func near(
        _ atMs: Int64, spanMs: Int64, besides decision: UInt64? = nil, item: UInt64?
    ) -> [Entry] {
        entries.filter {
            abs($0.atMs - atMs) < spanMs && $0.decision != decision
                && (item == nil || $0.item == item)
        }
    }
}

extension OfferHistory {
    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 + 32 * entries.count)
        writer.integer(1 as UInt8)
        writer.optional(forgottenMs) { $0.integer($1) }
        writer.array(entries) { writer, entry in
            writer.integer(entry.decision)
            writer.integer(entry.atMs)
            writer.integer(entry.item)
            writer.double(entry.discount)
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are none, and for a discount that is none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "offers of another version")
        }
        forgottenMs = try reader.optional { r throws(ByteCodingError) in try r.time() }
        entries = try reader.array { r throws(ByteCodingError) in
            Entry(
                decision: try r.integer(), atMs: try r.time(), item: try r.integer(),
                discount: try r.discount())
        }
        try reader.finish()
    }
}
