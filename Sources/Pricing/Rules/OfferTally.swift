import Records

/// How many discounted offers of one item or category were made, by twenty-fourths of a cap's period.
/// Ledger: it never goes back.
///
/// Counted so, a cap of many offers takes no more room than one of few. A window of the period touches at most
/// 25 of the parts, so that what they hold together is never less than what the window does.
public struct OfferTally: Sendable, Hashable {
    /// One part with offers in it.
    public struct Part: Sendable, Hashable {
        /// Its number since 1970.
        public var number: Int64
        /// Offers in it.
        public var offers: UInt64
    }

    /// In ascending order.
    public private(set) var parts: [Part] = []
    /// Length of a part; 0 before anything was counted. Units: milliseconds.
    public private(set) var partMs: Int64 = 0
    /// The number of the newest part that was given up; what was offered up to then is not known.
    public private(set) var forgotten: Int64?

    static let partsOfPeriod: Int64 = 24

    /// Nothing was counted.
    public init() {}

    /// Length of a part for a period. Units: milliseconds, rounded up.
    static func partMs(of periodMs: Int64) -> Int64 {
        max(1, (periodMs + partsOfPeriod - 1) / partsOfPeriod)
    }

    /// Counts an offer. A tally of another period is begun anew, with what it held counted in its first part.
    public mutating func add(atMs ms: Int64, periodMs: Int64) {
        adopt(periodMs)
        let number = Self.number(ms, partMs)
        if let place = parts.firstIndex(where: { $0.number >= number }) {
            if parts[place].number == number {
                parts[place].offers += 1
            } else {
                parts.insert(Part(number: number, offers: 1), at: place)
            }
        } else {
            parts.append(Part(number: number, offers: 1))
        }
        // As much again as a window can reach to either side.
        let horizon = parts[parts.count - 1].number - 3 * Self.partsOfPeriod
        let old = parts.prefix { $0.number < horizon }
        if let last = old.last {
            forgotten = max(forgotten ?? .min, last.number)
            parts.removeFirst(old.count)
        }
    }

    /// The most offers in any window of the period that holds `ms`; `nil` where it is not known.
    public func most(aroundMs ms: Int64, periodMs: Int64) -> UInt64? {
        var own = self
        own.adopt(periodMs)
        let number = Self.number(ms, own.partMs)
        let reach = Self.partsOfPeriod
        if let forgotten = own.forgotten, forgotten >= number - reach { return nil }
        let near = own.parts.filter { abs($0.number - number) <= reach }
        var most: UInt64 = 0
        // The window with the most can be moved on to begin with a part of its own, or with this one.
        for first in near.map(\.number) + [number] where first <= number {
            let sum = near.reduce(UInt64(0)) {
                $1.number >= first && $1.number <= first + reach ? $0 + $1.offers : $0
            }
            most = max(most, sum)
        }
        return most
    }

    /// After a change of the configuration: what was counted in a part counts in all that it may have been in.
    private mutating func adopt(_ periodMs: Int64) {
        let wanted = Self.partMs(of: periodMs)
        guard partMs != wanted else { return }
        defer { partMs = wanted }
        guard partMs > 0 else { return }
        var moved: [Int64: UInt64] = [:]
        for part in parts {
            // Put at the end of where it may have been: it is let go of late rather than early.
            let end = Self.number((part.number + 1) * partMs - 1, wanted)
            moved[end, default: 0] += part.offers
        }
        forgotten = forgotten.map { Self.number(($0 + 1) * partMs - 1, wanted) }
        parts = moved.sorted { $0.key < $1.key }.map { Part(number: $0.key, offers: $0.value) }
    }

    private static func number(_ ms: Int64, _ partMs: Int64) -> Int64 {
        let quotient = ms / partMs
        return ms % partMs < 0 ? quotient - 1 : quotient
    }
}

extension OfferTally {
    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 32 + 16 * parts.count)
        writer.integer(1 as UInt8)
        writer.integer(partMs)
        writer.optional(forgotten) { $0.integer($1) }
        writer.array(parts) { writer, part in
            writer.integer(part.number)
            writer.integer(part.offers)
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "a tally of another version")
        }
        partMs = try reader.time()
        guard partMs >= 0, partMs < 1 << 40 else { throw .badValue(at: 1, "parts of \(partMs) ms") }
        let length = partMs
        forgotten = try reader.optional { r throws(ByteCodingError) in
            try r.partNumber(length)
        }
        parts = try reader.array { r throws(ByteCodingError) in
            let part = Part(number: try r.partNumber(length), offers: try r.integer())
            guard part.offers < 1 << 48 else {
                throw .badValue(at: r.position - 8, "\(part.offers) offers")
            }
            return part
        }
        guard partMs > 0 || parts.isEmpty && forgotten == nil else {
            throw .badValue(at: 1, "offers in parts of no length")
        }
        try reader.finish()
    }
}

extension ByteReader {
    /// So small that no product with a part's length overflows.
    fileprivate mutating func partNumber(_ partMs: Int64) throws(ByteCodingError) -> Int64 {
        let number = try integer(Int64.self)
        guard number.magnitude < (1 << 60) / UInt64(max(1, partMs)) else {
            throw .badValue(at: position - 8, "the part \(number)")
        }
        return number
    }
}
