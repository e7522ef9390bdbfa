import Records

/// What can be wrong with the state or the inputs of continual learning.
public enum ContinualLearningError: Error, CustomStringConvertible {
    /// A stored row does not have the layout it should.
    case damagedRow(table: String, key: [UInt8], ByteCodingError)
    /// Rows contradict each other or what this version can hold.
    case inconsistentState(table: String, String)

    /// A sentence that names the table and the row.
    public var description: String {
        switch self {
        case .damagedRow(let table, let key, let error):
            "row \(key.hex) of table \(table) is damaged: \(error)"
        case .inconsistentState(let table, let what):
            "table \(table) does not fit together: \(what)"
        }
    }
}

extension StateTable {
    /// Decodes one row of this table; a damaged one is named.
    func decode<T>(
        _ key: [UInt8], _ value: [UInt8],
        _ body: (inout ByteReader) throws(ByteCodingError) -> T
    ) throws(ContinualLearningError) -> T {
        do {
            var reader = ByteReader(value)
            let decoded = try body(&reader)
            try reader.finish()
            return decoded
        } catch {
            throw .damagedRow(table: name, key: key, error)
        }
    }
}
