/// Messages and enums of a file and its imports, which name each other by index.
struct ProtoTable: Sendable {
    enum Kind: Sendable {
        case scalar(ProtoScalar)
        case message(Int)
        case enumeration(Int)
        /// A map; the index is of the message that its entries are.
        case map(Int)
    }

    struct Field: Sendable {
        let name: String
        let number: Int
        let kind: Kind
        let isRepeated: Bool
        /// -1 for none.
        let oneof: Int
        /// The place of `"name":` in `text`.
        let key: Range<Int>
    }

    struct Message: Sendable {
        let name: String
        var fields: [Field] = []
        var wellKnown: WellKnown?
        /// Indices of fields by their number.
        var byNumber: [Int: Int] = [:]
    }

    struct Enumeration: Sendable {
        /// Places in `text` of names in quotes, by number; of several names of a number the first.
        var names: [Int32: Range<Int>] = [:]
        /// What is meant where nothing was written.
        var first: Int32 = 0
    }

    /// Messages that JSON has a form of its own for.
    ///
    /// Source: Protocol Buffers, "ProtoJSON Format".
    enum WellKnown: Sendable {
        case timestamp, duration, wrapper, structure, value, list, decimal
    }

    private(set) var messages: [Message] = []
    private(set) var enums: [Enumeration] = []
    private(set) var text: [UInt8] = []
    /// The file's own messages by the path that framing names them by.
    private(set) var byPath: [[Int]: Int] = [:]

    private var named: [String: Kind] = [:]
    private var declared: [(file: ProtoFile.Message, scope: String)] = []
    private var partCount = 0

    private static let wellKnown: [String: WellKnown] = {
        let scope = "google.protobuf."
        var known: [String: WellKnown] = [
            scope + "Timestamp": .timestamp, scope + "Duration": .duration,
            scope + "Struct": .structure, scope + "Value": .value, scope + "ListValue": .list,
            "confluent.type.Decimal": .decimal,
        ]
        for type in ProtoBuiltIns.wrapped { known["\(scope)\(type)Value"] = .wrapper }
        return known
    }()

    /// - Parameter imports: files that the file uses, in any order.
    /// - Throws: `SchemaError` with the field whose type is nowhere.
    init(_ file: ProtoFile, imports: [ProtoFile]) throws(SchemaError) {
        for (index, message) in file.messages.enumerated() {
            try declare(message, in: file.package, path: [index])
        }
        for enumeration in file.enums { try declare(enumeration, in: file.package) }
        for other in imports {
            for message in other.messages { try declare(message, in: other.package, path: nil) }
            for enumeration in other.enums { try declare(enumeration, in: other.package) }
        }
        for index in declared.indices { try link(index) }
        declared = []
    }

    // MARK: Declarations

    private mutating func count(_ parts: Int) throws(SchemaError) {
        partCount += parts + 1
        guard partCount <= ProtoFile.partsMax else {
            throw SchemaError("", "it has more than \(ProtoFile.partsMax) fields and messages")
        }
    }

    /// Of a name that is there already, as where an import comes twice, the first stays.
    private mutating func declare(
        _ message: ProtoFile.Message, in scope: String, path: [Int]?
    ) throws(SchemaError) {
        try count(message.fields.count)
        let name = Self.joined(scope, message.name)
        guard named[name] == nil else { return }
        let index = messages.count
        named[name] = .message(index)
        if let path { byPath[path] = index }
        messages.append(Message(name: name))
        declared.append((file: message, scope: name))
        messages[index].wellKnown = Self.wellKnown[name]
        for (place, nested) in message.messages.enumerated() {
            try declare(nested, in: name, path: path.map { $0 + [place] })
        }
        for nested in message.enums { try declare(nested, in: name) }
    }

    private mutating func declare(_ enumeration: ProtoFile.Enumeration, in scope: String)
        throws(SchemaError)
    {
        try count(enumeration.values.count)
        let name = Self.joined(scope, enumeration.name)
        guard named[name] == nil else { return }
        named[name] = .enumeration(enums.count)
        var made = Enumeration()
        made.first = enumeration.values.first?.number ?? 0
        for value in enumeration.values where made.names[value.number] == nil {
            made.names[value.number] = add { $0.string(value.name) }
        }
        enums.append(made)
    }

    private static func joined(_ scope: String, _ name: String) -> String {
        scope.isEmpty ? name : "\(scope).\(name)"
    }

    private mutating func add(_ write: (inout JSONOutput) -> Void) -> Range<Int> {
        var out = JSONOutput(bytesMax: 1 << 16)
        write(&out)
        let start = text.count
        text += out.bytes
        return start..<text.count
    }

    // MARK: Links

    private mutating func link(_ index: Int) throws(SchemaError) {
        let (source, scope) = declared[index]
        var message = messages[index]
        for field in source.fields {
            let place = "\(scope).\(field.name)"
            guard (1..<1 << 29).contains(field.number), message.byNumber[field.number] == nil else {
                throw SchemaError(place, "its number is none, or there twice")
            }
            let kind = try kind(field.type, in: scope, place)
            message.byNumber[field.number] = message.fields.count
            let isMap = if case .map = kind { true } else { false }
            message.fields.append(
                Field(
                    name: field.name, number: field.number, kind: kind,
                    isRepeated: field.isRepeated && !isMap, oneof: field.oneof ?? -1,
                    key: add {
                        $0.string(field.name)
                        $0.put(0x3a)
                    }))
        }
        messages[index] = message
    }

    private func kind(_ type: ProtoFile.FieldType, in scope: String, _ place: String)
        throws(SchemaError) -> Kind
    {
        guard case .named(let name) = type else {
            if case .scalar(let scalar) = type { return .scalar(scalar) }
            throw SchemaError(place, "has no type")
        }
        guard let found = find(name, from: scope) else {
            throw SchemaError(place, "its type \(name) is in no file that was given")
        }
        if case .message(let index) = found, declared[index].file.isMapEntry { return .map(index) }
        return found
    }

    /// Looks from the innermost scope outward, as protoc does.
    private func find(_ name: String, from scope: String) -> Kind? {
        if name.hasPrefix(".") { return named[String(name.dropFirst())] }
        var scope = scope[...]
        while true {
            if let found = named[Self.joined(String(scope), name)] { return found }
            guard !scope.isEmpty else { return nil }
            scope = scope.lastIndex(of: ".").map { scope[..<$0] } ?? ""
        }
    }
}
