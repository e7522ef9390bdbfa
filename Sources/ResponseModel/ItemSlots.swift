import CPosterior
import Records

/// The items that have an entry in the core now, and what a new one can be told by them.
///
/// A slot's entry is the item's total effect f = w.e + h: what its text says (w, the text weights; e,
/// its vector) and its own part h. Own parts of items born at about the same time, and of like text,
/// are correlated a priori: cov(h, h') = k(h, h') below, plus `itemVariance` on the diagonal.
struct ItemSlots: Sendable {
    struct Slot: Sendable, Equatable {
        var item: UInt64
        /// The core's entry.
        var entry: Int32
        /// When the item got the slot. Units: hours since 1970.
        var bornHours: Double
        /// The number of the last event that used it.
        var used: UInt64
    }

    let capacity: Int
    let dimension: Int
    private let configuration: HeadConfiguration
    private(set) var slots: [Slot] = []
    private(set) var vectors: [Float] = []
    /// k between the slots' items. Derived, not stored. Shape (capacity, capacity).
    private var kernel: [Double]
    private var index: StableIndex

    var dirtyVectors: [Bool] = []
    var slotsAreDirty = true

    /// - Parameter count: slots there are already, under an earlier configuration maybe.
    init(dimension: Int, _ configuration: HeadConfiguration, holding count: Int = 0) {
        capacity = max(1, configuration.slotCountMax, count)
        self.dimension = dimension
        self.configuration = configuration
        kernel = Array(repeating: 0, count: capacity * capacity)
        index = StableIndex(minimumCapacity: capacity)
    }

    /// The slot of an item, or -1.
    func slot(_ item: UInt64) -> Int { Int(index.value(item)) }

    /// Whether the slot was made with these very numbers.
    func holds(_ slot: Int, _ vector: [Float]) -> Bool {
        guard vector.count == dimension else { return false }
        return unsafe vectors.withUnsafeBufferPointer { held in
            unsafe vector.withUnsafeBufferPointer { asked in
                // Without a way out of the loop, so that it takes many numbers at a time.
                var different: UInt32 = 0
                for d in 0..<dimension {
                    unsafe different |=
                        held[slot * dimension + d].bitPattern ^ asked[d].bitPattern
                }
                return different == 0
            }
        }
    }

    func vector(_ slot: Int) -> ArraySlice<Float> {
        vectors[slot * dimension..<(slot + 1) * dimension]
    }

    /// The slot used longest ago.
    private var leastRecent: Int {
        var best = 0
        for candidate in slots.indices where slots[candidate].used < slots[best].used {
            best = candidate
        }
        return best
    }

    /// The slot that an item gets: the one it has, a new one, or the one used longest ago.
    func place(known: Int) -> Int {
        known >= 0 ? known : slots.count < capacity ? slots.count : leastRecent
    }

    mutating func use(_ slot: Int, event: UInt64) {
        slots[slot].used = event
        slotsAreDirty = true
    }

    /// Gives a slot, a new one or one in use, to an item.
    ///
    /// - Parameter kernelRow: the item's, if it is known already.
    mutating func assign(
        _ slot: Int, _ content: Slot, vector: [Float], kernelRow known: [Double]? = nil
    ) {
        slotsAreDirty = true
        var row = known ?? kernelRow(vector, at: content.bornHours)
        if slot == slots.count {
            slots.append(content)
            vectors.append(contentsOf: vector)
            dirtyVectors.append(true)
        } else {
            index.remove(slots[slot].item)
            slots[slot] = content
            for d in 0..<dimension { vectors[slot * dimension + d] = vector[d] }
            dirtyVectors[slot] = true
        }
        index.insert(content.item, Int32(slot))
        row.append(contentsOf: repeatElement(0, count: slots.count - row.count))
        for other in slots.indices {
            kernel[slot * capacity + other] = row[other]
            kernel[other * capacity + slot] = row[other]
        }
    }

    // MARK: Priors

    /// Prior variance of an item's own part.
    var ownVariance: Double {
        let base = configuration.scale * configuration.itemVariance
        // Without texts an item's own part stands for what the text would have said, too.
        return dimension > 0
            ? base
            : base + configuration.scale
                * (configuration.textVariance + configuration.localVariance)
    }

    /// k of an item with itself.
    var sharedVariance: Double {
        configuration.scale
            * (configuration.birthVariance + (dimension > 0 ? configuration.localVariance : 0))
    }

    /// k between a vector born at `hours` and each slot's item.
    private func kernelRow(_ vector: [Float], at hours: Double) -> [Double] {
        var similarity = [Double](repeating: 0, count: slots.count)
        if dimension > 0 {
            unsafe posterior_similarity(
                Int32(dimension), Int32(slots.count), vectors, vector, &similarity)
        }
        return slots.indices.map { other in
            let apart = abs(hours - slots[other].bornHours)
            var k = configuration.birthVariance * stableExp(-apart / configuration.birthHours)
            if dimension > 0 {
                let distance = (similarity[other] - 1) / configuration.localLength
                k +=
                    configuration.localVariance
                    * stableExp(distance - apart / configuration.localHours)
            }
            return configuration.scale * k
        }
    }

    /// What the items in slots say of a new one's own part.
    struct Told {
        /// Weights of their own parts.
        var weights: [(slot: Int, weight: Double)] = []
        /// The variance that remains.
        var variance: Double
        /// k between the new item and all slots.
        var kernelRow: [Double]
    }

    /// What the items in slots (but for `leaving`) say of the own part of an item born at `hours`.
    func conditional(_ vector: [Float], at hours: Double, leaving: Int) -> Told {
        let prior = ownVariance + sharedVariance
        let row = kernelRow(vector, at: hours)
        var told = Told(variance: prior, kernelRow: row)
        var near: [Int32] = []
        for (slot, content) in slots.enumerated()
        where slot != leaving && hours - content.bornHours < configuration.birthHorizonHours {
            near.append(Int32(slot))
        }
        let k = near.map { row[Int($0)] }
        var weights = k
        var work = [Double](repeating: 0, count: near.count * near.count)
        let solved = unsafe posterior_condition(
            Int32(near.count), near, kernel, Int32(capacity), prior + 1e-9, &work, &weights)
        guard solved != 0 else { return told }
        for place in near.indices {
            told.variance -= weights[place] * k[place]
            told.weights.append((slot: Int(near[place]), weight: weights[place]))
        }
        told.variance = max(told.variance, ownVariance * 1e-3)
        return told
    }
}
