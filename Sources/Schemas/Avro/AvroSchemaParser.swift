/// Turns a schema's JSON into types.
///
/// Source: Avro 1.12 specification, "Schema Declaration" and "Names".
struct AvroSchemaParser {
    private(set) var types: [AvroSchema.AvroType] = []
    /// Named types by their full name.
    private var named: [String: Int] = [:]

    private static let primitives: [String: AvroSchema.AvroType] = [
        "null": .null, "boolean": .boolean, "int": .int(.none), "long": .long(.none),
        "float": .float, "double": .double, "bytes": .bytes(.none), "string": .string,
    ]

    /// - Parameters:
    ///   - namespace: of names that give none; empty for none.
    ///   - depth: of types inside types.
    /// - Returns: the type's index.
    mutating func type(_ json: SchemaJSON, namespace: String, depth: Int) throws(SchemaError) -> Int
    {
        guard depth < SchemaJSON.depthMax else {
            throw SchemaError("", "types are nested too deep")
        }
        switch json {
        case .text(let name): return try reference(name, namespace)
        case .array(let branches):
            return try union(branches, namespace: namespace, depth: depth)
        case .object:
            guard let inner = json["type"] else { throw SchemaError("", "a type has no \"type\"") }
            guard case .text(let kind) = inner else {
                return try type(inner, namespace: namespace, depth: depth + 1)
            }
            return try complex(kind, json, namespace: namespace, depth: depth)
        default: throw SchemaError("", "a type is a text, an object or a list")
        }
    }

    private mutating func add(_ type: AvroSchema.AvroType) throws(SchemaError) -> Int {
        guard types.count < AvroSchema.typesMax else {
            throw SchemaError("", "it has more than \(AvroSchema.typesMax) types")
        }
        types.append(type)
        return types.count - 1
    }

    private mutating func reference(_ name: String, _ namespace: String) throws(SchemaError) -> Int
    {
        if let primitive = Self.primitives[name] { return try add(primitive) }
        let full = Self.full(name, namespace)
        guard let index = named[full] ?? named[name] else {
            throw SchemaError(full, "is not a type that is known here")
        }
        return index
    }

    private mutating func union(_ branches: [SchemaJSON], namespace: String, depth: Int)
        throws(SchemaError) -> Int
    {
        guard !branches.isEmpty else { throw SchemaError("", "a union has no branches") }
        var indices: [Int] = []
        for branch in branches {
            if case .array = branch { throw SchemaError("", "a union is inside a union") }
            indices.append(try type(branch, namespace: namespace, depth: depth + 1))
        }
        return try add(.union(indices))
    }

    private mutating func complex(
        _ kind: String, _ json: SchemaJSON, namespace: String, depth: Int
    ) throws(SchemaError) -> Int {
        switch kind {
        case "record", "error": return try record(json, namespace: namespace, depth: depth)
        case "enum": return try enumeration(json, namespace: namespace)
        case "fixed": return try fixed(json, namespace: namespace)
        case "array":
            guard let items = json["items"] else { throw SchemaError("", "an array has no items") }
            return try add(.array(try type(items, namespace: namespace, depth: depth + 1)))
        case "map":
            guard let values = json["values"] else { throw SchemaError("", "a map has no values") }
            return try add(.map(try type(values, namespace: namespace, depth: depth + 1)))
        case "int": return try add(.int(Self.logical(json, of: kind)))
        case "long": return try add(.long(Self.logical(json, of: kind)))
        case "bytes": return try add(.bytes(Self.logical(json, of: kind)))
        default: return try reference(kind, namespace)
        }
    }

    // MARK: Named types

    private mutating func record(_ json: SchemaJSON, namespace: String, depth: Int)
        throws(SchemaError) -> Int
    {
        let name = try Self.name(json, namespace)
        let index = try declare(name)
        guard let list = json["fields"]?.array else {
            throw SchemaError(name.full, "has no fields")
        }
        let inner = name.full.lastIndex(of: ".").map { String(name.full[..<$0]) } ?? ""
        var fields: [AvroSchema.Field] = []
        var seen: Set<String> = []
        for field in list {
            guard let fieldName = field["name"]?.text, !fieldName.isEmpty else {
                throw SchemaError(name.full, "has a field without a name")
            }
            let place = "\(name.full).\(fieldName)"
            guard seen.insert(fieldName).inserted else {
                throw SchemaError(place, "is there twice")
            }
            guard let type = field["type"] else { throw SchemaError(place, "has no type") }
            fields.append(
                AvroSchema.Field(
                    name: fieldName, aliases: Self.texts(field["aliases"]),
                    type: try self.type(type, namespace: inner, depth: depth + 1),
                    defaultValue: field["default"]))
        }
        types[index] = .record(AvroSchema.Record(name: name, fields: fields))
        return index
    }

    private mutating func enumeration(_ json: SchemaJSON, namespace: String) throws(SchemaError)
        -> Int
    {
        let name = try Self.name(json, namespace)
        let index = try declare(name)
        let symbols = Self.texts(json["symbols"])
        guard json["symbols"]?.array?.count == symbols.count else {
            throw SchemaError(name.full, "has no list of symbols")
        }
        types[index] = .enumeration(
            AvroSchema.Enumeration(
                name: name, symbols: symbols, defaultSymbol: json["default"]?.text))
        return index
    }

    private mutating func fixed(_ json: SchemaJSON, namespace: String) throws(SchemaError) -> Int {
        let name = try Self.name(json, namespace)
        let index = try declare(name)
        guard let size = json["size"]?.integer, (0...(1 << 24)).contains(size) else {
            throw SchemaError(name.full, "has no size from 0 to \(1 << 24)")
        }
        var logical = Self.logical(json, of: "fixed")
        if logical == .duration && size != 12 || logical == .uuid && size != 16 { logical = .none }
        types[index] = .fixed(name, size: size, logical)
        return index
    }

    private mutating func declare(_ name: AvroSchema.Name) throws(SchemaError) -> Int {
        guard Self.primitives[name.full] == nil else {
            throw SchemaError(name.full, "is the name of a primitive type")
        }
        guard named[name.full] == nil else { throw SchemaError(name.full, "is defined twice") }
        let index = try add(.open(name))
        named[name.full] = index
        return index
    }

    // MARK: Names and logical types

    private static func name(_ json: SchemaJSON, _ namespace: String) throws(SchemaError)
        -> AvroSchema.Name
    {
        guard let given = json["name"]?.text, !given.isEmpty else {
            throw SchemaError(namespace, "a named type has no name")
        }
        let full = full(given, json["namespace"]?.text ?? namespace)
        let inner = full.lastIndex(of: ".").map { String(full[..<$0]) } ?? ""
        let aliases = texts(json["aliases"]).map { Self.full($0, inner) }
        return AvroSchema.Name(full: full, aliases: aliases)
    }

    /// A name with a dot is a full one; another is of the namespace.
    private static func full(_ name: String, _ namespace: String) -> String {
        name.utf8.contains(UInt8(ascii: ".")) || namespace.isEmpty ? name : "\(namespace).\(name)"
    }

    private static func texts(_ json: SchemaJSON?) -> [String] {
        json?.array?.compactMap(\.text) ?? []
    }

    private static func logical(_ json: SchemaJSON, of kind: String) -> AvroSchema.Logical {
        switch (json["logicalType"]?.text, kind) {
        case ("decimal", "bytes"), ("decimal", "fixed"):
            let scale = json["scale"].map(\.integer) ?? 0
            guard let scale, (0...JSONOutput.decimalScaleMax).contains(scale),
                let precision = json["precision"]?.integer, precision >= max(scale, 1)
            else { return .none }
            return .decimal(scale: scale)
        case ("date", "int"): return .date
        case ("time-millis", "int"): return .timeMillis
        case ("time-micros", "long"): return .timeMicros
        case ("timestamp-millis", "long"): return .timestamp(digits: 3, isLocal: false)
        case ("timestamp-micros", "long"): return .timestamp(digits: 6, isLocal: false)
        case ("timestamp-nanos", "long"): return .timestamp(digits: 9, isLocal: false)
        case ("local-timestamp-millis", "long"): return .timestamp(digits: 3, isLocal: true)
        case ("local-timestamp-micros", "long"): return .timestamp(digits: 6, isLocal: true)
        case ("local-timestamp-nanos", "long"): return .timestamp(digits: 9, isLocal: true)
        case ("uuid", "fixed"): return .uuid
        case ("duration", "fixed"): return .duration
        default: return .none
        }
    }
}
