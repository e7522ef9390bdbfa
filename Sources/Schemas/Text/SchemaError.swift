/// Why a schema cannot be used. The description is one sentence, for the operator.
public struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the schema: a type's name, a field, or a byte of the text; empty for the whole.
    public let place: String
    /// What is wrong there.
    public let reason: String

    /// An error at a place.
    public init(_ place: String, _ reason: String) {
        self.place = place
        self.reason = reason
    }

    /// Place and reason.
    public var description: String { place.isEmpty ? reason : "\(place): \(reason)" }
}
