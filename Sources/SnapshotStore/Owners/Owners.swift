import Records

/// The records of table `owners`: by pseudonym the surrogate and the key, by surrogate the pseudonym.
enum OwnerRecord {
    static func key(_ owner: RowOwner) -> [UInt8] { [1] + owner.bytes }
    static func key(_ surrogate: UInt64) -> [UInt8] { [2] + StoredKey.number(surrogate) }

    /// `nil` for a key that is by pseudonym.
    static func surrogate(_ key: [UInt8]) -> UInt64? {
        key.first == 2 ? StoredKey.number(from: key.dropFirst()) : nil
    }

    static func bytes(_ holder: Holder) -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + Holder.keyBytes)
        writer.integer(holder.surrogate)
        return writer.bytes + holder.key
    }

    /// `nil` for bytes that are no such record.
    static func holder(_ owner: RowOwner, _ bytes: [UInt8]) -> Holder? {
        guard bytes.count == 8 + Holder.keyBytes else { return nil }
        return Holder(
            owner: owner, surrogate: SealedRow.surrogate(bytes), key: Array(bytes.dropFirst(8)))
    }
}

extension Transaction where Self: ~Copyable {
    /// `nil` for an owner that has no rows, or was erased.
    func holder(_ databases: Databases, of owner: RowOwner) throws(StoreError) -> Holder? {
        if let known = vault.known(owner) { return known }
        guard let bytes = try record(databases, .owners, OwnerRecord.key(owner)) else { return nil }
        guard let holder = OwnerRecord.holder(owner, bytes) else {
            throw .damaged(path: environment.folder.path, what: "an owner's key is none")
        }
        vault.note(holder)
        return holder
    }

    /// `nil` once the owner has been erased.
    func holder(_ databases: Databases, surrogate: UInt64) throws(StoreError) -> Holder? {
        if let known = vault.known(surrogate) { return known }
        guard let bytes = try record(databases, .owners, OwnerRecord.key(surrogate)) else {
            vault.note(surrogate, nil)
            return nil
        }
        guard let owner = RowOwner(bytes: bytes),
            let found = try holder(databases, of: owner), found.surrogate == surrogate
        else {
            throw .damaged(path: environment.folder.path, what: "a surrogate has no owner")
        }
        return found
    }

    /// A stored row in plain, verified; `nil` when its owner has been erased.
    func open(
        _ databases: Databases, _ table: StateTable, _ row: StoredRow
    ) throws(StoreError) -> OpenRow? {
        let domain = RecordDomain(table)
        switch row.body {
        case nil: preconditionFailure("the walk did not read the row's value")
        case .plain(let value):
            return OpenRow(
                key: row.key, value: value, digest: row.mark, owner: nil, rest: row.rest)
        case .sealed(let sealed):
            guard let holder = try holder(databases, surrogate: sealed.surrogate) else {
                return nil
            }
            let key = table.keys == .owner ? holder.owner.bytes : row.key
            do throws(RecordDamage) {
                let opened = try vault.open(sealed, holder, domain, key)
                return OpenRow(
                    key: key, value: opened.value, digest: opened.digest, owner: holder.owner)
            } catch {
                throw .damaged(
                    path: environment.folder.path, what: sentence(error, domain, row.key))
            }
        }
    }

    /// The key that a row is asked for by; `nil` when its owner has been erased.
    func plainKey(
        _ databases: Databases, _ table: StateTable, stored key: [UInt8]
    ) throws(StoreError) -> [UInt8]? {
        guard table.keys == .owner else { return key }
        guard let surrogate = StoredKey.number(from: key) else { return nil }
        return try holder(databases, surrogate: surrogate)?.owner.bytes
    }

    /// A row's key without its table's number, as it is stored; `nil` where there is none to find.
    func storedKey(
        _ databases: Databases, _ keys: StateKeys, _ key: [UInt8]
    ) throws(StoreError) -> [UInt8]? {
        switch keys {
        case .plain: return key
        case .blinded:
            guard let secret = try record(databases, .meta, BlindingKey.key) else {
                throw .damaged(path: environment.folder.path, what: "it has no blinding key")
            }
            return Array(hmacSHA256(key, key: secret).bytes.prefix(16))
        case .owner:
            guard let owner = RowOwner(bytes: key) else { return nil }
            return try holder(databases, of: owner).map { StoredKey.number($0.surrogate) }
        }
    }
}

/// The secret that blinded keys are hashed with; made with the store, kept apart from all owners' keys.
enum BlindingKey {
    static let key = Array("blinding".utf8)

    static func make() -> [UInt8] { secret(32) }
}

/// Random bytes of the system, fit for keys; nothing learned depends on them.
private func secret(_ count: Int) -> [UInt8] {
    var random = SystemRandomNumberGenerator()
    return (0..<count).map { _ in random.next() }
}

extension RecordWriter {
    /// The owner, made known if it is not.
    mutating func holder(_ owner: RowOwner) throws(StoreError) -> Holder {
        let databases = databases
        let known = try read { transaction throws(StoreError) in
            try transaction.holder(databases, of: owner)
        }
        if let known { return known }
        let made = Holder(
            owner: owner, surrogate: head.nextSurrogate,
            key: secret(Holder.keyBytes))
        update { $0.nextSurrogate += 1 }
        try put(.owners, OwnerRecord.key(owner), OwnerRecord.bytes(made))
        try put(.owners, OwnerRecord.key(made.surrogate), owner.bytes)
        vault.note(made)
        return made
    }

    /// Destroys an owner's key, and with it what snapshots and undo records hold of the owner.
    ///
    /// Takes away the rows that its surrogate is the key of, and its messages that still wait; all
    /// other rows of the owner must be removed or put anew before the transaction ends.
    mutating func erase(_ owner: RowOwner) throws(StoreError) {
        update { $0.lastErasure = $0.sequence }
        let databases = databases
        let known = try read { transaction throws(StoreError) in
            try transaction.holder(databases, of: owner)
        }
        guard let holder = known else { return }
        try removeRows(ownedBy: holder)
        try removeOutbox(of: holder)
        try remove(.owners, OwnerRecord.key(owner))
        try remove(.owners, OwnerRecord.key(holder.surrogate))
        vault.retire(holder)
    }
}
