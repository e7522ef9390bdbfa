/// Why the head refused an example or a stored state.
public enum ResponseError: Error, Equatable, CustomStringConvertible {
    /// A number that is not finite or outside its range.
    case badValue(field: String, value: Double, must: String)
    case vectorLength(item: String, count: Int, expected: Int)
    /// The prediction itself is not finite, so nothing was learned.
    case notFinite(head: String)
    case damagedState(table: String, key: String, reason: String)

    /// What is wrong, in a sentence that names the field, item, head or row.
    public var description: String {
        switch self {
        case .badValue(let field, let value, let must):
            "\(field) is \(value), but it must be \(must)"
        case .vectorLength(let item, let count, let expected):
            "the vector of item '\(item)' has \(count) numbers where the head takes \(expected)"
        case .notFinite(let head):
            "the \(head) head's prediction is not finite; the example was not learned"
        case .damagedState(let table, let key, let reason):
            "stored state of the head is damaged: table \(table), row \(key): \(reason)"
        }
    }
}
