import Records
import ResponseModel

/// A bounded memory of learned examples: all recent ones, and a stratified sample of older ones.
///
/// Strata are category × depth bucket × label. Below capacity nothing is ever dropped and every
/// example stands for itself. Above it, strata give way in proportion to the square root of what
/// they have seen, so that rare kinds stay. One learner's thread.
public struct ReplayMemory: Sendable {
    /// The bounds on what is kept.
    public struct Configuration: Sendable, Hashable {
        /// Examples kept at most.
        public var capacity: Int
        /// The newest examples, all of which are kept; at most `capacity`.
        public var recent: Int
        /// Categories told apart; the rest share strata.
        public var categoriesMax: Int
        /// Of the sample: the same seed and examples give the same memory.
        public var seed: UInt64
        /// Where its rows are kept.
        public var table = ReplayMemory.table

        /// Brings each number into its range; `recent` is half of the capacity unless given.
        public init(
            capacity: Int = 200_000, recent: Int? = nil, categoriesMax: Int = 256,
            seed: UInt64 = 0
        ) {
            self.capacity = max(1, capacity)
            self.recent = min(max(1, recent ?? capacity / 2), self.capacity)
            self.categoriesMax = min(max(0, categoriesMax), 4_000)
            self.seed = seed
        }
    }

    /// One example as it lies in memory: numbers, and symbols for what repeats.
    struct Slot: Sendable {
        static let vacant = UInt64.max

        var sequence: UInt64
        var tsMs: Int64
        var price: Double
        var discount: Double
        var weight: Double
        var servedLogit: Double
        var units: Units
        var exampleId: String
        var symbols: Symbols
        var encoderVersion: UInt32
        var category: UInt16
        var label: Label

        struct Units: Sendable {
            var count: UInt32
            var expected: Float
        }

        /// What repeats.
        struct Symbols: Sendable {
            var head: UInt32
            var item: UInt32
            var user: UInt32
            var context: UInt32
        }

        struct Label: Sendable {
            var given: Bool
            /// That by which it is sorted into a stratum; once older, corrections leave it there.
            var sampled: Bool
            var isCorrected: Bool
            var isFirst: Bool
        }
    }

    /// As it was given, each number in its range.
    public let configuration: Configuration
    /// Examples ever inserted: the sequence number of the next one.
    public internal(set) var inserted: UInt64 = 0
    var recents: Recents
    /// What is kept as it was; see `hold`.
    var held: HeldExamples?
    var random: SeededRandom

    var slots: [Slot] = []
    var freeSlots: [UInt32] = []
    var places = Places()
    var interned = Interned()

    var strata: [Int: Stratum] = [:]
    var categories = Categories()
    var rows = Rows()

    static let noSlot = UInt32.max

    /// The examples that are kept for being recent.
    struct Recents: Sendable {
        /// They are those from this sequence number on.
        var from: UInt64 = 0
        /// The slot of each, by sequence number modulo the ring's length.
        var ring: [UInt32]
    }

    /// Where the examples lie of an id, and of a shopper.
    struct Places: Sendable {
        var byExample = ProbeTable()
        /// By symbol; made when first asked for, since most streams never ask.
        var byUser: [UInt32: Set<Int>]?
    }

    /// What symbols stand for.
    struct Interned: Sendable {
        var strings = InternTable<String> { StableHash.of($0) }
        var contexts = InternTable<InternedContext> { $0.stableHash }
    }

    /// The categories told apart.
    struct Categories: Sendable {
        /// By number; 0 is every other one and none.
        var names: [String] = [""]
        var numbers: [String: UInt16] = [:]
    }

    /// What the next commit must write. Bounded by the capacity, committed or not.
    struct Rows: Sendable {
        /// Sequence number and slot.
        var changedExamples: [UInt64: UInt32] = [:]
        var removedExamples: Set<UInt64> = []
        var changedStrata: Set<Int> = []
        /// Examples below this sequence number, and categories below that number, have rows.
        var committedExamples: UInt64 = 0
        var committedCategories = 1
    }

    /// An empty memory.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        recents = Recents(ring: Array(repeating: Self.noSlot, count: configuration.recent))
        random = SeededRandom(seed: StableHash.of("replay memory", seed: configuration.seed))
    }

    /// The sequence number of the oldest example that is kept for being recent.
    public var oldestRecent: UInt64 { recents.from }

    /// Examples held now.
    public var count: Int { slots.count - freeSlots.count }

    // MARK: Insertion and ageing

    /// Remembers one example and returns its sequence number.
    ///
    /// - Parameter category: for stratification only.
    /// - Complexity: O(log count), amortised; about a microsecond.
    @discardableResult
    public mutating func insert(_ example: MemoryExample, category: String?) -> UInt64 {
        let sequence = inserted
        inserted += 1
        // First, since the oldest recent example has the new one's place in the ring.
        if held == nil { ageRecent() } else { growRing(to: Int(inserted - recents.from)) }
        let slot = place(
            example, sequence: sequence, category: number(ofCategory: category))
        rows.changedExamples[sequence] = UInt32(slot)
        if held == nil { evictSurplus() }
        return sequence
    }

    private mutating func number(ofCategory category: String?) -> UInt16 {
        guard let category else { return 0 }
        if let known = categories.numbers[category] { return known }
        guard categories.names.count <= configuration.categoriesMax else { return 0 }
        return restoreCategory(category)
    }

    @discardableResult
    mutating func restoreCategory(_ category: String) -> UInt16 {
        let number = UInt16(categories.names.count)
        categories.names.append(category)
        categories.numbers[category] = number
        return number
    }

    /// Makes room for `count` recent examples: while the memory is held there are more than configured.
    mutating func growRing(to count: Int) {
        guard count > recents.ring.count else { return }
        let before = recents.ring
        recents.ring = Array(repeating: Self.noSlot, count: max(count, 2 * before.count))
        for slot in before where slot != Self.noSlot {
            recents.ring[Int(slots[Int(slot)].sequence % UInt64(recents.ring.count))] = slot
        }
    }

    /// Puts an example into a slot, and into the ring when it is recent.
    mutating func place(_ example: MemoryExample, sequence: UInt64, category: UInt16) -> Int {
        let made = Slot(
            sequence: sequence, tsMs: example.exposure.tsMs, price: example.exposure.price,
            discount: example.exposure.discount, weight: example.weight,
            servedLogit: example.servedLogit,
            units: Slot.Units(
                count: UInt32(clamping: example.units.count), expected: example.units.expected),
            exampleId: example.exampleId, symbols: symbols(of: example),
            encoderVersion: example.encoderVersion, category: category,
            label: Slot.Label(
                given: example.label, sampled: example.label, isCorrected: example.isCorrected,
                isFirst: example.isFirst))
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = Int(free)
            slots[slot] = made
        } else {
            slot = slots.count
            slots.append(made)
        }
        places.byExample.insert(slot, hash: Self.hash(example.exampleId, example.head))
        if places.byUser != nil { places.byUser?[made.symbols.user, default: []].insert(slot) }
        if sequence >= recents.from {
            recents.ring[Int(sequence % UInt64(recents.ring.count))] = UInt32(slot)
        }
        return slot
    }

    private mutating func symbols(of example: MemoryExample) -> Slot.Symbols {
        Slot.Symbols(
            head: interned.strings.acquire(example.head),
            item: interned.strings.acquire(example.itemId),
            user: interned.strings.acquire(example.exposure.user),
            context: interned.contexts.acquire(InternedContext(example.exposure.context)))
    }

    static func hash(_ exampleId: String, _ head: String) -> UInt64 {
        StableHash.of(exampleId, head)
    }

    /// Lets examples grow old until no more are recent than may be.
    mutating func ageRecent() {
        while inserted - recents.from > UInt64(configuration.recent) { age() }
    }

    /// Drops older examples until no more are left than may be.
    mutating func evictSurplus() {
        while count > configuration.capacity, evict() {}
    }

    /// The oldest recent example goes into its stratum's sample, or goes.
    private mutating func age() {
        let at = Int(recents.from % UInt64(recents.ring.count))
        recents.from += 1
        guard recents.ring[at] != Self.noSlot else { return }
        let slot = Int(recents.ring[at])
        recents.ring[at] = Self.noSlot
        let index = stratumIndex(of: slots[slot])
        rows.changedStrata.insert(index)
        if !strata[index, default: Stratum()].offer(member(slot)) { vacate(slot) }
    }

    /// Drops one older example from the stratum that has most beyond its share.
    private mutating func evict() -> Bool {
        var victim: Int?
        var most = 0.0
        for (index, stratum) in strata where stratum.kept > 0 {
            let excess = Double(stratum.kept) * Double(stratum.kept) / max(stratum.seen, 1)
            if excess > most || (excess == most && index < victim ?? .max) {
                (victim, most) = (index, excess)
            }
        }
        guard let victim, let gone = strata[victim]?.giveUpOne() else { return false }
        rows.changedStrata.insert(victim)
        vacate(Int(gone.slot))
        return true
    }

    func member(_ slot: Int) -> Stratum.Member {
        let sequence = slots[slot].sequence
        var hash = StableHash(seed: configuration.seed)
        hash.combine(sequence)
        return Stratum.Member(priority: hash.value, sequence: sequence, slot: UInt32(slot))
    }

    /// category × 8 depth buckets × label.
    func stratumIndex(of slot: Slot) -> Int {
        (Int(slot.category) * 8 + Self.depthBucket(slot.discount)) * 2
            + (slot.label.sampled ? 1 : 0)
    }

    /// 0 for none (up to 1 %), then by tenths; the last takes everything from 60 %.
    package static func depthBucket(_ discount: Double) -> Int {
        guard isDiscounted(discount) else { return 0 }
        return 1 + Int(min(discount * 10, 6))
    }

    /// What the depth buckets are called.
    package static let depthNames = [
        "none", "up to 10%", "10-20%", "20-30%", "30-40%", "40-50%", "50-60%", "from 60%",
    ]

    /// Forgets what a slot holds; its stratum is the caller's affair.
    mutating func vacate(_ index: Int) {
        let slot = slots[index]
        places.byExample.remove(
            index, hash: Self.hash(slot.exampleId, interned.strings[slot.symbols.head]))
        unlist(index, of: slot.symbols.user)
        for symbol in [slot.symbols.head, slot.symbols.item, slot.symbols.user] {
            interned.strings.release(symbol)
        }
        interned.contexts.release(slot.symbols.context)
        slots[index].sequence = Slot.vacant
        slots[index].exampleId = ""
        freeSlots.append(UInt32(index))
        held?.past[slot.sequence] = nil
        rows.changedExamples[slot.sequence] = nil
        if slot.sequence < rows.committedExamples { rows.removedExamples.insert(slot.sequence) }
    }
}
