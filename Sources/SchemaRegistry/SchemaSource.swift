import Schemas

/// Schemas by their id: from the shelf, and only where it has none from the registry.
///
/// Thread: one at a time.
public final class SchemaSource {
    /// The registry's name on the shelf.
    public let registry: String
    private let shelf: any SchemaShelf
    private var client: RegistryClient?
    /// Makes the client when it is needed first.
    private var connect: (() throws -> RegistryClient?)?

    /// - Parameters:
    ///   - registry: what the shelf knows the registry by; it must not change with the URL's password
    ///     or port, nor be that of another registry.
    ///   - client: `nil` where nothing is to be asked for, as in a replay.
    public init(registry: String, shelf: any SchemaShelf, client: RegistryClient?) {
        self.registry = registry
        self.shelf = shelf
        self.client = client
    }

    /// One whose client is made when a schema is missed for the first time.
    public convenience init(
        registry: String, shelf: any SchemaShelf, connect: @escaping () throws -> RegistryClient?
    ) {
        self.init(registry: registry, shelf: shelf, client: nil)
        self.connect = connect
    }

    /// The schema that is kept; `nil` where the registry would have to be asked.
    ///
    /// - Throws: what the shelf throws.
    public func kept(_ id: SchemaID) throws -> SchemaBundle? {
        try shelf.schema(id, of: registry)
    }

    /// The schema of an id. One that had to be asked for is kept.
    ///
    /// - Throws: `RegistryError`; what the shelf throws, and what making the client does.
    public func schema(_ id: SchemaID) throws -> SchemaBundle {
        if let schema = try kept(id) { return schema }
        if let connect {
            client = try connect()
            self.connect = nil
        }
        guard let client else {
            throw RegistryError.unknown(
                what: id.description, "it is not among the schemas that were kept")
        }
        let schema = try client.schema(id)
        try shelf.keep(schema, as: id, of: registry)
        return schema
    }
}
