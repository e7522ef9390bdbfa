import Records
import ResponseModel

// MARK: Corrections and erasure

extension ReplayMemory {
    /// Rewrites the label of an example that a late purchase or a refund changed.
    ///
    /// - Parameters:
    ///   - units: of the purchase, where it is one and they are known.
    ///   - expectedUnits: what was expected of them, where they are learned only now.
    ///   - weight: the weight it has from now on, where that changes too.
    /// - Returns: whether the example is still remembered; of several under one id the newest is.
    @discardableResult
    public mutating func correct(
        exampleId: String, head: String, label: Bool, units: Int = 0,
        expectedUnits: Float? = nil, weight: Double? = nil
    ) -> Bool {
        guard let found = newest(exampleId, head) else { return false }
        keepPast(of: found)
        let units = UInt32(clamping: units)
        if slots[found].units.count != units || expectedUnits != nil {
            slots[found].units.count = units
            slots[found].units.expected = expectedUnits ?? slots[found].units.expected
            rows.changedExamples[slots[found].sequence] = UInt32(found)
        }
        if slots[found].label.given != label {
            slots[found].label.given = label
            if slots[found].sequence >= recents.from { slots[found].label.sampled = label }
            slots[found].label.isCorrected = true
            rows.changedExamples[slots[found].sequence] = UInt32(found)
        }
        if let weight, weight != slots[found].weight {
            slots[found].weight = weight
            rows.changedExamples[slots[found].sequence] = UInt32(found)
        }
        return true
    }

    /// An example as it is remembered; of several under one id the newest.
    public func example(_ exampleId: String, head: String) -> MemoryExample? {
        newest(exampleId, head).map { weighted($0).example }
    }

    private func newest(_ exampleId: String, _ head: String) -> Int? {
        var found: Int?
        places.byExample.forEachCandidate(Self.hash(exampleId, head)) { index in
            guard slots[index].exampleId == exampleId,
                interned.strings[slots[index].symbols.head] == head
            else {
                return
            }
            if found.map({ slots[$0].sequence < slots[index].sequence }) ?? true { found = index }
        }
        return found
    }

    /// Removes everything of one user, and what it stood for.
    ///
    /// - Returns: how many examples went.
    /// - Complexity: O(count).
    @discardableResult
    public mutating func remove(user: String) -> Int {
        guard let symbol = interned.strings.find(user) else { return 0 }
        return remove { $0.symbols.user == symbol }
    }

    /// Removes every example from `sequence` on, and what it stood for.
    ///
    /// - Returns: how many examples went.
    /// - Complexity: O(count).
    @discardableResult
    public mutating func remove(from sequence: UInt64) -> Int {
        remove { $0.sequence >= sequence }
    }

    private mutating func remove(where isGone: (Slot) -> Bool) -> Int {
        let gone = slots.indices.filter { slots[$0].sequence != Slot.vacant && isGone(slots[$0]) }
        var touched: Set<Int> = []
        for index in gone {
            let sequence = slots[index].sequence
            if sequence >= recents.from {
                recents.ring[Int(sequence % UInt64(recents.ring.count))] = Self.noSlot
            } else {
                touched.insert(stratumIndex(of: slots[index]))
            }
        }
        for index in touched.sorted() {
            strata[index]?.remove { isGone(slots[Int($0.slot)]) }
            rows.changedStrata.insert(index)
        }
        for index in gone { vacate(index) }
        return gone.count
    }

    /// What tells whether a memory has been where this one is: how much it was given, and what last.
    public var mark: Mark {
        let last = inserted > 0 ? slot(of: inserted - 1) : nil
        return Mark(inserted: inserted, last: last.map { StableHash.of($0.exampleId) } ?? 0)
    }

    /// A point in a memory's life; part of the store's format.
    public struct Mark: Sendable, Equatable {
        /// Examples ever inserted by then.
        public let inserted: UInt64
        let last: UInt64

        /// Sixteen bytes.
        public func write(to writer: inout ByteWriter) {
            writer.integer(inserted)
            writer.integer(last)
        }

        /// What `write` wrote.
        public init(from reader: inout ByteReader) throws(ByteCodingError) {
            inserted = try reader.integer()
            last = try reader.integer()
        }

        init(inserted: UInt64, last: UInt64) {
            self.inserted = inserted
            self.last = last
        }
    }

    /// Whether this memory was at `mark` and has been given more since.
    ///
    /// Where the last example of then is no longer held it cannot be told, and counts as passed.
    public func hasPassed(_ mark: Mark) -> Bool {
        guard mark.inserted < inserted else { return false }
        guard mark.inserted > 0, let last = slot(of: mark.inserted - 1) else { return true }
        return StableHash.of(last.exampleId) == mark.last
    }

    private func slot(of sequence: UInt64) -> Slot? {
        guard sequence >= recents.from else { return slots.first { $0.sequence == sequence } }
        let place = recents.ring[Int(sequence % UInt64(recents.ring.count))]
        return place == Self.noSlot ? nil : slots[Int(place)]
    }
}

// MARK: Reading

extension ReplayMemory {
    /// Visits every example from `sequence` on, in the order they were learned.
    ///
    /// - Complexity: O(count · log count).
    public func forEach(
        from sequence: UInt64 = 0, _ body: (WeightedExample) throws -> Void
    ) rethrows {
        for slot in order(from: sequence) { try body(weighted(slot)) }
    }

    /// Visits recent examples, the newest first, until `body` has enough: then it returns false.
    public func forEachNewest(_ body: (MemoryExample) throws -> Bool) rethrows {
        var sequence = inserted
        while sequence > recents.from {
            sequence -= 1
            let place = recents.ring[Int(sequence % UInt64(recents.ring.count))]
            guard place != Self.noSlot else { continue }
            guard try body(weighted(Int(place)).example) else { return }
        }
    }

    /// Slots in use, by sequence number.
    func order(from sequence: UInt64 = 0) -> [Int] {
        let used = slots.indices.filter {
            slots[$0].sequence != Slot.vacant && slots[$0].sequence >= sequence
        }
        return used.sorted { slots[$0].sequence < slots[$1].sequence }
    }

    /// Draws examples with replacement, each as likely as what it stands for.
    ///
    /// - Complexity: O(this memory's count + `count`): draw many at once.
    public mutating func draw(_ count: Int) -> [WeightedExample] {
        let recent = (recents.from..<inserted).map {
            recents.ring[Int($0 % UInt64(recents.ring.count))]
        }
        var groups = [(mass: 0.0, slots: recent.filter { $0 != Self.noSlot })]
        groups[0].mass = Double(groups[0].slots.count)
        for (_, stratum) in strata.sorted(by: { $0.key < $1.key }) where stratum.kept > 0 {
            // By sequence number: the order inside a heap is no part of the state.
            let members = stratum.members.sorted { $0.sequence < $1.sequence }
            groups.append((stratum.seen, members.map(\.slot)))
        }
        groups.removeAll { $0.slots.isEmpty }
        guard !groups.isEmpty else { return [] }
        let total = groups.reduce(0) { $0 + $1.mass }
        return (0..<max(0, count)).map { _ in
            var at = random.unit() * total
            var group = 0
            while group + 1 < groups.count, at >= groups[group].mass {
                at -= groups[group].mass
                group += 1
            }
            let choice = random.next() % UInt64(groups[group].slots.count)
            return weighted(Int(groups[group].slots[Int(choice)]))
        }
    }

    func weighted(_ index: Int) -> WeightedExample {
        let slot = slots[index]
        var example = MemoryExample(
            exampleId: slot.exampleId, head: interned.strings[slot.symbols.head],
            itemId: interned.strings[slot.symbols.item],
            exposure: Exposure(
                tsMs: slot.tsMs, user: interned.strings[slot.symbols.user], price: slot.price,
                discount: slot.discount, context: interned.contexts[slot.symbols.context].pairs),
            label: slot.label.given, servedLogit: slot.servedLogit,
            encoderVersion: slot.encoderVersion)
        example.units.count = Int(slot.units.count)
        example.units.expected = slot.units.expected
        example.weight = slot.weight
        example.isCorrected = slot.label.isCorrected
        example.isFirst = slot.label.isFirst
        example.sequence = slot.sequence
        let weight =
            slot.sequence >= recents.from ? 1 : strata[stratumIndex(of: slot)]?.weight ?? 1
        return WeightedExample(example: example, inclusionWeight: weight)
    }
}
