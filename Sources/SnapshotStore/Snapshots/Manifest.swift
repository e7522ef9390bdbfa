import Records

/// Which chunks make up a snapshot's tables.
struct Manifest: Sendable, Equatable {
    struct ChunkEntry: Sendable, Equatable {
        let id: Digest256
        let rows: Int
        let bytes: Int
        /// The first row's key as it is stored: where to look for a row.
        let firstKey: [UInt8]
    }

    struct TableEntry: Sendable, Equatable {
        let table: StateTable
        let rows: Int
        let bytes: Int
        let digest: Digest256
        let chunks: [ChunkEntry]
    }

    var tables: [TableEntry] = []

    /// By name and kind: a table's keys may have been of another kind then.
    subscript(table: StateTable) -> TableEntry? {
        tables.first { $0.table.name == table.name && $0.table.kind == table.kind }
    }

    var chunkIDs: Set<Digest256> { Set(tables.flatMap { $0.chunks.map(\.id) }) }

    var weightsDigest: Digest256 {
        tables.reduce(.zero) { $1.table.kind == .weights ? $0 &+ $1.digest : $0 }
    }

    init() {}

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.array(tables) { writer, entry in
            writer.string(entry.table.name)
            writer.integer(entry.table.kind.rawValue | entry.table.keys.rawValue << 6)
            writer.integer(UInt64(entry.rows))
            writer.integer(UInt64(entry.bytes))
            writer.digest(entry.digest)
            writer.array(entry.chunks) { writer, chunk in
                writer.digest(chunk.id)
                writer.integer(UInt32(chunk.rows))
                writer.integer(UInt32(chunk.bytes))
                writer.data(chunk.firstKey)
            }
        }
        return writer.bytes
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        tables = try reader.array { r throws(ByteCodingError) in
            let name = try r.string()
            let at = r.position
            let raw = try r.integer(UInt8.self)
            guard let kind = StateKind(rawValue: raw & 63), let keys = StateKeys(rawValue: raw >> 6)
            else { throw .badValue(at: at, "an unknown kind of table") }
            return TableEntry(
                table: StateTable(name, kind, keys: keys),
                rows: Int(clamping: try r.integer(UInt64.self)),
                bytes: Int(clamping: try r.integer(UInt64.self)), digest: try r.digest(),
                chunks: try r.array { r throws(ByteCodingError) in
                    ChunkEntry(
                        id: try r.digest(), rows: Int(try r.integer(UInt32.self)),
                        bytes: Int(try r.integer(UInt32.self)), firstKey: try r.data())
                })
        }
        try reader.finish()
    }
}

/// Consecutive rows of one table, as snapshots share them.
struct Chunk {
    /// Keys as they are stored, without the table's number.
    private(set) var rows: [(key: [UInt8], body: StoredBody)] = []
    private var hasSealed = false

    /// Where the count of rows would be in a chunk of plain rows alone: any row may be sealed.
    private static let anyKind = UInt32.max

    init() {}

    mutating func append(_ row: StoredRow) {
        guard let body = row.body else { preconditionFailure("a walk that does not read values") }
        rows.append((row.key, body))
        if case .sealed = body { hasSealed = true }
    }

    var bytes: [UInt8] {
        var writer = ByteWriter(
            capacity: rows.reduce(8) { $0 + $1.key.count + $1.body.byteCount + 80 })
        if hasSealed { writer.integer(Self.anyKind) }
        writer.array(rows) { writer, row in
            writer.data(row.key)
            if hasSealed {
                writer.body(row.body)
            } else if case .plain(let value) = row.body {
                writer.data(value)
            }
        }
        return writer.bytes
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        hasSealed = bytes.starts(with: [255, 255, 255, 255])
        if hasSealed { _ = try reader.integer(UInt32.self) }
        let hasSealed = hasSealed
        rows = try reader.array { r throws(ByteCodingError) in
            let key = try r.data()
            guard hasSealed else { return (key, .plain(try r.data())) }
            guard let body = try r.body() else {
                throw .badValue(at: r.position, "a row without a value")
            }
            return (key, body)
        }
        try reader.finish()
    }

    /// A chunk is called after its rows' marks, which bind table, key and value.
    static func id(_ marks: [Digest256]) -> Digest256 {
        var writer = ByteWriter(capacity: 32 * marks.count)
        for mark in marks { writer.digest(mark) }
        return SHA256.hash(writer.bytes)
    }
}

/// Decides where a table is cut into chunks, by the rows' content alone.
///
/// A row ends a chunk with a probability in proportion to its size, so that cuts fall at the same
/// rows whatever changed elsewhere, and neighbouring snapshots share all other chunks.
struct ChunkCutter {
    private let target: Int
    private var bytes = 0

    init(target: Int) { self.target = max(target, 256) }

    /// Whether the chunk ends after this row.
    mutating func ends(_ digest: Digest256, rowBytes: Int) -> Bool {
        bytes += rowBytes
        let chance = UInt64.max / UInt64(target)
        let (threshold, over) = chance.multipliedReportingOverflow(by: UInt64(rowBytes))
        let falls = over || digest.words.0 <= threshold
        guard bytes >= 4 * target || (bytes >= target / 4 && falls) else { return false }
        bytes = 0
        return true
    }
}

/// Cuts one table's rows into chunks as they come by.
struct ChunkBuilder {
    private var cutter: ChunkCutter
    private var marks: [Digest256] = []
    private var firstKey: [UInt8] = []
    private var bytes = 0

    init(target: Int) { cutter = ChunkCutter(target: target) }

    /// - Returns: the chunk that ends with this row, if one does.
    mutating func add(_ row: StoredRow) -> Manifest.ChunkEntry? {
        if marks.isEmpty { firstKey = row.key }
        marks.append(row.mark)
        bytes += row.byteCount
        return cutter.ends(row.mark, rowBytes: row.byteCount) ? finish() : nil
    }

    /// - Returns: the chunk that is left behind the last row, if there is one.
    mutating func finish() -> Manifest.ChunkEntry? {
        guard !marks.isEmpty else { return nil }
        defer {
            marks.removeAll(keepingCapacity: true)
            bytes = 0
        }
        return Manifest.ChunkEntry(
            id: Chunk.id(marks), rows: marks.count, bytes: bytes, firstKey: firstKey)
    }
}
