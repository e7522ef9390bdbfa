/// What is wrong with a record's bytes, and where.
public struct PayloadFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Offset in the body, bytes.
    public let at: Int
    /// What is wrong there.
    public let kind: Kind

    /// What can be wrong with a body.
    public enum Kind: Hashable, Sendable {
        /// The body ends within a value.
        case cutShort
        /// A number of variable length has more bytes than there are for it.
        case varintTooLong
        /// A length or a count that is negative or leads beyond the body.
        case length(Int64)
        /// A text that is not UTF-8.
        case notUTF8
        /// A boolean that is neither 0 nor 1.
        case boolean(UInt8)
        /// A branch of a union, or a symbol of an enum, that the schema does not have.
        case choice(Int64, countMax: Int)
        /// Values inside values, deeper than is read.
        case tooDeep
        /// More elements, or more JSON, than is read.
        case tooLarge
        /// Bytes are left after the value.
        case rest(Int)
        /// A decimal of more bytes than are read.
        case decimalTooLong(Int)
        /// What the writer wrote has no place in the reader's schema.
        case unresolved(String)
        /// A tag of Protobuf that is none.
        case tag(UInt64)
        /// A message that the file does not have, by its path.
        case message([Int])
        /// A field whose wire type is not that of its type.
        case wireType(field: String, found: Int)
    }

    package init(_ at: Int, _ kind: Kind) {
        self.at = at
        self.kind = kind
    }

    /// One sentence without an end.
    public var description: String {
        let what =
            switch kind {
            case .cutShort: "the body ends within a value"
            case .varintTooLong: "a number has too many bytes"
            case .length(let count): "a length of \(count) leads beyond the body"
            case .notUTF8: "a text is not UTF-8"
            case .boolean(let byte): "a boolean is \(byte)"
            case .choice(let index, let count): "choice \(index) of \(count)"
            case .tooDeep: "values are nested deeper than is read"
            case .tooLarge: "it is larger than is read"
            case .rest(let count): "\(count) bytes are left after the value"
            case .decimalTooLong(let count): "a decimal has \(count) bytes"
            case .unresolved(let what): what
            case .tag(let tag): "\(tag) is no field's tag"
            case .message(let path):
                path.isEmpty
                    ? "its indexes of a message are none" : "the schema has no message \(path)"
            case .wireType(let field, let found): "\(field) has wire type \(found)"
            }
        return "\(what) (byte \(at))"
    }
}
