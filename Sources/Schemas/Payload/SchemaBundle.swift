import Records

/// A schema with everything that it needs: what a registry gives once, and a store keeps.
public struct SchemaBundle: Hashable, Sendable {
    /// What a schema describes. Raw values are a registry's `schemaType`.
    public enum Kind: String, Sendable, CaseIterable {
        /// Avro's binary encoding.
        case avro = "AVRO"
        /// Protocol Buffers.
        case protobuf = "PROTOBUF"
        /// JSON that a JSON Schema describes.
        case json = "JSON"
    }

    /// A schema that another one refers to.
    public struct Import: Hashable, Sendable {
        /// As the one that refers to it calls it.
        public let name: String
        /// Its text.
        public let text: String

        /// A name and a text.
        public init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    /// What it describes.
    public let kind: Kind
    /// The schema's text, as the registry has it.
    public let text: String
    /// Schemas that it refers to, each after those that it refers to itself.
    public let imports: [Import]

    /// A schema with what it refers to.
    public init(kind: Kind, text: String, imports: [Import] = []) {
        self.kind = kind
        self.text = text
        self.imports = imports
    }

    private static let layout: UInt8 = 1

    /// As a row of a store.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.integer(Self.layout)
        writer.string(kind.rawValue)
        writer.string(text)
        writer.array(imports) { writer, other in
            writer.string(other.name)
            writer.string(other.text)
        }
        return writer.bytes
    }

    /// - Throws: `ByteCodingError` for bytes that are no such row.
    public init(encoded: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(encoded)
        let layout = try reader.integer(UInt8.self)
        guard layout == Self.layout else { throw .badValue(at: 0, "layout \(layout)") }
        guard let kind = Kind(rawValue: try reader.string()) else {
            throw .badValue(at: 1, "a kind of schema that is not known")
        }
        self.kind = kind
        text = try reader.string()
        imports = try reader.array { reader throws(ByteCodingError) in
            Import(name: try reader.string(), text: try reader.string())
        }
        try reader.finish()
    }
}

/// Where schemas are kept from one run to the next, so that what was read once can be read again
/// without a registry.
///
/// Thread: one at a time.
public protocol SchemaShelf: AnyObject {
    /// The schema of an id of a registry; `nil` where it was not kept.
    ///
    /// - Parameter registry: the registry's name: ids of two registries have nothing to do with each
    ///   other.
    /// - Throws: where a row is there and cannot be read.
    func schema(_ id: SchemaID, of registry: String) throws -> SchemaBundle?

    /// Keeps a schema. A schema never changes under its id, so what is there stays.
    ///
    /// - Throws: where it cannot be kept.
    func keep(_ schema: SchemaBundle, as id: SchemaID, of registry: String) throws
}

/// Keeps schemas in memory: for runs without a store, and for tests.
public final class MemoryShelf: SchemaShelf {
    private var rows: [[UInt8]: SchemaBundle] = [:]

    /// An empty one.
    public init() {}

    /// The schema of an id of a registry.
    public func schema(_ id: SchemaID, of registry: String) -> SchemaBundle? {
        rows[id.key(of: registry)]
    }

    /// Keeps a schema.
    public func keep(_ schema: SchemaBundle, as id: SchemaID, of registry: String) {
        rows[id.key(of: registry)] = schema
    }
}

extension SchemaID {
    /// The key of a schema's row: the registry's name, and the id.
    public func key(of registry: String) -> [UInt8] {
        var writer = ByteWriter()
        writer.string(registry)
        switch self {
        case .number(let number):
            writer.integer(0 as UInt8)
            writer.integer(number)
        case .guid(let high, let low):
            writer.integer(1 as UInt8)
            writer.integer(high)
            writer.integer(low)
        }
        return writer.bytes
    }
}
