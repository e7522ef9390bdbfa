import Records

/// What the keyed rows of one commit held before it, in the order they were changed.
struct UndoRecord {
    /// Keys as they are stored, without the table's number.
    private(set) var rows: [(table: UInt16, key: [UInt8], before: StoredBody?)] = []

    mutating func add(_ change: RecordWriter.Change) {
        rows.append((change.tableNumber, change.key, change.before))
    }

    init() {}

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.array(rows) { writer, row in
            writer.integer(row.table)
            writer.data(row.key)
            writer.body(row.before)
        }
        return writer.bytes
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        rows = try reader.array { r throws(ByteCodingError) in
            (try r.integer(UInt16.self), try r.data(), try r.body())
        }
        try reader.finish()
    }
}

extension RecordWriter {
    /// Keeps this commit's undo record and lets the oldest go that are beyond the horizon.
    mutating func putUndo(
        _ undo: UndoRecord, _ options: SnapshotStore.Options
    ) throws(StoreError) {
        let sequence = head.sequence
        try put(.undo, StoredKey.number(sequence), undo.bytes)
        // A few at a time, so that a shortened horizon is reached without a stall.
        for _ in 0..<4 {
            let summary = head.tables[head.index(of: .undo)]
            guard summary.count > 1,
                summary.count > options.undoCommitsMax || summary.bytes > options.undoBytesMax,
                let oldest = try oldestKey(.undo)
            else { return }
            try remove(.undo, oldest)
        }
    }

    func oldestKey(_ table: Table) throws(StoreError) -> [UInt8]? {
        let databases = databases
        return try read { transaction throws(StoreError) in
            try transaction.withCursor(databases[table]) { cursor throws(StoreError) in
                try unsafe cursor.move(.first) { key, _ in unsafe [UInt8](key) }
            }
        }
    }
}
