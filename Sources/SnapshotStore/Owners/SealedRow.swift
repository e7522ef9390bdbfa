import Records

/// A row encrypted under its owner's key, as it lies in the head, in snapshots and in undo records.
///
/// Layout: the owner's surrogate (8 bytes), nonce (12), tag (16), then the row's digest and its value,
/// encrypted. The digest is of the plain row, so that a state's digest says what was learned and not
/// under which keys it is kept; it is encrypted too, since it would tell a right guess of the row.
struct SealedRow: Equatable, Sendable {
    static let markBytes = 8 + RowCipher.nonceBytes + RowCipher.tagBytes
    static let digestBytes = 32

    let bytes: [UInt8]

    /// `nil` for fewer bytes than any sealed row has.
    init?(bytes: [UInt8]) {
        guard bytes.count >= Self.markBytes + Self.digestBytes else { return nil }
        self.bytes = bytes
    }

    var surrogate: UInt64 { Self.surrogate(bytes) }
    var nonce: [UInt8] { Array(bytes[8..<8 + RowCipher.nonceBytes]) }
    var tag: [UInt8] { Array(bytes[8 + RowCipher.nonceBytes..<Self.markBytes]) }
    var cipher: ArraySlice<UInt8> { bytes[Self.markBytes...] }
    var valueBytes: Int { bytes.count - Self.markBytes - Self.digestBytes }
    var mark: Digest256 { Self.mark(bytes.prefix(Self.markBytes)) }

    /// Stands for the row in the name of a chunk: the same row of the same owner has the same.
    ///
    /// - Parameter head: the first `markBytes` of a sealed row.
    static func mark(_ head: some Collection<UInt8>) -> Digest256 {
        // Nonce and tag first: their bits decide where chunks are cut.
        let bytes = Array(head.dropFirst(8)) + Array(head.prefix(4))
        return Digest256(bytes: bytes) ?? .zero
    }

    static func surrogate(_ bytes: some Collection<UInt8>) -> UInt64 {
        bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// What a row holds, as it is stored.
enum StoredBody: Equatable, Sendable {
    case plain([UInt8])
    case sealed(SealedRow)

    var byteCount: Int {
        switch self {
        case .plain(let value): value.count
        case .sealed(let row): row.valueBytes
        }
    }

    /// Stands for a row of this key in the name of a chunk.
    func mark(_ domain: RecordDomain, _ key: [UInt8]) -> Digest256 {
        switch self {
        case .plain(let value): Envelope.digest(domain, key, value)
        case .sealed(let row): row.mark
        }
    }
}

extension ByteWriter {
    mutating func body(_ body: StoredBody?) {
        switch body {
        case nil: integer(0 as UInt8)
        case .plain(let value):
            integer(1 as UInt8)
            data(value)
        case .sealed(let row):
            integer(2 as UInt8)
            data(row.bytes)
        }
    }
}

extension ByteReader {
    mutating func body() throws(ByteCodingError) -> StoredBody? {
        let at = position
        switch try integer(UInt8.self) {
        case 0: return nil
        case 1: return .plain(try data())
        case 2:
            guard let row = SealedRow(bytes: try data()) else {
                throw .badValue(at: at, "a sealed row that is too short")
            }
            return .sealed(row)
        case let other: throw .badValue(at: at, "\(other) where a kind of row should be")
        }
    }
}
