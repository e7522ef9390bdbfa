import Dispatch
import Records
import Synchronization

/// A record as a walk over the pages finds it.
struct RawRecord: Sendable {
    let key: [UInt8]
    let bytes: [UInt8]
    let page: UInt64
}

/// Verifies a table's records, many at a time on as many threads as there are processors: digests and
/// ciphers are most of what a check costs.
struct RecordChecker: Sendable {
    struct Found: Sendable {
        /// Of the table among those that share a database; 0 for the store's own.
        let number: UInt16
        let key: [UInt8]
        let digest: Digest256
        /// Empty for a sealed row.
        let value: [UInt8]
        let page: UInt64
        /// How many bytes of the value lie in table `pieces`.
        var rest = 0
    }

    let table: Table
    let domains: [UInt16: RecordDomain]
    let keys: [UInt16: StateKeys]
    let book: OwnerBook
    /// What long rows have behind their first pieces, by the pieces' keys.
    var pieces: [[UInt8]: [UInt8]] = [:]

    static let batchMax = 8_192
    /// Fewer are not worth another thread.
    private static let sliceMin = 256

    /// - Throws: the damage that comes first in the order of the keys.
    func check(_ batch: [RawRecord]) throws(PageDamage) -> [Found] {
        let slices = max(1, min(Self.processors, batch.count / Self.sliceMin))
        guard slices > 1 else { return try check(batch[...]) }
        let results = Mutex([Result<[Found], PageDamage>?](repeating: nil, count: slices))
        DispatchQueue.concurrentPerform(iterations: slices) { index in
            let range = batch.count * index / slices..<batch.count * (index + 1) / slices
            let result = Result { () throws(PageDamage) in try check(batch[range]) }
            results.withLock { $0[index] = result }
        }
        var found: [Found] = []
        found.reserveCapacity(batch.count)
        for case let result? in results.withLock({ $0 }) { found += try result.get() }
        return found
    }

    private static let processors = max(1, min(8, activeProcessors()))

    private func check(_ batch: ArraySlice<RawRecord>) throws(PageDamage) -> [Found] {
        let vault = Vault()
        var found: [Found] = []
        found.reserveCapacity(batch.count)
        for raw in batch { found.append(try check(raw, vault)) }
        return found
    }

    private func check(_ raw: RawRecord, _ vault: Vault) throws(PageDamage) -> Found {
        let page = raw.page
        let number: UInt16
        var key = raw.key
        if table.stateKind == nil {
            number = 0
        } else {
            guard key.count >= 2 else { throw .page(page, "has a key without a table") }
            number = UInt16(key[0]) << 8 | UInt16(key[1])
            let full = unsafe raw.bytes.withUnsafeBytes { unsafe Envelope.open($0)?.fullKey }
            key = full ?? Array(key[2...])
            guard StoredKey.state(number, key) == raw.key else {
                throw .page(page, "has a key that is not its record's")
            }
        }
        guard let domain = domains[number], let keys = keys[number] else {
            throw .page(page, "has a row of a table that is not known")
        }
        if raw.bytes.first == Envelope.sealed {
            guard let row = SealedRow(bytes: Array(raw.bytes.dropFirst())) else {
                throw .page(page, "has a sealed row that is too short")
            }
            let digest = try book.digest(row, domain, keys, key, page, vault)
            return Found(number: number, key: key, digest: digest, value: [], page: page)
        }
        if let whole = try whole(raw, domain, key) {
            return Found(
                number: number, key: key, digest: whole.digest, value: whole.value, page: page,
                rest: whole.rest)
        }
        let record = try Self.record(raw.bytes, domain, key, page)
        return Found(
            number: number, key: key, digest: record.digest, value: record.value, page: page,
            rest: record.rest)
    }

    /// A long row with its pieces, verified; `nil` for all others.
    private func whole(
        _ raw: RawRecord, _ domain: RecordDomain, _ key: [UInt8]
    ) throws(PageDamage) -> (digest: Digest256, value: [UInt8], rest: Int)? {
        let beginning = unsafe raw.bytes.withUnsafeBytes { bytes in
            unsafe Envelope.open(bytes).flatMap { contents in
                unsafe contents.isBeginningOfRow
                    ? unsafe (contents.digest, [UInt8](contents.value), contents.rest) : nil
            }
        }
        guard let (digest, first, rest) = beginning else { return nil }
        var value = first
        var number = 1
        while value.count < first.count + rest,
            let piece = pieces[RecordPiece.key(table, raw.key, number)]
        {
            value += piece
            number += 1
        }
        guard value.count == first.count + rest, Envelope.digest(domain, key, value) == digest
        else { throw .page(raw.page, "holds damage: \(sentence(.checksum, domain, key))") }
        return (digest, value, rest)
    }

    /// The digest and value of a stored record, verified; of a long one its first piece.
    static func record(
        _ stored: [UInt8], _ domain: RecordDomain, _ key: [UInt8], _ page: UInt64
    ) throws(PageDamage) -> (digest: Digest256, value: [UInt8], rest: Int) {
        // `withUnsafeBytes` of an array passes untyped errors only: the result is carried out.
        let result = unsafe stored.withUnsafeBytes { bytes in
            Result { () throws(RecordDamage) in
                let contents = try unsafe Envelope.verified(bytes, domain, key)
                return unsafe (
                    digest: contents.digest, value: [UInt8](contents.value), rest: contents.rest
                )
            }
        }
        do throws(RecordDamage) { return try result.get() } catch {
            throw .page(page, "holds damage: \(sentence(error, domain, key))")
        }
    }
}
