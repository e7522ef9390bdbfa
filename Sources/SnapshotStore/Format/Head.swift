import Records

/// What one table holds at a commit: enough to tell whether it changed, and to verify it.
public struct TableSummary: Hashable, Sendable {
    /// The table's name in the store.
    public let name: String
    /// `nil` for the store's own tables.
    public let kind: StateKind?
    /// Rows.
    public internal(set) var count: Int
    /// Bytes of keys and values, without what the store adds.
    public internal(set) var bytes: Int
    /// The sum of the rows' digests.
    public internal(set) var digest: Digest256
    let table: Table
    /// The number before each key; 0 for the store's own tables.
    let number: UInt16
    var keys = StateKeys.plain

    /// `nil` for the store's own tables.
    var stateTable: StateTable? { kind.map { StateTable(name, $0, keys: keys) } }
}

/// The record that every commit rewrites: where the store stands, and the sums that prove it.
struct Head: Sendable, Equatable {
    /// LMDB's number of the commit: a root page of another commit is found out by it.
    var transaction = 0
    var sequence: UInt64 = 0
    var lineage: UInt32 = 0
    var eventTimeMs: Int64 = 0
    var tables: [TableSummary] = []
    /// The part of the state's digest that the offsets make up, without the cluster's name.
    var offsetsDigest = Digest256.zero
    var counters: [String: Int64] = [:]
    var nextOutbox: UInt64 = 0
    var nextAudit: UInt64 = 0
    var nextHistory: UInt64 = 0
    /// The sequence of the snapshot that the state stands on.
    var headSnapshot: UInt64?
    /// Journal entries up to this commit have been pruned.
    var journalPrunedThrough: UInt64 = 0
    /// The cluster whose offsets the last commit moved.
    var cluster = ""
    /// The number that the next owner gets.
    var nextSurrogate: UInt64 = 1
    /// The last commit that erased somebody.
    var lastErasure: UInt64?
    /// The last commit of an earlier format: whole snapshots up to it cannot be rewound to.
    var migratedAt: UInt64?

    init() { addMissingTables() }

    /// Sums of the store's own tables that are not there yet: all of a new store's, and those that
    /// came with a later format.
    private mutating func addMissingTables() {
        for table in Table.allCases where table != .meta && table.stateKind == nil {
            if tables.contains(where: { $0.table == table }) { continue }
            tables.append(
                TableSummary(
                    name: table.name, kind: nil, count: 0, bytes: 0, digest: .zero, table: table,
                    number: 0))
        }
    }

    func index(of table: Table) -> Int {
        guard let index = tables.firstIndex(where: { $0.table == table && $0.number == 0 }) else {
            preconditionFailure("every table of the store has its sums from the start")
        }
        return index
    }

    func index(of table: StateTable) -> Int? {
        tables.firstIndex { $0.kind == table.kind && $0.name == table.name }
    }

    /// The place of a table's sums, which are made when the table is new.
    mutating func indexAdding(_ table: StateTable) -> Int {
        if let known = index(of: table) { return known }
        let number = (tables.map(\.number).max() ?? 0) + 1
        tables.append(
            TableSummary(
                name: table.name, kind: table.kind, count: 0, bytes: 0, digest: .zero,
                table: .holding(table.kind), number: number, keys: table.keys))
        return tables.count - 1
    }

    /// The digest over everything learned: weights, keyed state and offsets.
    var stateDigest: Digest256 { learnedDigest &+ offsetsDigest }

    /// The same without the offsets: what was learned, wherever it was read.
    var learnedDigest: Digest256 {
        tables.reduce(.zero) { sum, table in
            table.kind == .weights || table.kind == .keyed ? sum &+ table.digest : sum
        }
    }

    var weightsDigest: Digest256 {
        tables.reduce(.zero) { $1.kind == .weights ? $0 &+ $1.digest : $0 }
    }
}

extension Head {
    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 256 + 80 * tables.count)
        writer.integer(UInt64(transaction))
        writer.integer(sequence)
        writer.integer(lineage)
        writer.integer(eventTimeMs)
        writer.array(tables) { writer, table in
            writer.integer(table.table.rawValue | table.keys.rawValue << 6)
            writer.integer(table.number)
            writer.string(table.name)
            writer.integer(UInt64(table.count))
            writer.integer(UInt64(table.bytes))
            writer.digest(table.digest)
        }
        writer.digest(offsetsDigest)
        writer.array(counters.sorted { $0.key < $1.key }) { writer, counter in
            writer.string(counter.key)
            writer.integer(counter.value)
        }
        writer.integer(nextOutbox)
        writer.integer(nextAudit)
        writer.integer(nextHistory)
        writer.optional(headSnapshot) { $0.integer($1) }
        writer.integer(journalPrunedThrough)
        writer.string(cluster)
        writer.integer(nextSurrogate)
        writer.optional(lastErasure) { $0.integer($1) }
        writer.optional(migratedAt) { $0.integer($1) }
        return writer.bytes
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        transaction = Int(clamping: try reader.integer(UInt64.self))
        sequence = try reader.integer()
        lineage = try reader.integer()
        eventTimeMs = try reader.integer()
        tables = try reader.array { r throws(ByteCodingError) in try TableSummary(&r) }
        offsetsDigest = try reader.digest()
        let pairs = try reader.array { r throws(ByteCodingError) in
            (try r.string(), try r.integer(Int64.self))
        }
        counters = Dictionary(pairs) { $1 }
        nextOutbox = try reader.integer()
        nextAudit = try reader.integer()
        nextHistory = try reader.integer()
        headSnapshot = try reader.optional { r throws(ByteCodingError) in try r.integer() }
        journalPrunedThrough = try reader.integer()
        cluster = try reader.string()
        if reader.remaining > 0 {
            nextSurrogate = try reader.integer()
            lastErasure = try reader.optional { r throws(ByteCodingError) in try r.integer() }
            migratedAt = try reader.optional { r throws(ByteCodingError) in try r.integer() }
        }
        try reader.finish()
        addMissingTables()
    }
}

extension TableSummary {
    init(_ reader: inout ByteReader) throws(ByteCodingError) {
        let at = reader.position
        let raw = try reader.integer(UInt8.self)
        guard let table = Table(rawValue: raw & 63), let keys = StateKeys(rawValue: raw >> 6) else {
            throw .badValue(at: at, "\(raw) where a table should be")
        }
        self.table = table
        self.keys = keys
        kind = table.stateKind
        number = try reader.integer()
        name = try reader.string()
        count = Int(clamping: try reader.integer(UInt64.self))
        bytes = Int(clamping: try reader.integer(UInt64.self))
        digest = try reader.digest()
    }

    var domain: RecordDomain {
        stateTable.map { RecordDomain($0) } ?? RecordDomain(table)
    }
}

extension ByteWriter {
    mutating func digest(_ digest: Digest256) {
        integer(digest.words.0)
        integer(digest.words.1)
        integer(digest.words.2)
        integer(digest.words.3)
    }
}

extension ByteReader {
    mutating func digest() throws(ByteCodingError) -> Digest256 {
        Digest256(words: (try integer(), try integer(), try integer(), try integer()))
    }
}
