import Records

/// The named databases of a store. Raw values are part of the format.
enum Table: UInt8, CaseIterable, Sendable {
    /// Identity and the head record; the only table outside the sums, because it holds them.
    case meta = 0
    case weights = 1
    case keyed = 2
    case ledger = 3
    case offsets = 4
    case outbox = 5
    case journal = 6
    case undo = 7
    case audit = 8
    /// Snapshot records by sequence, so that a listing is one walk.
    case snapshots = 9
    /// Snapshot id to sequence.
    case snapshotIDs = 10
    /// The chunk lists of snapshots by sequence.
    case manifests = 11
    case chunks = 12
    /// Configuration and platform texts by digest, shared between snapshots.
    case texts = 13
    case references = 14
    /// Which snapshot each reference named, and from when.
    case history = 15
    /// Chunk lists of removed snapshots whose chunks are still to be deleted.
    case pruning = 16
    /// Owners' surrogates and keys: the one table that an erasure takes from. In no snapshot.
    case owners = 17
    /// What records that are longer than four pages go on with.
    case pieces = 18

    var name: String { Self.names[Int(rawValue)] }

    private static let names = allCases.map { "\($0)" }

    /// The state tables' databases hold many tables, told apart by a number before each key.
    static func holding(_ kind: StateKind) -> Table {
        switch kind {
        case .weights: .weights
        case .keyed: .keyed
        case .ledger: .ledger
        }
    }

    /// The format that brought the table.
    var sinceFormat: UInt32 {
        switch self {
        case .owners: 2
        case .pieces: 3
        default: 1
        }
    }

    var stateKind: StateKind? {
        switch self {
        case .weights: .weights
        case .keyed: .keyed
        case .ledger: .ledger
        default: nil
        }
    }
}

/// The open handles of a store's databases.
struct Databases: Sendable {
    private let handles: [Database]
    /// Those that the store's format has: the first ones.
    let tables: ArraySlice<Table>

    init(
        _ transaction: borrowing some Transaction & ~Copyable, create: Bool,
        format: UInt32 = StoreIdentity.formatVersion
    ) throws(StoreError) {
        tables = Table.allCases.prefix { $0.sinceFormat <= format }
        var handles: [Database] = []
        for table in tables {
            handles.append(try transaction.database(table.name, create: create))
        }
        self.handles = handles
    }

    /// - Precondition: the store's format has the table.
    subscript(_ table: Table) -> Database { handles[Int(table.rawValue)] }
}

/// What a record's digest is bound to beside its key and value: the table's name.
struct RecordDomain: Hashable, Sendable {
    /// Length-prefixed, so that no table's name can run into a key.
    let bytes: [UInt8]
    let name: String

    init(_ table: Table) { self = Self.ofTables[Int(table.rawValue)] }

    private static let ofTables = Table.allCases.map { RecordDomain(name: $0.name) }

    /// Spelt out: the name of an enumeration's case is looked up by reflection, and a domain is made for
    /// every row.
    init(_ table: StateTable) {
        let kind =
            switch table.kind {
            case .weights: "weights"
            case .keyed: "keyed"
            case .ledger: "ledger"
            }
        self.init(name: kind + "/" + table.name)
    }

    private init(name: String) {
        var writer = ByteWriter()
        writer.string(name)
        bytes = writer.bytes
        self.name = name
    }
}

/// How a row's key becomes an LMDB key (511 bytes at most).
enum StoredKey {
    /// Longer keys are cut here and carry a digest instead of their rest.
    static let plainBytesMax = 476
    static let prefixBytes = plainBytesMax + 1

    /// A table's number in front keeps tables apart; keys keep their order.
    ///
    /// Two keys that agree in their first 477 bytes are ordered by digest: `forEach` puts them right.
    static func state(_ table: UInt16, _ key: [UInt8]) -> [UInt8] {
        var stored: [UInt8] = []
        stored.reserveCapacity(2 + min(key.count, prefixBytes + 32))
        stored.append(UInt8(table >> 8))
        stored.append(UInt8(table & 255))
        if key.count <= plainBytesMax {
            stored.append(contentsOf: key)
        } else {
            stored.append(contentsOf: key[..<prefixBytes])
            stored.append(contentsOf: SHA256.hash(key).bytes)
        }
        return stored
    }

    /// Big-endian, so that the order of the bytes is the order of the numbers.
    static func number(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
    }

    static func number(from key: some Collection<UInt8>) -> UInt64? {
        guard key.count == 8 else { return nil }
        return key.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
