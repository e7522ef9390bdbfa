import Records

/// The prices at which one item was offered to everybody, as far as the law looks back. Ledger: it never
/// goes back.
///
/// Two things make such a price: the catalogue, and offers of our own that were as good as general. Whether they
/// were is told by days (UTC): the price that at least a stated share of a day's decisions had, or a lower one,
/// counts as the day's price for everybody.
public struct PriceHistory: Sendable, Hashable {
    /// The catalogue's price from a time on.
    public struct Step: Sendable, Hashable {
        /// Event time. Units: milliseconds since 1970.
        public var fromMs: Int64
        /// In the shop's currency, above 0.
        public var price: Double
    }

    /// A day on which most were offered the item below its catalogue price.
    public struct Reduction: Sendable, Hashable {
        /// Days since 1970.
        public var day: Int64
        /// The price for everybody.
        public var price: Double
    }

    /// Of the newest day: how many decisions had each price.
    struct Today: Sendable, Hashable {
        var day: Int64 = .min
        var offers: [(price: Double, count: UInt64)] = []

        static func == (a: Self, b: Self) -> Bool {
            a.day == b.day && a.offers.elementsEqual(b.offers) { $0 == $1 }
        }

        func hash(into hasher: inout Hasher) { hasher.combine(day) }
    }

    /// In the order of their times.
    public private(set) var steps: [Step] = []
    /// In the order of their days.
    public private(set) var reductions: [Reduction] = []
    /// Since when prices are known; `nil` where none is.
    public private(set) var sinceMs: Int64?
    var today = Today()

    static let dayMs: Int64 = 86_400_000
    /// Fewer decisions in a day tell nothing of a price for everybody.
    static let offersMin: UInt64 = 10
    /// Prices counted in a day and steps kept, at most.
    static let pricesMax = 64
    static let stepsMax = 512
    /// Days beyond the ones that the law asks for, so that the beginning of a long reduction is known.
    static let reductionDaysMax: Int64 = 366

    /// Nothing is known.
    public init() {}

    // MARK: What happens

    /// Takes a price of the catalogue that holds from a time on.
    public mutating func note(cataloguePrice price: Double, atMs ms: Int64, days: Int) {
        sinceMs = min(sinceMs ?? ms, ms)
        let place = steps.lastIndex { $0.fromMs <= ms }.map { $0 + 1 } ?? 0
        guard place == 0 || steps[place - 1].price != price else { return }
        steps.insert(Step(fromMs: ms, price: price), at: place)
        // Said of one instant, the lower one is meant to be known.
        let keepMs = (Int64(days) + Self.reductionDaysMax) * Self.dayMs
        let horizonMs = steps[steps.count - 1].fromMs - keepMs
        while steps.count > 1, steps[1].fromMs <= horizonMs || steps.count > Self.stepsMax {
            // For want of room the lower of two prices counts for the time of both.
            if steps[1].fromMs > horizonMs {
                steps[1] = Step(
                    fromMs: steps[0].fromMs, price: min(steps[0].price, steps[1].price))
            }
            steps.removeFirst()
        }
    }

    /// Takes a decision's price, be it a discounted one or not.
    public mutating func note(offer price: Double, atMs ms: Int64, _ settings: PriorPriceSettings) {
        let day = Self.day(ms)
        if day < today.day { return }
        if day > today.day {
            close(settings)
            today = Today(day: day)
        }
        if let place = today.offers.firstIndex(where: { $0.price == price }) {
            today.offers[place].count += 1
        } else if today.offers.count < Self.pricesMax {
            today.offers.append((price, 1))
        } else if let place = today.offers.indices.min(by: {
            abs(today.offers[$0].price - price) < abs(today.offers[$1].price - price)
        }) {
            today.offers[place].count += 1
            today.offers[place].price = min(today.offers[place].price, price)
        }
    }

    private mutating func close(_ settings: PriorPriceSettings) {
        guard let price = todaysReduction(settings) else { return }
        reductions.append(Reduction(day: today.day, price: price))
        let oldest = today.day - Int64(settings.days) - Self.reductionDaysMax
        reductions.removeAll { $0.day < oldest }
    }

    private var todaysOffers: UInt64 { today.offers.reduce(UInt64(0)) { $0 + $1.count } }

    /// Today's price for everybody, where it is below the catalogue's.
    private func todaysReduction(_ settings: PriorPriceSettings) -> Double? {
        let total = todaysOffers
        guard total >= Self.offersMin else { return nil }
        var had: UInt64 = 0
        for (price, count) in today.offers.sorted(by: { $0.price < $1.price }) {
            had += count
            if Double(had) >= settings.generalShare * Double(total) {
                let end = (today.day + 1) * Self.dayMs
                let usual = steps.last { $0.fromMs < end }?.price
                return usual.map { price < $0 } ?? true ? price : nil
            }
        }
        return nil
    }

    // MARK: What is asked

    /// What a reduction offered at a time is to be measured against.
    public func prior(atMs ms: Int64, _ settings: PriorPriceSettings) -> PriorPrice {
        // Of days that are over it is not kept whether there was a price for everybody or none: an event of one is
        // refused rather than guessed at.
        guard let sinceMs, sinceMs < ms, Self.day(ms) >= today.day else { return .unknown }
        let run = run(atMs: ms, settings)
        let beganMs = run?.beganMs ?? ms
        let spanMs = Int64(settings.days) * Self.dayMs
        let known = beganMs - sinceMs
        let newMs = Int64(settings.newDays) * Self.dayMs
        guard known >= spanMs || (settings.newDays > 0 && known >= newMs) else { return .tooNew }
        guard let before = lowest(from: beganMs - spanMs, to: beganMs, settings) else {
            return .unknown
        }
        guard let run, !settings.isProgressive else { return .price(before) }
        // Of a price that is lower than it was in the run, the run is part of what came before.
        let since = lowest(from: beganMs, to: ms, settings) ?? run.lowest
        return .price(before, running: RunningReduction(highest: run.highest, lowest: since))
    }

    /// Reductions for everybody that have gone on from day to day.
    private struct Run {
        var beganMs: Int64
        var highest: Double
        var lowest: Double
    }

    /// The one that goes on at a time; `nil` where none does.
    private func run(atMs ms: Int64, _ settings: PriorPriceSettings) -> Run? {
        var day = Self.day(ms)
        var run: Run?
        func take(_ price: Double, of its: Int64) {
            run = Run(
                beganMs: its * Self.dayMs, highest: max(run?.highest ?? price, price),
                lowest: min(run?.lowest ?? price, price))
        }
        if today.day == day || today.day == day - 1 {
            if let price = todaysReduction(settings) {
                take(price, of: today.day)
                day = today.day
            } else if todaysOffers >= Self.offersMin {
                return nil
            }
        }
        for reduction in reductions.reversed() where reduction.day < day {
            guard reduction.day == day - 1 else { break }
            day = reduction.day
            take(reduction.price, of: day)
        }
        return run
    }

    /// The lowest price for everybody in a time, its end outside of it; `nil` where none is known.
    func lowest(from: Int64, to: Int64, _ settings: PriorPriceSettings) -> Double? {
        var lowest: Double?
        func take(_ price: Double) { lowest = min(lowest ?? price, price) }
        for (index, step) in steps.enumerated() where step.fromMs < to {
            let endMs = index + 1 < steps.count ? steps[index + 1].fromMs : .max
            if endMs > from { take(step.price) }
        }
        for reduction in reductions
        where reduction.day * Self.dayMs < to && (reduction.day + 1) * Self.dayMs > from {
            take(reduction.price)
        }
        if today.day > .min, today.day * Self.dayMs < to, (today.day + 1) * Self.dayMs > from,
            let price = todaysReduction(settings)
        {
            take(price)
        }
        return lowest
    }

    static func day(_ ms: Int64) -> Int64 {
        let day = ms / dayMs
        return ms % dayMs < 0 ? day - 1 : day
    }
}

extension PriceHistory {
    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + 16 * (steps.count + reductions.count))
        writer.integer(1 as UInt8)
        writer.optional(sinceMs) { $0.integer($1) }
        writer.array(steps) { writer, step in
            writer.integer(step.fromMs)
            writer.double(step.price)
        }
        writer.array(reductions) { writer, reduction in
            writer.integer(reduction.day)
            writer.double(reduction.price)
        }
        writer.optional(today.day > .min ? today : nil) { writer, today in
            writer.integer(today.day)
            writer.array(today.offers) { writer, offer in
                writer.double(offer.price)
                writer.integer(UInt32(clamping: offer.count))
            }
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are none, and for a price that is none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "prices of another version")
        }
        sinceMs = try reader.optional { r throws(ByteCodingError) in try r.time() }
        steps = try reader.array { r throws(ByteCodingError) in
            Step(fromMs: try r.time(), price: try r.price())
        }
        reductions = try reader.array { r throws(ByteCodingError) in
            Reduction(day: try r.day(), price: try r.price())
        }
        let last = try reader.optional { r throws(ByteCodingError) in
            let day = try r.day()
            let offers = try r.array { r throws(ByteCodingError) in
                (price: try r.price(), count: UInt64(try r.integer(UInt32.self)))
            }
            return Today(day: day, offers: offers)
        }
        if let last { today = last }
        try reader.finish()
    }
}

extension ByteReader {
    fileprivate mutating func price() throws(ByteCodingError) -> Double {
        let price = try double()
        guard price > 0, price <= ItemOffer.amountMax else {
            throw .badValue(at: position - 8, "the price \(price)")
        }
        return price
    }

    fileprivate mutating func day() throws(ByteCodingError) -> Int64 {
        let day = try integer(Int64.self)
        guard day.magnitude < 1 << 33 else { throw .badValue(at: position - 8, "the day \(day)") }
        return day
    }
}
