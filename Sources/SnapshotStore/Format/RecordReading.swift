import Records

extension Transaction where Self: ~Copyable {
    /// A record's value, verified; `nil` when there is none.
    ///
    /// Throws: `.damaged` when it does not match its checksum.
    func record(
        _ database: Database, _ domain: RecordDomain, stored: [UInt8], key: [UInt8]
    ) throws(StoreError) -> [UInt8]? {
        try unsafe withValue(database, stored) { bytes throws(StoreError) -> [UInt8]? in
            guard let bytes = unsafe bytes else { return nil }
            do throws(RecordDamage) {
                return unsafe [UInt8](try Envelope.verified(bytes, domain, key).value)
            } catch {
                throw .damaged(
                    path: environment.folder.path, what: sentence(error, domain, key))
            }
        }
    }

    /// A record of one of the store's own tables, however long it is.
    func record(
        _ databases: Databases, _ table: Table, _ key: [UInt8]
    ) throws(StoreError) -> [UInt8]? {
        let path = environment.folder.path
        let first = try unsafe withValue(databases[table], key) {
            bytes throws(StoreError) -> RecordPiece? in
            guard let bytes = unsafe bytes else { return nil }
            return try unsafe RecordPiece(key, bytes, RecordDomain(table), at: path)
        }
        return try first.map { first throws(StoreError) in try whole(databases, table, first) }
    }

    /// Visits a table's records, verified, until `body` returns false: from `start` on, or from the
    /// last one backward.
    func forEachRecord(
        _ databases: Databases, _ table: Table, from start: [UInt8] = [], backward: Bool = false,
        _ body: (_ key: [UInt8], _ value: [UInt8]) throws(StoreError) -> Bool
    ) throws(StoreError) {
        try forEachPiece(databases, table, from: start, backward: backward) {
            piece throws(StoreError) in
            try body(piece.key, whole(databases, table, piece))
        }
    }

    /// Visits what LMDB holds of a table: records, each as far as its first piece goes.
    func forEachPiece(
        _ databases: Databases, _ table: Table, from start: [UInt8] = [], backward: Bool = false,
        _ body: (RecordPiece) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let domain = RecordDomain(table)
        let path = environment.folder.path
        try withCursor(databases[table]) { cursor throws(StoreError) in
            let take: Cursor.Body<RecordPiece> = { key, bytes throws(StoreError) in
                try unsafe RecordPiece([UInt8](key), bytes, domain, at: path)
            }
            var piece = try unsafe backward ? cursor.move(.last, take) : cursor.seek(start, take)
            while let found = piece, try body(found) {
                piece = try unsafe cursor.move(backward ? .previous : .next, take)
            }
        }
    }

    /// The last record of a table.
    func lastRecord(
        _ databases: Databases, _ table: Table
    ) throws(StoreError) -> (key: [UInt8], value: [UInt8])? {
        let key = try withCursor(databases[table]) { cursor throws(StoreError) in
            try unsafe cursor.move(.last) { key, _ in unsafe [UInt8](key) }
        }
        guard let key, let value = try record(databases, table, key) else { return nil }
        return (key, value)
    }

    /// Reads a record's fields; a layout that is not the expected one is damage.
    func decoded<R>(
        _ table: Table, _ body: () throws(ByteCodingError) -> R
    ) throws(StoreError) -> R {
        try Self.decoded(table, at: environment.folder.path, body)
    }

    /// The same without a transaction, for closures that must not hold one.
    static func decoded<R>(
        _ table: Table, at path: String, _ body: () throws(ByteCodingError) -> R
    ) throws(StoreError) -> R {
        do { return try body() } catch {
            throw .damaged(path: path, what: "table \(table.name): \(error)")
        }
    }

    func head(_ databases: Databases) throws(StoreError) -> Head {
        guard let bytes = try record(databases, .meta, Head.key) else {
            throw .damaged(path: environment.folder.path, what: "it has no head record")
        }
        return try decoded(.meta) { () throws(ByteCodingError) in try Head(bytes: bytes) }
    }
}

extension Head {
    static let key = Array("head".utf8)
}

/// “the record … of table … does not match its checksum”.
func sentence(_ damage: RecordDamage, _ domain: RecordDomain, _ key: [UInt8]) -> String {
    "a record of table \(domain.name) (key \(key.prefix(16).hex)) \(damage.sentence)"
}
