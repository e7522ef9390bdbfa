import Records

// MARK: Shoppers who are found to be other ones

extension ReplayMemory {
    /// Everything of one shopper is the other's from now on. What a held memory shows stays as it was.
    ///
    /// - Returns: how many examples moved.
    /// - Complexity: O(moved), but for the first call, which is O(count).
    @discardableResult
    public mutating func move(user old: String, to new: String) -> Int {
        guard old != new, let symbol = interned.strings.find(old) else { return 0 }
        let moved = slots(of: symbol)
        for index in moved {
            keepPast(of: index, moves: true)
            // The new name first: a name that nothing uses is let go.
            slots[index].symbols.user = interned.strings.acquire(new)
            interned.strings.release(symbol)
            rows.changedExamples[slots[index].sequence] = UInt32(index)
            places.byUser?[slots[index].symbols.user, default: []].insert(index)
        }
        return moved.count
    }

    /// The slots of a shopper in the order of their examples, who has none afterwards.
    private mutating func slots(of symbol: UInt32) -> [Int] {
        if places.byUser == nil {
            var listed: [UInt32: Set<Int>] = [:]
            for index in slots.indices where slots[index].sequence != Slot.vacant {
                listed[slots[index].symbols.user, default: []].insert(index)
            }
            places.byUser = listed
        }
        let found = places.byUser?.removeValue(forKey: symbol) ?? []
        return found.sorted { slots[$0].sequence < slots[$1].sequence }
    }

    mutating func unlist(_ index: Int, of symbol: UInt32) {
        guard var indices = places.byUser?.removeValue(forKey: symbol) else { return }
        indices.remove(index)
        if !indices.isEmpty { places.byUser?[symbol] = indices }
    }
}
