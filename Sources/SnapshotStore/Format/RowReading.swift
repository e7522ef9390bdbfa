import Records

/// One row of a state table as a walk hands it over.
struct StoredRow {
    /// As it is stored, without the table's number; a long one whole.
    let key: [UInt8]
    /// Stands for the row in the name of a chunk: its digest, or the nonce and tag of a sealed one.
    let mark: Digest256
    /// Bytes of key and value.
    let byteCount: Int
    /// `nil` in a walk that reads marks alone.
    let body: StoredBody?
    /// Whose key a sealed row is under; `nil` for a plain one.
    var surrogate: UInt64? = nil
    /// How many bytes of its value lie in table `pieces`.
    var rest = 0
}

extension StoredRow {
    /// A row that is held by something else than its table: a chunk, an undo record, an import.
    init(_ domain: RecordDomain, _ key: [UInt8], _ body: StoredBody) {
        self.init(
            key: key, mark: body.mark(domain, key), byteCount: key.count + body.byteCount,
            body: body)
    }
}

/// One row in plain.
struct OpenRow {
    let key: [UInt8]
    let value: [UInt8]
    let digest: Digest256
    /// `nil` for a row that is about nobody.
    let owner: RowOwner?
    /// How many bytes of its value lie in table `pieces`.
    var rest = 0
}

extension Transaction where Self: ~Copyable {
    /// Visits a state table's rows in plain, verified, until `body` returns false.
    func forEachRow(
        _ databases: Databases, _ summary: TableSummary,
        _ body: (OpenRow) throws(StoreError) -> Bool
    ) throws(StoreError) {
        guard let table = summary.stateTable else { return }
        try forEachStored(databases, summary) { row throws(StoreError) in
            guard let found = try open(databases, table, row) else {
                throw .damaged(
                    path: environment.folder.path,
                    what: "a row of table \(table.name) is of an owner whose key is gone")
            }
            return try body(found)
        }
    }

    /// Visits a state table's rows as they are stored, in the order of their keys' bytes, until
    /// `body` returns false. Plain ones are verified, sealed ones when they are opened.
    ///
    /// - Parameter values: Whether values are read; marks alone cost far less.
    func forEachStored(
        _ databases: Databases, _ summary: TableSummary, from start: [UInt8] = [],
        values: Bool = true, _ body: (StoredRow) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let prefix = [UInt8(summary.number >> 8), UInt8(summary.number & 255)]
        let domain = summary.domain
        let path = environment.folder.path
        try withCursor(databases[summary.table]) { cursor throws(StoreError) in
            let take: Cursor.Body<StoredRow?> = { keyBytes, bytes throws(StoreError) in
                let stored = unsafe [UInt8](keyBytes)
                guard stored.starts(with: prefix) else { return nil }
                do throws(RecordDamage) {
                    return try unsafe takeApart(stored, bytes, domain, values)
                } catch {
                    throw .damaged(path: path, what: sentence(error, domain, stored))
                }
            }
            // Rows whose keys differ only beyond what LMDB holds of them are put in order here.
            var tied: [StoredRow] = []
            func flush() throws(StoreError) -> Bool {
                defer { tied.removeAll() }
                for row in tied.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) })
                where !row.key.lexicographicallyPrecedes(start) {
                    if try !body(row) { return false }
                }
                return true
            }
            // A long key's stored form depends on its digest: begin at the first of its like.
            let from = prefix + start.prefix(StoredKey.prefixBytes)
            var next = try unsafe cursor.seek(from, take)
            let startIsLong = start.count > StoredKey.plainBytesMax
            while let piece = next ?? nil {
                let row = try whole(databases, summary, piece)
                let isLong = row.key.count > StoredKey.plainBytesMax
                let ties = isLong && tied.last.map { StoredKey.tie($0.key, row.key) } ?? true
                if !tied.isEmpty, !ties, try !flush() { return }
                if isLong {
                    tied.append(row)
                } else if !startIsLong || !row.key.lexicographicallyPrecedes(start) {
                    guard try body(row) else { return }
                }
                next = try unsafe cursor.move(.next, take)
            }
            _ = try flush()
        }
    }

    /// One row of a state table in plain, verified; `nil` when there is none.
    func row(
        _ databases: Databases, _ summary: TableSummary, _ key: [UInt8]
    ) throws(StoreError) -> [UInt8]? {
        guard let table = summary.stateTable,
            let inner = try storedKey(databases, summary.keys, key),
            let found = try storedRow(databases, summary, inner),
            let opened = try open(databases, table, found)
        else { return nil }
        guard opened.key == (table.keys == .blinded ? inner : key) else {
            throw .damaged(
                path: environment.folder.path, what: sentence(.checksum, summary.domain, key))
        }
        return opened.value
    }

    /// One row as it is stored, by its key without the table's number; `nil` when there is none.
    func storedRow(
        _ databases: Databases, _ summary: TableSummary, _ inner: [UInt8]
    ) throws(StoreError) -> StoredRow? {
        let stored = StoredKey.state(summary.number, inner)
        let path = environment.folder.path
        let domain = summary.domain
        let piece = try unsafe withValue(databases[summary.table], stored) {
            bytes throws(StoreError) -> StoredRow? in
            guard let bytes = unsafe bytes else { return nil }
            do throws(RecordDamage) {
                return try unsafe takeApart(stored, bytes, domain, true)
            } catch { throw .damaged(path: path, what: sentence(error, domain, stored)) }
        }
        return try piece.map { piece throws(StoreError) in try whole(databases, summary, piece) }
    }

    /// The row, of which a long one has only its beginning in its place; verified then.
    private func whole(
        _ databases: Databases, _ summary: TableSummary, _ row: StoredRow
    ) throws(StoreError) -> StoredRow {
        guard row.rest > 0, case .plain(let first)? = row.body else { return row }
        let stored = StoredKey.state(summary.number, row.key)
        let value = first + (try rest(databases, summary.table, stored, row.rest))
        guard Envelope.digest(summary.domain, row.key, value) == row.mark else {
            throw .damaged(
                path: environment.folder.path, what: sentence(.checksum, summary.domain, row.key))
        }
        return StoredRow(
            key: row.key, mark: row.mark, byteCount: row.byteCount, body: .plain(value),
            rest: row.rest)
    }
}

/// Takes a stored row apart; one of which this is only the beginning is not verified.
private func takeApart(
    _ stored: [UInt8], _ bytes: UnsafeRawBufferPointer, _ domain: RecordDomain, _ values: Bool
) throws(RecordDamage) -> StoredRow {
    if let part = unsafe Envelope.sealedPart(bytes) {
        return try unsafe takeApartSealed(Array(stored[2...]), part, values)
    }
    guard let contents = unsafe Envelope.open(bytes) else { throw .layout }
    let key = unsafe contents.fullKey ?? Array(stored[2...])
    if unsafe values && !contents.isBeginningOfRow {
        _ = try unsafe Envelope.verified(bytes, domain, key)
    }
    return unsafe StoredRow(
        key: key, mark: contents.digest,
        byteCount: key.count + contents.value.count + contents.rest,
        body: values ? .plain([UInt8](contents.value)) : nil, rest: contents.rest)
}

private func takeApartSealed(
    _ key: [UInt8], _ part: UnsafeRawBufferPointer, _ values: Bool
) throws(RecordDamage) -> StoredRow {
    let count = part.count - SealedRow.markBytes - SealedRow.digestBytes
    guard count >= 0 else { throw .layout }
    guard values else {
        let mark = unsafe SealedRow.mark([UInt8](part.prefix(SealedRow.markBytes)))
        return StoredRow(
            key: key, mark: mark, byteCount: key.count + count, body: nil,
            surrogate: unsafe SealedRow.surrogate(part))
    }
    guard let row = unsafe SealedRow(bytes: [UInt8](part)) else { throw .layout }
    return StoredRow(
        key: key, mark: row.mark, byteCount: key.count + count, body: .sealed(row),
        surrogate: row.surrogate)
}

extension StoredKey {
    /// Whether LMDB cannot tell the order of two neighbouring keys.
    static func tie(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count > plainBytesMax && b.count > plainBytesMax
            && a[..<prefixBytes] == b[..<prefixBytes]
    }
}
