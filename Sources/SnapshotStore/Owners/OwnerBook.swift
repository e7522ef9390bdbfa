import Records

/// Every owner of a store that is checked without LMDB, by surrogate.
struct OwnerBook: Sendable {
    private var surrogates: [UInt64] = []
    private var holders: [Holder] = []
    private var byOwner: [RowOwner: Holder] = [:]

    /// Takes in a record of table `owners`, which come in the order of their keys: first those by
    /// pseudonym, then those by surrogate.
    mutating func add(_ key: [UInt8], _ value: [UInt8], _ page: UInt64) throws(PageDamage) {
        switch (key.first, RowOwner(bytes: key.dropFirst()), RowOwner(bytes: value)) {
        case (1, let owner?, _):
            guard let holder = OwnerRecord.holder(owner, value) else { break }
            byOwner[owner] = holder
            return
        case (2, _, let owner?):
            guard let holder = byOwner.removeValue(forKey: owner),
                OwnerRecord.key(holder.surrogate) == key
            else { break }
            surrogates.append(holder.surrogate)
            holders.append(holder)
            return
        default: break
        }
        throw .page(page, "has an owner that does not fit its surrogate")
    }

    /// Throws: when there is a pseudonym without a surrogate.
    func requireComplete() throws(PageDamage) {
        guard byOwner.isEmpty else { throw .file("an owner has no surrogate") }
    }

    private func holder(_ surrogate: UInt64) -> Holder? {
        var (low, high) = (0, surrogates.count)
        while low < high {
            let middle = (low + high) / 2
            if surrogates[middle] < surrogate { low = middle + 1 } else { high = middle }
        }
        return low < surrogates.count && surrogates[low] == surrogate ? holders[low] : nil
    }

    /// The digest of a sealed row, opened and so verified.
    func digest(
        _ row: SealedRow, _ domain: RecordDomain, _ keys: StateKeys, _ key: [UInt8],
        _ page: UInt64, _ vault: Vault
    ) throws(PageDamage) -> Digest256 {
        guard let holder = holder(row.surrogate) else {
            throw .page(page, "has a row of an owner whose key is gone")
        }
        do throws(RecordDamage) {
            return try vault.open(
                row, holder, domain, keys == .owner ? holder.owner.bytes : key
            ).digest
        } catch { throw .page(page, "holds damage: \(sentence(error, domain, key))") }
    }
}
