import Records

/// Values by number that know which of them differ from what was last collected.
struct TrackedRows<Value: Sendable>: Sendable {
    private(set) var values: [UInt64: Value] = [:]
    /// Not in any store yet.
    private var fresh: Set<UInt64> = []
    private var changed: Set<UInt64> = []
    private var removed: Set<UInt64> = []

    var count: Int { values.count }

    subscript(number: UInt64) -> Value? { values[number] }

    /// - Parameter number: one that was never used before.
    mutating func insert(_ number: UInt64, _ value: Value) {
        values[number] = value
        fresh.insert(number)
    }

    /// Changes the value in place; there must be one.
    mutating func update<R>(_ number: UInt64, _ body: (inout Value) -> R) -> R? {
        guard let index = values.index(forKey: number) else { return nil }
        if !fresh.contains(number) { changed.insert(number) }
        return body(&values.values[index])
    }

    /// Adds what a row does not hold to a restored value, which stays as it is stored.
    mutating func complete(_ number: UInt64, _ body: (inout Value) -> Void) {
        guard let index = values.index(forKey: number) else { return }
        body(&values.values[index])
    }

    @discardableResult
    mutating func remove(_ number: UInt64) -> Value? {
        guard let value = values.removeValue(forKey: number) else { return nil }
        if fresh.remove(number) == nil {
            changed.remove(number)
            removed.insert(number)
        }
        return value
    }

    /// Writes what changed, in ascending order, and forgets that it did.
    ///
    /// - Parameter user: whom a value is about; `nil` for one about nobody.
    mutating func collect(
        _ table: StateTable, into changes: inout StateChanges, user: (Value) -> String?,
        _ encode: (Value, inout ByteWriter) -> Void
    ) {
        for number in removed.sorted() { changes.remove(table, rowKey(number)) }
        for number in fresh.union(changed).sorted() {
            guard let value = values[number] else { continue }
            var writer = ByteWriter()
            encode(value, &writer)
            changes.put(
                table, rowKey(number), writer.bytes, owner: user(value).map(RowOwner.init(user:)))
        }
        fresh.removeAll(keepingCapacity: true)
        changed.removeAll(keepingCapacity: true)
        removed.removeAll(keepingCapacity: true)
    }

    init() {}

    init(
        _ table: StateTable, from reader: some StateReader,
        _ decode: (inout ByteReader) throws(ByteCodingError) -> Value
    ) throws {
        try reader.forEach(table) { key, bytes in
            var row = ByteReader(bytes)
            values[try rowNumber(key)] = try decode(&row)
            try row.finish()
        }
    }

    /// The numbers in use, ascending.
    var numbers: [UInt64] { values.keys.sorted() }
}

/// Big-endian, so that rows lie in the order of their numbers.
private func rowKey(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
}

private func rowNumber(_ key: [UInt8]) throws(ByteCodingError) -> UInt64 {
    guard key.count == 8 else {
        throw .badValue(at: 0, "a key of \(key.count) bytes where 8 should be")
    }
    return key.reduce(0) { $0 << 8 | UInt64($1) }
}
