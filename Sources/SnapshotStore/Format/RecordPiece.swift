import Records

/// One piece of a record of the store's own tables: all of it, or as much as one page holds.
///
/// LMDB keeps a longer value on pages that lie side by side. Where such runs of many lengths come and
/// go, no free run fits the next one, and the file grows though half of it is free. So a long record
/// has its first piece at its key, and further ones in table `pieces`, each on a page of its own.
struct RecordPiece {
    let key: [UInt8]
    let value: [UInt8]
    let digest: Digest256
    /// Whether more pieces follow.
    let goesOn: Bool

    /// What fills one page of 4,096 bytes, after LMDB's header and the envelope.
    static let bytesMax = 4_096 - 16 - Envelope.headerBytes

    /// Verifies a stored piece.
    ///
    /// - Throws: `.damaged` when it does not match its checksum.
    init(
        _ key: [UInt8], _ bytes: UnsafeRawBufferPointer, _ domain: RecordDomain, at path: String
    ) throws(StoreError) {
        do throws(RecordDamage) {
            let contents = try unsafe Envelope.verified(bytes, domain, key)
            self.key = key
            value = unsafe [UInt8](contents.value)
            digest = unsafe contents.digest
            goesOn = unsafe contents.goesOn
        } catch { throw .damaged(path: path, what: sentence(error, domain, key)) }
    }

    /// The key of a further piece.
    ///
    /// - Parameter number: 1 for the one after the first.
    static func key(
        _ table: Table, _ key: [UInt8], _ number: UInt32
    ) throws(StoreError) -> [UInt8] {
        let stored = [table.rawValue] + key + (0..<4).map { UInt8(number >> (24 - 8 * $0) & 255) }
        guard stored.count <= 511 else { throw .keyTooLong(table: table.name, count: key.count) }
        return stored
    }
}

extension Transaction where Self: ~Copyable {
    /// A record's value with all pieces behind the first.
    func whole(
        _ databases: Databases, _ table: Table, _ first: RecordPiece
    ) throws(StoreError) -> [UInt8] {
        var (value, goesOn) = (first.value, first.goesOn)
        let path = environment.folder.path
        var number: UInt32 = 1
        while goesOn {
            let key = try RecordPiece.key(table, first.key, number)
            try unsafe withValue(databases[.pieces], key) { bytes throws(StoreError) in
                guard let bytes = unsafe bytes else {
                    throw .damaged(
                        path: path,
                        what: "a record of table \(table.name) (key \(first.key.prefix(16).hex)) "
                            + "has lost its end")
                }
                let piece = try unsafe RecordPiece(key, bytes, RecordDomain(.pieces), at: path)
                value += piece.value
                goesOn = piece.goesOn
            }
            number += 1
        }
        return value
    }
}
