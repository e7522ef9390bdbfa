/// Finds slots by a hash of what they hold: open addressing with linear probing, 8 bytes a cell.
///
/// Several slots may have the same hash; what is found depends on what was put in, never on the
/// order. Hashes come from `StableHash`, so that nobody's dictionary seed enters.
struct ProbeTable: Sendable {
    private struct Cell: Sendable {
        var slot: UInt32
        var hash: UInt32
    }

    private static let empty = UInt32.max
    private var cells: [Cell]
    private(set) var count = 0

    init() {
        cells = Array(repeating: Cell(slot: Self.empty, hash: 0), count: 16)
    }

    private var mask: Int { cells.count - 1 }

    /// Visits the slots that were put in under `hash`, and perhaps some others.
    func forEachCandidate(_ hash: UInt64, _ body: (Int) -> Void) {
        let hash = UInt32(truncatingIfNeeded: hash)
        var at = Int(hash) & mask
        while cells[at].slot != Self.empty {
            if cells[at].hash == hash { body(Int(cells[at].slot)) }
            at = (at + 1) & mask
        }
    }

    mutating func insert(_ slot: Int, hash: UInt64) {
        if 3 * (count + 1) > 2 * cells.count { grow() }
        place(Cell(slot: UInt32(slot), hash: UInt32(truncatingIfNeeded: hash)))
        count += 1
    }

    private mutating func place(_ cell: Cell) {
        var at = Int(cell.hash) & mask
        while cells[at].slot != Self.empty { at = (at + 1) & mask }
        cells[at] = cell
    }

    private mutating func grow() {
        let old = cells
        cells = Array(repeating: Cell(slot: Self.empty, hash: 0), count: 2 * old.count)
        for cell in old where cell.slot != Self.empty { place(cell) }
    }

    /// Removes a slot that was put in under `hash`.
    mutating func remove(_ slot: Int, hash: UInt64) {
        var at = Int(UInt32(truncatingIfNeeded: hash)) & mask
        while cells[at].slot != UInt32(slot) {
            precondition(cells[at].slot != Self.empty, "a slot that is not in the table")
            at = (at + 1) & mask
        }
        // Moves back what would no longer be found across the gap (Knuth 6.4, algorithm R).
        var next = at
        while true {
            next = (next + 1) & mask
            guard cells[next].slot != Self.empty else { break }
            let home = Int(cells[next].hash) & mask
            if (next - home) & mask >= (next - at) & mask {
                cells[at] = cells[next]
                at = next
            }
        }
        cells[at].slot = Self.empty
        count -= 1
    }
}

/// Values kept once and named by a number, as long as somebody uses them.
struct InternTable<Value: Sendable & Equatable>: Sendable {
    private var values: [Value?] = []
    private var uses: [UInt32] = []
    private var free: [UInt32] = []
    private var table = ProbeTable()
    private let hash: @Sendable (Value) -> UInt64

    init(hash: @escaping @Sendable (Value) -> UInt64) {
        self.hash = hash
    }

    var count: Int { table.count }

    subscript(symbol: UInt32) -> Value {
        guard let value = values[Int(symbol)] else {
            preconditionFailure("a symbol nobody uses")
        }
        return value
    }

    func find(_ value: Value) -> UInt32? {
        find(value, hash(value))
    }

    private func find(_ value: Value, _ hash: UInt64) -> UInt32? {
        var found: UInt32?
        table.forEachCandidate(hash) { if values[$0] == value { found = UInt32($0) } }
        return found
    }

    /// Counts one more use of `value`.
    mutating func acquire(_ value: Value) -> UInt32 {
        let hash = hash(value)
        if let known = find(value, hash) {
            uses[Int(known)] += 1
            return known
        }
        if let symbol = free.popLast() {
            values[Int(symbol)] = value
            uses[Int(symbol)] = 1
            table.insert(Int(symbol), hash: hash)
            return symbol
        }
        values.append(value)
        uses.append(1)
        table.insert(values.count - 1, hash: hash)
        return UInt32(values.count - 1)
    }

    /// Counts one use less; a value without uses is let go.
    mutating func release(_ symbol: UInt32) {
        let index = Int(symbol)
        uses[index] -= 1
        guard uses[index] == 0, let value = values[index] else { return }
        table.remove(index, hash: hash(value))
        values[index] = nil
        free.append(symbol)
    }
}
