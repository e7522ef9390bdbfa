/// A cache of rows that are in the state as well: at a bound on bytes those not used lately go.
///
/// Rows lie in two generations of half the bound each. When the younger one is full it takes the place
/// of the older one, which goes; a row that is found in the older one moves to the younger. What is
/// found or not changes speed alone.
struct RecentRows<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Row: Sendable {
        var value: Value
        var bytes: Int
    }

    private let bytesMax: Int
    private var young: [Key: Row] = [:]
    private var old: [Key: Row] = [:]
    private var youngBytes = 0

    /// - Parameter bytesMax: 0: nothing is kept.
    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    var count: Int { young.count + old.count }

    /// A row at hand, which counts as used.
    mutating func find(_ key: Key) -> Value? {
        if let row = young[key] { return row.value }
        guard let row = old.removeValue(forKey: key) else { return nil }
        add(key, row)
        return row.value
    }

    /// A row at hand, which does not count as used.
    func peek(_ key: Key) -> Value? { (young[key] ?? old[key])?.value }

    /// - Parameter bytes: that the value takes, about.
    mutating func put(_ key: Key, _ value: Value, bytes: Int) {
        remove(key)
        // More than this in one row is not worth a place.
        guard bytes <= bytesMax / 2 else { return }
        add(key, Row(value: value, bytes: bytes))
    }

    mutating func remove(_ key: Key) {
        if let row = young.removeValue(forKey: key) { youngBytes -= row.bytes }
        old.removeValue(forKey: key)
    }

    private mutating func add(_ key: Key, _ row: Row) {
        if youngBytes + row.bytes > bytesMax / 2 {
            old = young
            young = [:]
            youngBytes = 0
        }
        young[key] = row
        youngBytes += row.bytes
    }
}
