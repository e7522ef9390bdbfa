import Records

/// What one shopper's discounted offers have reserved of budgets. Ledger: it never goes back.
public struct BudgetOffers: Sendable, Hashable {
    /// One discounted offer.
    public struct Entry: Sendable, Hashable {
        /// Part of the decision's hash.
        public var decision: UInt64
        /// The hash of the item's id.
        public var item: UInt64
        /// When it was made. Units: milliseconds since 1970.
        public var atMs: Int64
        /// When it ends.
        public var untilMs: Int64
        /// Money given away with a unit. Units: hundredths of the currency's unit.
        public var given: Int64
        /// What it has reserved, by budget.
        public var shares: [Share]

        /// Whether something of a budget was reserved for it.
        public func holds(_ budget: Budget) -> Bool {
            let hash = BudgetOffers.hash(ofBudget: budget.name)
            return shares.contains { $0.budget == hash }
        }
    }

    /// What an offer has reserved of one budget.
    public struct Share: Sendable, Hashable {
        /// The hash of the budget's name.
        public var budget: UInt64
        /// The beginning of the period it was made in.
        public var periodMs: Int64
        /// When it is released.
        public var endMs: Int64
        /// What is reserved.
        public var amount: BudgetAmount
    }

    /// In the order in which they were made.
    public private(set) var entries: [Entry] = []

    /// Offers kept, at most: a purchase of an older one counts as one without a reservation.
    static let entriesMax = 64
    /// For how long an offer that has ended is known, so that a late purchase counts in its period.
    static let keepMs: Int64 = 7 * 86_400_000

    /// Nothing was offered.
    public init() {}

    /// The offer of a decision.
    func find(_ decision: UInt64) -> Entry? { entries.last { $0.decision == decision } }

    /// The offer that a purchase belongs to: that of its decision, or the newest of the item that stood then.
    public func find(decision: UInt64?, item: UInt64, atMs ms: Int64) -> Entry? {
        decision.flatMap(find)
            ?? entries.last { $0.item == item && $0.atMs <= ms && ms < $0.untilMs }
    }

    /// Puts an offer in the place of one of the same decision.
    mutating func put(_ entry: Entry) {
        let horizonMs = entry.atMs - Self.keepMs
        entries.removeAll { $0.decision == entry.decision || $0.untilMs < horizonMs }
        entries.append(entry)
        if entries.count > Self.entriesMax {
            entries.removeFirst(entries.count - Self.entriesMax)
        }
    }

    /// Takes over what was offered under another id, in the order in which all of it was made.
    public mutating func takeOver(_ other: BudgetOffers) {
        let own = Set(entries.map(\.decision))
        let all = entries + other.entries.filter { !own.contains($0.decision) }
        entries = all.sorted { $0.atMs < $1.atMs }.suffix(Self.entriesMax)
    }

    /// Forgets an offer that was bought.
    public mutating func remove(_ entry: Entry) {
        entries.removeAll { $0.decision == entry.decision }
    }

    /// What a budget is known by.
    static func hash(ofBudget name: String) -> UInt64 { StableHash.of(name, seed: 0xb0d9_e755) }
}

extension BudgetOffers {
    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + 96 * entries.count)
        writer.integer(1 as UInt8)
        writer.array(entries) { writer, entry in
            writer.integer(entry.decision)
            writer.integer(entry.item)
            writer.integer(entry.atMs)
            writer.integer(entry.untilMs)
            writer.integer(entry.given)
            writer.array(entry.shares) { writer, share in
                writer.integer(share.budget)
                writer.integer(share.periodMs)
                writer.integer(share.endMs)
                writer.amount(share.amount)
            }
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "reservations of another version")
        }
        entries = try reader.array { r throws(ByteCodingError) in
            Entry(
                decision: try r.integer(), item: try r.integer(), atMs: try r.time(),
                untilMs: try r.time(), given: try r.cents(),
                shares: try r.array { r throws(ByteCodingError) in
                    Share(
                        budget: try r.integer(), periodMs: try r.time(), endMs: try r.time(),
                        amount: try r.amount())
                })
        }
        try reader.finish()
    }
}

extension ByteReader {
    fileprivate mutating func cents() throws(ByteCodingError) -> Int64 {
        let cents = try integer(Int64.self)
        guard (0...Cents.most).contains(cents) else {
            throw .badValue(at: position - 8, "\(cents) cents")
        }
        return cents
    }
}
