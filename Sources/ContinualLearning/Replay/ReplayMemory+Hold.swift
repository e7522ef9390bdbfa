import Records

/// What a held memory keeps of examples that were corrected since, or are another shopper's now.
struct HeldExamples: Sendable {
    struct Past: Sendable {
        let slot: UInt32
        let label: Bool
        let weight: Double
        let isCorrected: Bool
        /// Whose it was, where that has changed.
        var user: String?
    }

    /// Examples below this sequence number are held.
    let before: UInt64
    /// By sequence number.
    var past: [UInt64: Past] = [:]
}

extension ReplayMemory {
    /// Keeps the memory as it is now in view until `release`, whatever is learned meanwhile.
    ///
    /// Nothing grows old and nothing is dropped: what comes in is held beside, and what is corrected is
    /// remembered as it was. So what began with a copy of the memory begins again, to the same bits,
    /// from a state that was restored in the middle.
    public mutating func hold() {
        release()
        held = HeldExamples(before: inserted)
    }

    /// Whether `hold` was called and `release` was not.
    public var isHeld: Bool { held != nil }

    /// Lets go of what was held; what waited for that grows old or is dropped.
    public mutating func release() {
        guard let held else { return }
        for (sequence, past) in held.past { rows.changedExamples[sequence] = past.slot }
        self.held = nil
        ageRecent()
        evictSurplus()
    }

    /// Remembers how an example is, before it is corrected or moved.
    ///
    /// - Parameter moves: whether it is to be another shopper's.
    mutating func keepPast(of index: Int, moves: Bool = false) {
        let slot = slots[index]
        guard let held, slot.sequence < held.before else { return }
        var past =
            held.past[slot.sequence]
            ?? HeldExamples.Past(
                slot: UInt32(index), label: slot.label.given, weight: slot.weight,
                isCorrected: slot.label.isCorrected)
        if moves, past.user == nil { past.user = interned.strings[slot.symbols.user] }
        self.held?.past[slot.sequence] = past
    }

    /// Visits the examples that are held, as they were, in the order they were learned.
    ///
    /// - Complexity: O(count · log count).
    package func forEachHeld(
        from sequence: UInt64 = 0, _ body: (WeightedExample) throws -> Void
    ) rethrows {
        guard let held else { return }
        for slot in order(from: sequence) where slots[slot].sequence < held.before {
            var remembered = weighted(slot)
            if let past = held.past[remembered.example.sequence] {
                remembered.example.label = past.label
                remembered.example.weight = past.weight
                remembered.example.isCorrected = past.isCorrected
                if let user = past.user { remembered.example.exposure.user = user }
            }
            try body(remembered)
        }
    }

    /// Visits what came in since the memory is held, in the order it was learned, each as it is now.
    package func forEachFresh(_ body: (WeightedExample) throws -> Void) rethrows {
        guard let held else { return }
        try forEach(from: held.before, body)
    }

    /// Visits the held examples that turned out positive since, in the order they were learned.
    package func forEachConverted(_ body: (WeightedExample) throws -> Void) rethrows {
        for (_, past) in (held?.past ?? [:]).sorted(by: { $0.key < $1.key }) {
            let remembered = weighted(Int(past.slot))
            if remembered.example.label, !past.label { try body(remembered) }
        }
    }
}
