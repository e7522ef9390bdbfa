import Records
import Schemas
import SnapshotStore
import Synchronization

/// The schema that recommendations are written by, and the ids that a registry gave it.
///
/// Schemas and ids are kept in the store's ledger. So a start needs no registry once it has answered, and
/// what is sent again has the same bytes. A message that is committed before the id is known to be in force
/// has its schema's digest in a header; it is given its frame when it is sent, before which the id is in
/// the ledger. An id of an earlier run is not taken on trust: a registry that was made anew has lost it.
package final class OutgoingSchemas: Sendable {
    /// The registry's name: its URL.
    let registry: String
    /// What messages of this run are written by; `nil` where they are JSON.
    let schema: SchemaBundle?
    /// Topics whose subjects need it.
    let topics: [String]
    private let digest: Digest256?
    /// Those that were found to be in force in this run.
    private let ids = Mutex<[[UInt8]: UInt32]>([:])

    private static let table = StateTable("outgoing_schemas", .ledger)
    /// Of a message that has no frame yet.
    private static let headerName = "tidemark-unframed"

    /// - Throws: where the store cannot be read, or the schema cannot be kept.
    init(_ form: OfferForm, registry: String, _ store: SnapshotStore) throws {
        self.registry = registry
        schema = form.schema
        topics = form.schema == nil ? [] : form.topics
        digest = form.schema.map { SHA256.hash($0.encoded) }
        if let schema, let digest {
            let row = Self.schemaKey(digest.bytes)
            if try store.withHead({ try $0.value(Self.table, row) }) == nil {
                try store.putLedger(Self.table.name, row, schema.encoded)
            }
        }
    }

    /// The subject of a topic's values.
    static func subject(_ topic: String) -> String { topic + "-value" }

    /// The message with its frame, or with the header that says that it has none yet.
    func framed(_ message: OutboxMessage) -> OutboxMessage {
        guard let schema, let digest, let body = message.value else { return message }
        var message = message
        let key = Self.key(registry, message.topic, digest.bytes)
        if let id = ids.withLock({ $0[key] }) {
            message.value = SchemaFrame.prefix(id, isProtobuf: schema.kind == .protobuf) + body
        } else {
            message.headers.append(.init(name: Self.headerName, value: digest.bytes))
        }
        return message
    }

    // MARK: The publishing thread's side

    /// What a message still needs: a schema under a topic's subject.
    struct Need: Equatable {
        let topic: String
        let digest: [UInt8]
    }

    /// What is asked for whether or not a message waits.
    var needs: [Need] {
        guard let digest else { return [] }
        return topics.map { Need(topic: $0, digest: digest.bytes) }
    }

    /// `nil` for a message that is whole.
    func need(of message: OutboxMessage) -> Need? {
        message.headers.last { $0.name == Self.headerName }.map {
            Need(topic: message.topic, digest: $0.value)
        }
    }

    func isMet(_ need: Need) -> Bool {
        ids.withLock { $0[Self.key(registry, need.topic, need.digest)] } != nil
    }

    /// The schema of a need, of this run or of an earlier one.
    func schema(of need: Need, _ store: SnapshotStore) throws -> SchemaBundle? {
        let row = try store.withHead { try $0.value(Self.table, Self.schemaKey(need.digest)) }
        return try row.map { try SchemaBundle(encoded: $0) }
    }

    /// The id that an earlier run was given; `nil` where none was.
    func recall(_ need: Need, _ store: SnapshotStore) throws -> UInt32? {
        try Self.id(Self.key(registry, need.topic, need.digest), store)
    }

    /// An id of an earlier run is in force.
    func meet(_ need: Need, withRecalled id: UInt32) {
        ids.withLock { $0[Self.key(registry, need.topic, need.digest)] = id }
    }

    /// Keeps the id first: whatever is sent under it is sent so ever after.
    func meet(_ need: Need, with id: UInt32, _ store: SnapshotStore) throws {
        let key = Self.key(registry, need.topic, need.digest)
        var writer = ByteWriter()
        writer.integer(id)
        try store.putLedger(Self.table.name, key, writer.bytes)
        ids.withLock { $0[key] = id }
    }

    /// The message as it is sent; the need must be met.
    func finished(_ message: OutboxMessage, _ kind: SchemaBundle.Kind) -> OutboxMessage {
        guard let need = need(of: message), let body = message.value,
            let id = ids.withLock({ $0[Self.key(registry, need.topic, need.digest)] })
        else { return message }
        var message = message
        message.headers.removeAll { $0.name == Self.headerName }
        message.value = SchemaFrame.prefix(id, isProtobuf: kind == .protobuf) + body
        return message
    }

    // MARK: Rows

    private static func schemaKey(_ digest: [UInt8]) -> [UInt8] { [0] + digest }

    /// Long names are hashed: a key has a bound.
    private static func key(_ registry: String, _ topic: String, _ digest: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.string(registry)
        writer.string(subject(topic))
        writer.data(digest)
        return [1] + SHA256.hash(writer.bytes).bytes
    }

    private static func id(_ key: [UInt8], _ store: SnapshotStore) throws -> UInt32? {
        guard let row = try store.withHead({ try $0.value(table, key) }) else { return nil }
        var reader = ByteReader(row)
        let id: UInt32 = try reader.integer()
        try reader.finish()
        return id
    }
}
