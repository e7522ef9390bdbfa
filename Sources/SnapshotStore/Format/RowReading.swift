import Records

/// One row of a state table as a walk hands it over.
struct StoredRow {
    let key: [UInt8]
    let digest: Digest256
    let valueCount: Int
    /// Empty in a walk that does not verify.
    let value: [UInt8]
}

extension Transaction where Self: ~Copyable {
    /// Visits a state table's rows in the order of their keys' bytes until `body` returns false.
    ///
    /// - Parameter verifying: Whether values are read and verified; digests alone cost far less.
    func forEachRow(
        _ databases: Databases, _ summary: TableSummary, from start: [UInt8] = [],
        verifying: Bool = true, _ body: (StoredRow) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let prefix = [UInt8(summary.number >> 8), UInt8(summary.number & 255)]
        let domain = summary.domain
        let path = environment.folder.path
        try withCursor(databases[summary.table]) { cursor throws(StoreError) in
            let take: Cursor.Body<StoredRow?> = { keyBytes, bytes throws(StoreError) in
                let stored = unsafe [UInt8](keyBytes)
                guard stored.starts(with: prefix) else { return nil }
                do throws(RecordDamage) {
                    return try unsafe takeApart(stored, bytes, domain, verifying)
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
            while let row = next ?? nil {
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

    /// One row of a state table, verified; `nil` when there is none.
    func row(
        _ databases: Databases, _ summary: TableSummary, _ key: [UInt8]
    ) throws(StoreError) -> [UInt8]? {
        try record(
            databases[summary.table], summary.domain,
            stored: StoredKey.state(summary.number, key), key: key)
    }
}

/// Takes a stored row apart.
private func takeApart(
    _ stored: [UInt8], _ bytes: UnsafeRawBufferPointer, _ domain: RecordDomain,
    _ verifying: Bool
) throws(RecordDamage) -> StoredRow {
    guard let contents = unsafe Envelope.open(bytes) else { throw .layout }
    let key = unsafe contents.fullKey ?? Array(stored[2...])
    guard verifying else {
        return unsafe StoredRow(
            key: key, digest: contents.digest, valueCount: contents.value.count, value: [])
    }
    let verified = try unsafe Envelope.verified(bytes, domain, key)
    return unsafe StoredRow(
        key: key, digest: verified.digest, valueCount: verified.value.count,
        value: [UInt8](verified.value))
}

extension StoredKey {
    /// Whether LMDB cannot tell the order of two neighbouring keys.
    static func tie(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count > plainBytesMax && b.count > plainBytesMax
            && a[..<prefixBytes] == b[..<prefixBytes]
    }
}
