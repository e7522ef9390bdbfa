import Records

/// What a person said of deep discounts of one item, and what waits for a person's word.
public struct Approval: Sendable, Hashable {
    /// A person's word. It holds for a stretch of event time.
    public struct Answer: Sendable, Hashable {
        /// The deepest discount allowed, as a fraction of the list price; 0: none beyond what needs no word.
        public var depth: Double
        /// From when it holds. Units: milliseconds since 1970, as below.
        public var fromMs: Int64
        /// Until when, which is outside.
        public var untilMs: Int64

        /// Takes each field as it is.
        public init(depth: Double, fromMs: Int64, untilMs: Int64) {
            self.depth = depth
            self.fromMs = fromMs
            self.untilMs = untilMs
        }
    }

    /// What decisions wished for and were not given.
    public struct Wish: Sendable, Hashable {
        /// The deepest discount wished for, as a fraction of the list price.
        public var depth: Double
        /// How many decisions wished for one.
        public var decisions: Int64
        /// What they would have been expected to add, all together, to what was given. In the currency of the prices.
        public var gain: Double
        /// The earliest of them.
        public var firstMs: Int64
        /// The latest of them.
        public var lastMs: Int64
    }

    /// What was said last, whether it holds still or not.
    public private(set) var answer: Answer?
    /// What waits; `nil` where nothing does.
    public private(set) var wish: Wish?

    /// Nothing was wished for nor said.
    public init() {}

    /// The discount that is allowed at a time; 0 where nothing was said for it.
    public func depth(atMs ms: Int64) -> Double {
        guard let answer, answer.fromMs <= ms, ms < answer.untilMs else { return 0 }
        return answer.depth
    }

    /// Whether a person's word holds at a time, a refusal among them.
    public func isAnswered(atMs ms: Int64) -> Bool {
        answer.map { $0.fromMs <= ms && ms < $0.untilMs } ?? false
    }

    /// Adds what one more decision wished for.
    public mutating func add(_ withheld: WithheldOffer, atMs ms: Int64) {
        guard var known = wish else {
            wish = Wish(
                depth: withheld.depth, decisions: 1, gain: withheld.gain, firstMs: ms, lastMs: ms)
            return
        }
        known.depth = max(known.depth, withheld.depth)
        known.decisions += 1
        known.gain = min(known.gain + withheld.gain, ItemOffer.amountMax)
        known.firstMs = min(known.firstMs, ms)
        known.lastMs = max(known.lastMs, ms)
        wish = known
    }

    /// Forgets what waits.
    public mutating func dropWish() { wish = nil }

    /// Takes a person's word; nothing waits any more.
    public mutating func take(_ answer: Answer) {
        self.answer = answer
        wish = nil
    }
}

/// A discount that was worth more than the one given, and waits for a person's word.
public struct WithheldOffer: Sendable, Hashable {
    /// As a fraction of the list price.
    public let depth: Double
    /// What it is expected to add to what was given, in the currency of the prices.
    public let gain: Double

    /// Takes both as they are.
    public init(depth: Double, gain: Double) {
        self.depth = depth
        self.gain = gain
    }
}

extension Approval {
    /// A row of the ledger.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.integer(1 as UInt8)
        writer.optional(answer) { writer, answer in
            writer.double(answer.depth)
            writer.integer(answer.fromMs)
            writer.integer(answer.untilMs)
        }
        writer.optional(wish) { writer, wish in
            writer.double(wish.depth)
            writer.integer(wish.decisions)
            writer.double(wish.gain)
            writer.integer(wish.firstMs)
            writer.integer(wish.lastMs)
        }
        return writer.bytes
    }

    /// - Throws: for bytes that are none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        guard try reader.integer(UInt8.self) == 1 else {
            throw .badValue(at: 0, "an approval of another version")
        }
        answer = try reader.optional { r throws(ByteCodingError) in
            Answer(depth: try r.discount(), fromMs: try r.time(), untilMs: try r.time())
        }
        wish = try reader.optional { r throws(ByteCodingError) in
            Wish(
                depth: try r.discount(), decisions: try r.tally(), gain: try r.amount(),
                firstMs: try r.time(), lastMs: try r.time())
        }
        try reader.finish()
    }
}
