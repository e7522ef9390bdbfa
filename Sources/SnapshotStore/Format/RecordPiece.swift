import Records

/// One piece of a record of the store's own tables: all of it, or as much as four pages hold.
///
/// LMDB keeps a value that is longer than a page on pages that lie side by side. Where long runs of many
/// lengths come and go, no free run fits the next one, and the file grows though much of it is free. So a
/// long record has its first piece at its key, and further ones in table `pieces`: four pages in a row are
/// found nearly always.
package struct RecordPiece {
    let key: [UInt8]
    let value: [UInt8]
    let digest: Digest256
    /// How many bytes follow in further pieces.
    let rest: Int

    /// What fills four pages of 4,096 bytes, after LMDB's header, the envelope and the count of the rest.
    package static let bytesMax = 4 * 4_096 - 16 - Envelope.headerBytes - 4
    /// Longer keys are not split: a piece's key has a table and a number beside them.
    private static let keyBytesMax = 511 - 5

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
            rest = unsafe contents.rest
        } catch { throw .damaged(path: path, what: sentence(error, domain, key)) }
    }

    /// Whether a record lies in pieces, by its stored key and value.
    static func splits(_ stored: [UInt8], _ value: [UInt8]) -> Bool {
        value.count > bytesMax && stored.count <= keyBytesMax
    }

    /// How many pieces hold so many bytes.
    static func count(_ bytes: Int) -> Int { (bytes + bytesMax - 1) / bytesMax }

    /// The key of a further piece.
    ///
    /// - Parameters:
    ///   - stored: the record's key as LMDB has it.
    ///   - number: 1 for the one after the first.
    static func key(_ table: Table, _ stored: [UInt8], _ number: Int) -> [UInt8] {
        [table.rawValue] + stored
            + (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }
}

extension Transaction where Self: ~Copyable {
    /// A record's value with all pieces behind the first.
    func whole(
        _ databases: Databases, _ table: Table, _ first: RecordPiece
    ) throws(StoreError) -> [UInt8] {
        guard first.rest > 0 else { return first.value }
        return first.value + (try rest(databases, table, first.key, first.rest))
    }

    /// What a long record has behind its first piece.
    ///
    /// - Parameters:
    ///   - stored: its key as LMDB has it.
    ///   - count: how many bytes that is.
    /// - Throws: `.damaged` where that is not so.
    func rest(
        _ databases: Databases, _ table: Table, _ stored: [UInt8], _ count: Int
    ) throws(StoreError) -> [UInt8] {
        let path = environment.folder.path
        guard databases.tables.contains(.pieces) else {
            throw .damaged(
                path: path,
                what: "it was opened in an earlier format than it has by now: open it again")
        }
        var rest: [UInt8] = []
        for number in 1...max(1, RecordPiece.count(count)) {
            let key = RecordPiece.key(table, stored, number)
            try unsafe withValue(databases[.pieces], key) { bytes throws(StoreError) in
                guard let bytes = unsafe bytes else { return }
                rest += try unsafe RecordPiece(key, bytes, RecordDomain(.pieces), at: path).value
            }
            if rest.count < min(count, number * RecordPiece.bytesMax) { break }
        }
        guard rest.count == count else {
            throw .damaged(
                path: path,
                what: "a record of table \(table.name) (key \(stored.prefix(16).hex)) has "
                    + "\(rest.count) of the \(count) bytes behind its first page")
        }
        return rest
    }
}
