/// What a `.proto` file declares, whether it was given as source or as a descriptor.
struct ProtoFile: Sendable {
    /// Empty where there is none.
    var package = ""
    var messages: [Message] = []
    var enums: [Enumeration] = []

    struct Message: Sendable {
        var name = ""
        var fields: [Field] = []
        /// In the file's order, those that stand for maps among them: framing counts them.
        var messages: [Message] = []
        var enums: [Enumeration] = []
        var isMapEntry = false
    }

    struct Field: Sendable {
        var name = ""
        var number = 0
        var isRepeated = false
        var type = FieldType.named("")
        /// Fields of one number exclude each other; `nil` for those of none.
        var oneof: Int?
    }

    enum FieldType: Sendable, Hashable {
        case scalar(ProtoScalar)
        /// A message or an enum: `.shop.Money` from the root, or `Money` from where it stands.
        case named(String)
    }

    struct Enumeration: Sendable {
        var name = ""
        var values: [(name: String, number: Int32)] = []
    }

    /// Messages and enums inside each other, at most.
    static let depthMax = 32
    /// Fields, messages and enum values of a schema with its imports, at most.
    static let partsMax = 100_000
}

/// Types of a field that is no message and no enum. Raw values are the descriptor's.
///
/// Source: descriptor.proto, `FieldDescriptorProto.Type`.
enum ProtoScalar: Int, Sendable, CaseIterable {
    case double = 1
    case float, int64, uint64, int32, fixed64, fixed32, bool, string
    case bytes = 12
    case uint32
    case sfixed32 = 15
    case sfixed64, sint32, sint64

    /// As a `.proto` file has it.
    init?(keyword: String) {
        guard let found = Self.allCases.first(where: { "\($0)" == keyword }) else { return nil }
        self = found
    }

    /// Source: Protocol Buffers, Encoding, "Message Structure".
    var wireType: Int {
        switch self {
        case .double, .fixed64, .sfixed64: 1
        case .float, .fixed32, .sfixed32: 5
        case .string, .bytes: 2
        default: 0
        }
    }
}
