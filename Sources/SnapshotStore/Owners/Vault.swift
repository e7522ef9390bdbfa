import Records

/// An owner as the store knows it. Destroying the record of it destroys what its rows say.
struct Holder: Sendable {
    let owner: RowOwner
    /// Stands for the owner in keys and rows; never given out twice.
    let surrogate: UInt64
    /// The cipher's key and the one that nonces are made with.
    let key: [UInt8]

    static let keyBytes = RowCipher.keyBytes + nonceKeyBytes
    private static let nonceKeyBytes = 16

    var cipherKey: [UInt8] { Array(key.prefix(RowCipher.keyBytes)) }
    private var nonceKey: [UInt8] { Array(key.suffix(Self.nonceKeyBytes)) }

    /// A nonce that comes twice only with the same row: digests bind table, key and value. The same
    /// row is sealed to the same bytes, so that neighbouring snapshots share it.
    func nonce(_ digest: Digest256) -> [UInt8] {
        Array(SHA256.hash(nonceKey + digest.bytes).bytes.prefix(RowCipher.nonceBytes))
    }
}

/// Seals and opens rows for one transaction, and remembers the keys it has looked up.
///
/// Thread: the transaction's.
final class Vault {
    private let cipher = RowCipher()
    private var byOwner: [RowOwner: Holder] = [:]
    /// `nil` where the key has been destroyed.
    private var bySurrogate: [UInt64: Holder?] = [:]
    /// Owners erased in this transaction, whose rows it must still be able to take away.
    private var retired: [UInt64: Holder] = [:]
    /// Whose keys rows and messages were sealed under in this transaction.
    private(set) var sealed: Set<UInt64> = []

    /// More are looked up again.
    private static let knownMax = 100_000

    func seal(
        _ value: [UInt8], _ digest: Digest256, _ holder: Holder, _ domain: RecordDomain,
        _ key: [UInt8]
    ) -> SealedRow {
        sealed.insert(holder.surrogate)
        let nonce = holder.nonce(digest)
        let sealed = cipher.seal(
            digest.bytes + value, key: holder.cipherKey, nonce: nonce,
            additional: domain.bytes + key)
        var writer = ByteWriter(capacity: SealedRow.markBytes + sealed.cipher.count)
        writer.integer(holder.surrogate)
        guard let row = SealedRow(bytes: writer.bytes + nonce + sealed.tag + sealed.cipher) else {
            preconditionFailure("a sealed row has a digest")
        }
        return row
    }

    /// Throws: when it is not the row that was sealed for this table and key.
    func open(
        _ row: SealedRow, _ holder: Holder, _ domain: RecordDomain, _ key: [UInt8]
    ) throws(RecordDamage) -> (digest: Digest256, value: [UInt8]) {
        guard
            let plain = cipher.open(
                row.cipher, key: holder.cipherKey, nonce: row.nonce, tag: row.tag,
                additional: domain.bytes + key),
            let digest = Digest256(bytes: plain.prefix(SealedRow.digestBytes))
        else { throw .checksum }
        return (digest, Array(plain.dropFirst(SealedRow.digestBytes)))
    }

    /// The digest inside, of a row that is trusted to be whole.
    func digest(_ row: SealedRow, _ holder: Holder) -> Digest256 {
        let plain = cipher.peek(
            row.cipher.prefix(SealedRow.digestBytes), key: holder.cipherKey, nonce: row.nonce)
        return Digest256(bytes: plain) ?? .zero
    }

    // MARK: What is known

    func known(_ owner: RowOwner) -> Holder? { byOwner[owner] }

    func known(_ surrogate: UInt64) -> Holder?? {
        if let holder = retired[surrogate] { return .some(holder) }
        return bySurrogate[surrogate]
    }

    func note(_ holder: Holder) {
        if byOwner.count >= Self.knownMax { byOwner.removeAll(keepingCapacity: true) }
        byOwner[holder.owner] = holder
        note(holder.surrogate, holder)
    }

    func note(_ surrogate: UInt64, _ holder: Holder?) {
        if bySurrogate.count >= Self.knownMax { bySurrogate.removeAll(keepingCapacity: true) }
        bySurrogate[surrogate] = .some(holder)
    }

    func retire(_ holder: Holder) {
        byOwner[holder.owner] = nil
        retired[holder.surrogate] = holder
    }
}
