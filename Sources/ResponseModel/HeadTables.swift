import Records

/// The tables a head's state is kept in, and their row keys.
///
/// What changes little is stored apart from what changes much: an item's vector when it gets a slot,
/// a page of the tail when one of its effects learns, the covariance at a block's end, what is
/// pending at every event.
struct HeadTables {
    let head: StateTable
    /// The packed triangle of the covariance, sixteen of its rows to one of the table's.
    let covariance: StateTable
    let dense: StateTable
    let vectors: StateTable
    let tail: StateTable
    /// Pages of the tail that belong to users.
    let users: StateTable

    init(_ name: String) {
        head = StateTable("\(name).head", .weights)
        covariance = StateTable("\(name).covariance", .weights)
        dense = StateTable("\(name).dense", .weights)
        vectors = StateTable("\(name).vectors", .weights)
        tail = StateTable("\(name).tail", .weights)
        users = StateTable("\(name).users", .weights)
    }

    var all: [StateTable] { [head, covariance, dense, vectors, tail, users] }

    static let scalars = Array("scalars".utf8)
    static let mean = Array("mean".utf8)
    static let pending = Array("pending".utf8)
    static let slots = Array("slots".utf8)

    /// Big-endian, so that rows are in the order of their numbers.
    static func key(_ number: Int) -> [UInt8] {
        let value = UInt32(truncatingIfNeeded: number)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func number(_ key: [UInt8]) throws -> Int {
        try expect(key.count == 4, "a key that is not four bytes long")
        return key.reduce(0) { $0 << 8 | Int($1) }
    }

    /// A reason to distrust a row, before it is known which row it is.
    struct RowDamage: Error {
        let reason: String
    }

    static func expect(_ condition: Bool, _ reason: String) throws {
        if !condition { throw RowDamage(reason: reason) }
    }

    static func expectFinite(_ numbers: [Double]) throws {
        try expect(numbers.allSatisfy(\.isFinite), "a number that is none")
    }

    /// Reads a row that must be there, to its end.
    func read(
        _ table: StateTable, _ key: [UInt8], from reader: some StateReader,
        _ body: (inout ByteReader) throws -> Void
    ) throws {
        guard let bytes = try reader.value(table, key) else {
            throw damage(table, key, "the row is missing")
        }
        try decode(table, key, bytes, body)
    }

    func decode(
        _ table: StateTable, _ key: [UInt8], _ bytes: [UInt8],
        _ body: (inout ByteReader) throws -> Void
    ) throws {
        var row = ByteReader(bytes)
        do {
            try body(&row)
            try row.finish()
        } catch let error as RowDamage {
            throw damage(table, key, "it has \(error.reason)")
        } catch let error as ByteCodingError {
            throw damage(table, key, error.description)
        }
    }

    private func damage(_ table: StateTable, _ key: [UInt8], _ reason: String) -> ResponseError {
        let isText = key.allSatisfy { $0 >= 0x61 && $0 <= 0x7a }
        let name =
            isText
            ? String(decoding: key, as: UTF8.self)
            : "\(key.reduce(0 as UInt64) { $0 << 8 | UInt64($1) })"
        return .damagedState(table: table.name, key: name, reason: reason)
    }
}
