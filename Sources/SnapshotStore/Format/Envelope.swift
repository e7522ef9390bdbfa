import Records

/// What every record is wrapped in: a version and the digest of table, key and value.
///
/// Layout: version (1 byte), digest (32 bytes), then the value; version 2 has the full key (a count
/// of 32 bits, the bytes) before the value, for keys longer than LMDB takes. Version 3 is followed by
/// a `SealedRow`, whose digest is inside. Versions 4 and 5 begin a long value: how many bytes of it lie
/// in table `pieces` (32 bits), then its first bytes. The digest of 4 is of both of these, that of 5, a
/// row of a state table, of the whole value.
enum Envelope {
    static let plain: UInt8 = 1
    static let withKey: UInt8 = 2
    static let sealed: UInt8 = 3
    static let beginning: UInt8 = 4
    static let beginningOfRow: UInt8 = 5
    static let headerBytes = 33

    static func digest(
        _ domain: RecordDomain, _ key: [UInt8], _ value: UnsafeRawBufferPointer
    ) -> Digest256 {
        var hasher = SHA256()
        hasher.update(domain.bytes)
        let count = UInt32(key.count).littleEndian
        unsafe withUnsafeBytes(of: count) { unsafe hasher.update($0) }
        hasher.update(key)
        unsafe hasher.update(value)
        return hasher.finalize()
    }

    static func digest(_ domain: RecordDomain, _ key: [UInt8], _ value: [UInt8]) -> Digest256 {
        unsafe value.withUnsafeBytes { unsafe digest(domain, key, $0) }
    }

    /// The bytes to store; `key` goes in where the stored key does not hold all of it.
    static func seal(
        _ digest: Digest256, _ value: [UInt8], fullKey key: [UInt8]? = nil
    ) -> [UInt8] {
        var writer = ByteWriter(
            capacity: headerBytes + value.count + (key.map { $0.count + 4 } ?? 0))
        writer.integer(key == nil ? plain : withKey)
        writer.digest(digest)
        if let key { writer.data(key) }
        return writer.bytes + value
    }

    /// What is stored of a long value behind the digest: how many bytes follow in pieces, and the first.
    static func beginning(_ first: ArraySlice<UInt8>, rest: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: 4 + first.count)
        writer.integer(UInt32(rest))
        return writer.bytes + first
    }

    /// The bytes to store of a long value, where `beginning` is what lies at its key.
    static func begin(_ digest: Digest256, _ beginning: [UInt8], isRow: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: headerBytes)
        writer.integer(isRow ? beginningOfRow : self.beginning)
        writer.digest(digest)
        return writer.bytes + beginning
    }

    static func seal(_ row: SealedRow) -> [UInt8] { [sealed] + row.bytes }

    /// What follows the version of a sealed row; `nil` for a record of another kind.
    @unsafe static func sealedPart(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard unsafe bytes.first == sealed else { return nil }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    }

    /// A record as stored, taken apart but not yet verified.
    @unsafe struct Contents {
        let digest: Digest256
        /// `nil` when the stored key is the whole key.
        let fullKey: [UInt8]?
        let value: UnsafeRawBufferPointer
        /// What the digest is of, where that can be told from these bytes.
        let covered: UnsafeRawBufferPointer
        /// How many bytes of the value lie in table `pieces`.
        var rest = 0
        /// Whether the digest is of the whole value, though this is its beginning.
        var isBeginningOfRow = false
    }

    /// Takes a stored record apart; `nil` when it is not one.
    @unsafe static func open(_ bytes: UnsafeRawBufferPointer) -> Contents? {
        guard bytes.count >= headerBytes else { return nil }
        let version = unsafe bytes[0]
        let digest = unsafe Digest256(
            words: (
                bytes.word(at: 1), bytes.word(at: 9), bytes.word(at: 17), bytes.word(at: 25)
            ))
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[headerBytes...])
        switch version {
        case plain:
            return unsafe Contents(digest: digest, fullKey: nil, value: rest, covered: rest)
        case beginning, beginningOfRow:
            guard let count = unsafe rest.count32, count > 0 else { return nil }
            return unsafe Contents(
                digest: digest, fullKey: nil,
                value: UnsafeRawBufferPointer(rebasing: rest.dropFirst(4)), covered: rest,
                rest: count, isBeginningOfRow: version == beginningOfRow)
        case withKey:
            guard let count = unsafe rest.count32, count <= rest.count - 4 else { return nil }
            let key = unsafe [UInt8](rest[4..<4 + count])
            let value = unsafe UnsafeRawBufferPointer(rebasing: rest[(4 + count)...])
            return unsafe Contents(digest: digest, fullKey: key, value: value, covered: value)
        default: return nil
        }
    }

    /// A stored record taken apart: all of it, or its first piece.
    ///
    /// Throws: when its digest is not the one of `domain`, `key` and its value, and for the beginning of a
    /// row, which can only be verified whole.
    @unsafe static func verified(
        _ bytes: UnsafeRawBufferPointer, _ domain: RecordDomain, _ key: [UInt8]
    ) throws(RecordDamage) -> Contents {
        guard let contents = unsafe open(bytes) else { throw .layout }
        if unsafe contents.isBeginningOfRow { throw .layout }
        if let full = unsafe contents.fullKey, full != key { throw .checksum }
        let computed = unsafe digest(domain, key, contents.covered)
        guard unsafe computed == contents.digest else { throw .checksum }
        return unsafe contents
    }
}

/// What is wrong with one record.
enum RecordDamage: Error {
    case layout, checksum

    var sentence: String {
        switch self {
        case .layout: "is not a record of this format"
        case .checksum: "does not match its checksum"
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A count of 32 bits at the start; `nil` where there are fewer.
    @unsafe fileprivate var count32: Int? {
        guard count >= 4 else { return nil }
        return Int(unsafe UInt32(littleEndian: loadUnaligned(as: UInt32.self)))
    }

    @unsafe fileprivate func word(at offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
