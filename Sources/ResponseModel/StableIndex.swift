/// A map from 64-bit hashes to small numbers: open addressing, linear probing.
///
/// Only looked up, never walked, so that its layout reaches no result.
package struct StableIndex: Sendable {
    private var keys: [UInt64]
    private var values: [Int32]
    package private(set) var count = 0
    private var mask: Int

    package init(minimumCapacity: Int = 16) {
        var size = 16
        while size < minimumCapacity * 2 { size *= 2 }
        keys = Array(repeating: 0, count: size)
        values = Array(repeating: -1, count: size)
        mask = size - 1
    }

    /// The value of `key`, or -1.
    @inline(__always)
    package func value(_ key: UInt64) -> Int32 {
        var place = Int(truncatingIfNeeded: key) & mask
        while values[place] >= 0 {
            if keys[place] == key { return values[place] }
            place = (place + 1) & mask
        }
        return -1
    }

    /// Adds a key that is not there yet.
    package mutating func insert(_ key: UInt64, _ value: Int32) {
        if count * 2 >= keys.count { grow() }
        var place = Int(truncatingIfNeeded: key) & mask
        while values[place] >= 0 { place = (place + 1) & mask }
        keys[place] = key
        values[place] = value
        count += 1
    }

    /// Removes a key that is there, and closes the gap it leaves in its run of neighbours.
    package mutating func remove(_ key: UInt64) {
        var gap = Int(truncatingIfNeeded: key) & mask
        while values[gap] >= 0, keys[gap] != key { gap = (gap + 1) & mask }
        guard values[gap] >= 0 else { return }
        count -= 1
        var place = gap
        while true {
            place = (place + 1) & mask
            guard values[place] >= 0 else { break }
            let home = Int(truncatingIfNeeded: keys[place]) & mask
            // An entry may move back to the gap only if its home is not between gap and place.
            if (place - home) & mask >= (place - gap) & mask {
                keys[gap] = keys[place]
                values[gap] = values[place]
                gap = place
            }
        }
        values[gap] = -1
    }

    private mutating func grow() {
        let oldKeys = keys
        let oldValues = values
        self = StableIndex(minimumCapacity: oldKeys.count)
        for place in oldKeys.indices where oldValues[place] >= 0 {
            insert(oldKeys[place], oldValues[place])
        }
    }
}
