/// An Avro schema: its types in one list, which name each other by their index.
///
/// So a type may contain itself. Source: Avro 1.12 specification, "Schema Declaration".
public struct AvroSchema: Sendable {
    /// A type by its index in the list.
    typealias TypeIndex = Int

    indirect enum AvroType: Sendable {
        case null
        case boolean
        case int(Logical)
        case long(Logical)
        case float
        case double
        case bytes(Logical)
        case string
        case record(Record)
        case enumeration(Enumeration)
        case array(TypeIndex)
        case map(TypeIndex)
        case union([TypeIndex])
        case fixed(Name, size: Int, Logical)
        /// A named type whose definition has begun and not ended.
        case open(Name)
    }

    /// What a value means beyond its type. One that does not fit its type is left out, as the
    /// specification asks.
    enum Logical: Sendable, Hashable {
        case none
        /// `scale` digits behind the point.
        case decimal(scale: Int)
        case date
        case timeMillis
        case timeMicros
        /// Instants (`isLocal` false) or wall-clock times, counted in 10^-digits seconds.
        case timestamp(digits: Int, isLocal: Bool)
        case uuid
        case duration
    }

    struct Name: Sendable, Hashable {
        /// With the namespace, `shop.events.Click`.
        let full: String
        /// Full names too.
        var aliases: [String] = []

        /// Without the namespace.
        var short: Substring {
            full[(full.lastIndex(of: ".").map(full.index(after:)) ?? full.startIndex)...]
        }
    }

    struct Field: Sendable {
        let name: String
        var aliases: [String]
        let type: TypeIndex
        /// As the schema has it; `nil` where there is none.
        let defaultValue: SchemaJSON?
    }

    struct Record: Sendable {
        let name: Name
        let fields: [Field]
    }

    struct Enumeration: Sendable {
        let name: Name
        let symbols: [String]
        let defaultSymbol: String?
    }

    var types: [AvroType] = []
    var root: TypeIndex = 0

    /// Types of one schema, at most.
    static let typesMax = 20_000

    /// - Parameters:
    ///   - text: JSON, as a registry has it.
    ///   - imports: schemas whose named types `text` uses, each after those that it uses itself.
    /// - Throws: `SchemaError` with the type or field that is wrong.
    public init(_ text: String, imports: [String] = []) throws(SchemaError) {
        var parser = AvroSchemaParser()
        for other in imports { _ = try parser.type(SchemaJSON(other), namespace: "", depth: 0) }
        let root = try parser.type(SchemaJSON(text), namespace: "", depth: 0)
        types = parser.types
        self.root = root
    }
}

extension AvroSchema.AvroType {
    /// For messages: a name, or what kind of type it is.
    var described: String {
        switch self {
        case .null: "null"
        case .boolean: "boolean"
        case .int: "int"
        case .long: "long"
        case .float: "float"
        case .double: "double"
        case .bytes: "bytes"
        case .string: "string"
        case .record(let record): "record \(record.name.full)"
        case .enumeration(let enumeration): "enum \(enumeration.name.full)"
        case .array: "an array"
        case .map: "a map"
        case .union: "a union"
        case .fixed(let name, _, _): "fixed \(name.full)"
        case .open(let name): name.full
        }
    }
}
