import Records

/// What is spent and reserved of one budget. Ledger: it never goes back.
///
/// A discounted offer reserves what it may cost in the period that it is made in. A purchase turns the
/// reservation into spending of that period; without one it is released when the offer has ended. All sums
/// are whole numbers. Reservations are kept by the end of their offers, all of one end together, so that
/// an account takes no more room for many offers than for few.
public struct BudgetAccount: Sendable, Hashable {
    /// One period, as far as it is known.
    public struct Period: Sendable, Hashable {
        /// From when to when.
        public var span: BudgetSpan
        /// What purchases took.
        public var spent = BudgetAmount()
        /// What offers that may still be bought would take.
        public var reserved = BudgetAmount()
    }

    /// What is reserved by offers that end together, in one period.
    struct Hold: Sendable, Hashable {
        /// When they have all ended. Units: milliseconds since 1970.
        var endMs: Int64
        var periodMs: Int64
        var amount: BudgetAmount
    }

    /// In ascending order.
    public private(set) var periods: [Period] = []
    /// The price of spending.
    public private(set) var pace = BudgetPace()
    /// In ascending order of their ends.
    private(set) var holds: [Hold] = []
    /// The end of the newest period that was given up; what was spent before is not known.
    private(set) var forgottenMs: Int64?

    /// Periods kept, at most.
    static let periodsMax = 8
    /// Ends of reservations in an offer's lifetime: one is released late by this part of it, at most.
    static let endsOfLifetime: Int64 = 32
    /// Ends kept, at most; beyond it the next ones are put together at the later one.
    static let holdsMax = 256

    /// Nothing was spent.
    public init() {}

    /// Releases what offers reserved that have ended without a purchase.
    ///
    /// - Parameter ms: event time that all purchases up to are known, as far as they are not late.
    public mutating func release(upTo ms: Int64) {
        let ended = holds.prefix { $0.endMs <= ms }
        for hold in ended { change(hold.periodMs) { $0.reserved = $0.reserved - hold.amount } }
        holds.removeFirst(ended.count)
    }

    /// The period of a time, begun where it is not there.
    ///
    /// - Returns: `nil` outside of a campaign's life, and of a time of which nothing is known any more.
    public mutating func period(at ms: Int64, of period: BudgetPeriod) -> Period? {
        let ms = period.bounded(ms)
        if case .campaign = period {
            guard let span = period.span(at: ms) else { return nil }
            gather(span)
        }
        if let known = periods.last(where: { $0.span.contains(ms) }) { return known }
        guard !isForgotten(ms), var span = period.span(at: ms) else { return nil }
        // What was begun under another configuration stays: the new one fills what is between.
        span.fromMs = max(
            span.fromMs, periods.last { $0.span.untilMs <= ms }?.span.untilMs ?? .min)
        span.untilMs = min(
            span.untilMs, periods.first { $0.span.fromMs > ms }?.span.fromMs ?? .max)
        let new = Period(span: span)
        let place = periods.firstIndex { $0.span.fromMs > ms } ?? periods.count
        periods.insert(new, at: place)
        if periods.count > Self.periodsMax {
            let gone = periods.removeFirst()
            forgottenMs = max(forgottenMs ?? .min, gone.span.untilMs)
            if isForgotten(ms) { return nil }
        }
        return new
    }

    /// What was spent under other bounds of a campaign is spent under these.
    private mutating func gather(_ span: BudgetSpan) {
        let its = periods.filter { $0.span.fromMs < span.untilMs && span.fromMs < $0.span.untilMs }
        guard let first = its.first, its.count > 1 || first.span != span else { return }
        var whole = Period(span: span)
        for period in its {
            whole.spent = whole.spent + period.spent
            whole.reserved = whole.reserved + period.reserved
            for index in holds.indices where holds[index].periodMs == period.span.fromMs {
                holds[index].periodMs = span.fromMs
            }
        }
        periods.removeAll { its.contains($0) }
        periods.insert(
            whole, at: periods.firstIndex { $0.span.fromMs > span.fromMs } ?? periods.count)
    }

    /// Whether what was spent at a time is not known any more.
    func isForgotten(_ ms: Int64) -> Bool { forgottenMs.map { ms < $0 } ?? false }

    /// Reserves for an offer.
    ///
    /// - Parameters:
    ///   - periodMs: the beginning of its period.
    ///   - untilMs: when the offer ends.
    /// - Returns: when it is released, by which it is found again.
    mutating func reserve(
        _ amount: BudgetAmount, in periodMs: Int64, untilMs: Int64, lifetimeMs: Int64
    ) -> Int64 {
        let width = max(1, lifetimeMs / Self.endsOfLifetime)
        let over = untilMs % width
        var endMs = over == 0 ? untilMs : untilMs + (over < 0 ? -over : width - over)
        if holds.count >= Self.holdsMax, !holds.contains(where: { $0.endMs == endMs }) {
            // Later rather than earlier; where nothing is later, it is the last end itself.
            let later = holds.firstIndex { $0.endMs > endMs }
            if let later { endMs = holds[later].endMs } else { raiseLast(to: endMs) }
        }
        if let place = holds.firstIndex(where: { $0.endMs == endMs && $0.periodMs == periodMs }) {
            holds[place].amount = holds[place].amount + amount
        } else {
            let place = holds.firstIndex { $0.endMs > endMs } ?? holds.count
            holds.insert(Hold(endMs: endMs, periodMs: periodMs, amount: amount), at: place)
        }
        change(periodMs) { $0.reserved = $0.reserved + amount }
        return endMs
    }

    private mutating func raiseLast(to endMs: Int64) {
        let last = holds[holds.count - 1].endMs
        for index in holds.indices where holds[index].endMs == last { holds[index].endMs = endMs }
    }

    /// Takes a purchase: what was reserved for it, if it still is, becomes what was spent.
    mutating func spend(
        _ amount: BudgetAmount, in periodMs: Int64, reserved: (amount: BudgetAmount, endMs: Int64)?
    ) {
        if let reserved,
            let place = holds.firstIndex(where: {
                $0.endMs == reserved.endMs && $0.periodMs == periodMs
            })
        {
            let held = holds[place].amount
            let taken = BudgetAmount(
                cents: min(held.cents, reserved.amount.cents),
                uses: min(held.uses, reserved.amount.uses))
            holds[place].amount = held - taken
            if holds[place].amount.isNone { holds.remove(at: place) }
            change(periodMs) { $0.reserved = $0.reserved - taken }
        }
        change(periodMs) { $0.spent = $0.spent + amount }
    }

    mutating func changePace(_ change: (inout BudgetPace) -> Void) { change(&pace) }

    /// What a period that was given up held is not reckoned with any more.
    private mutating func change(_ periodMs: Int64, _ change: (inout Period) -> Void) {
        guard let place = periods.lastIndex(where: { $0.span.fromMs == periodMs }) else { return }
        change(&periods[place])
    }
}

extension BudgetAccount {
    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + 48 * periods.count + 32 * holds.count)
        writer.integer(1 as UInt8)
        writer.optional(forgottenMs) { $0.integer($1) }
        writer.array(periods) { writer, period in
            writer.integer(period.span.fromMs)
            writer.integer(period.span.untilMs)
            writer.amount(period.spent)
            writer.amount(period.reserved)
        }
        writer.array(holds) { writer, hold in
            writer.integer(hold.endMs)
            writer.integer(hold.periodMs)
            writer.amount(hold.amount)
        }
        pace.write(&writer)
        return writer.bytes
    }

    /// - Throws: for bytes that are none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "an account of another version")
        }
        forgottenMs = try reader.optional { r throws(ByteCodingError) in try r.time() }
        periods = try reader.array { r throws(ByteCodingError) in
            let span = BudgetSpan(fromMs: try r.time(), untilMs: try r.time())
            guard span.fromMs < span.untilMs else {
                throw .badValue(at: r.position - 8, "a period that ends before it begins")
            }
            return Period(span: span, spent: try r.amount(), reserved: try r.amount())
        }
        holds = try reader.array { r throws(ByteCodingError) in
            Hold(endMs: try r.time(), periodMs: try r.time(), amount: try r.amount())
        }
        pace = try BudgetPace(&reader)
        try reader.finish()
    }
}

extension ByteWriter {
    mutating func amount(_ amount: BudgetAmount) {
        integer(amount.cents)
        integer(amount.uses)
    }
}

extension ByteReader {
    /// Sums of a few of them must not overflow.
    mutating func amount() throws(ByteCodingError) -> BudgetAmount {
        let amount = BudgetAmount(cents: try integer(), uses: try integer())
        guard (0...Cents.most).contains(amount.cents), (0...Cents.most).contains(amount.uses) else {
            throw .badValue(at: position - 16, "\(amount.cents) cents and \(amount.uses) uses")
        }
        return amount
    }
}
