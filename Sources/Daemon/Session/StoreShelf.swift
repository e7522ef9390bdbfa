import Records
import Schemas
import SnapshotStore

/// Schemas in a store's ledger: no rollback takes them back, and a replay needs no registry.
///
/// Thread: keeping belongs to the store's writer.
final class StoreShelf: SchemaShelf {
    private static let table = StateTable("schemas", .ledger)

    private let store: SnapshotStore

    init(_ store: SnapshotStore) { self.store = store }

    func schema(_ id: SchemaID, of registry: String) throws -> SchemaBundle? {
        let row = try store.withHead { try $0.value(Self.table, id.key(of: registry)) }
        return try row.map { try SchemaBundle(encoded: $0) }
    }

    func keep(_ schema: SchemaBundle, as id: SchemaID, of registry: String) throws {
        try store.putLedger(Self.table.name, id.key(of: registry), schema.encoded)
    }
}
