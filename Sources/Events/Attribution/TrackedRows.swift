import Records

/// A value that may be about a shopper.
protocol ShopperRow: Sendable {
    /// Whom it is about; `nil` for nobody.
    var rowUser: String? { get }
}

/// Values by number that know which of them differ from what was last collected.
struct TrackedRows<Value: ShopperRow>: Sendable {
    private(set) var values: [UInt64: Value] = [:]
    /// Not in any store yet.
    private var fresh: Set<UInt64> = []
    private var changed: Set<UInt64> = []
    private var removed: Set<UInt64> = []
    /// The numbers of each shopper's values; made when first asked for, since most streams never ask.
    private var byUser: [ExactText: Set<UInt64>]?

    var count: Int { values.count }

    subscript(number: UInt64) -> Value? { values[number] }

    /// - Parameter number: one that was never used before.
    mutating func insert(_ number: UInt64, _ value: Value) {
        values[number] = value
        fresh.insert(number)
        if byUser != nil, let user = value.rowUser {
            byUser?[ExactText(user), default: []].insert(number)
        }
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
        if byUser != nil, let user = value.rowUser { unlist(number, of: ExactText(user)) }
        if fresh.remove(number) == nil {
            changed.remove(number)
            removed.insert(number)
        }
        return value
    }

    private mutating func unlist(_ number: UInt64, of user: ExactText) {
        guard var numbers = byUser?.removeValue(forKey: user) else { return }
        numbers.remove(number)
        if !numbers.isEmpty { byUser?[user] = numbers }
    }

    /// Changes every value of one shopper into one of the other.
    ///
    /// - Parameter change: makes the other its `rowUser`.
    /// - Returns: their numbers, ascending.
    mutating func move(
        user old: String, to new: String, _ change: (inout Value) -> Void
    ) -> [UInt64] {
        if byUser == nil {
            var listed: [ExactText: Set<UInt64>] = [:]
            for (number, value) in values {
                if let user = value.rowUser { listed[ExactText(user), default: []].insert(number) }
            }
            byUser = listed
        }
        guard let numbers = byUser?.removeValue(forKey: ExactText(old)) else { return [] }
        for number in numbers { _ = update(number, change) }
        byUser?[ExactText(new), default: []].formUnion(numbers)
        return numbers.sorted()
    }

    /// Writes what changed, in ascending order, and forgets that it did.
    mutating func collect(
        _ table: StateTable, into changes: inout StateChanges,
        _ encode: (Value, inout ByteWriter) -> Void
    ) {
        for number in removed.sorted() { changes.remove(table, rowKey(number)) }
        for number in fresh.union(changed).sorted() {
            guard let value = values[number] else { continue }
            var writer = ByteWriter()
            encode(value, &writer)
            changes.put(
                table, rowKey(number), writer.bytes, owner: value.rowUser.map(RowOwner.init(user:)))
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
