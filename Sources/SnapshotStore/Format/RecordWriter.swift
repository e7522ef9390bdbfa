import Records

/// A write transaction that keeps the sums: every record goes in and out through it.
struct RecordWriter: ~Copyable {
    private let transaction: WriteTransaction
    let databases: Databases
    private(set) var head: Head
    private(set) var rowsChanged = 0
    private(set) var rowsUnchanged = 0
    /// Bytes of keys and values put.
    private(set) var bytesWritten = 0
    private var places: [StateTable: Place] = [:]

    private struct Place {
        let index: Int
        let number: UInt16
        let database: Database
        let domain: RecordDomain
        let keys: StateKeys
        /// Whose bytes these are: of the table whose record goes on here.
        let bytesIndex: Int
    }

    /// What a row held before it was changed.
    struct Change {
        let tableNumber: UInt16
        /// As it is stored, without the table's number.
        let key: [UInt8]
        let before: StoredBody?
    }

    init(_ environment: Environment, _ databases: Databases, _ head: Head) throws(StoreError) {
        self.init(try WriteTransaction(environment), databases, head)
    }

    /// - Parameter transaction: one in which nothing has been put yet that the sums cover.
    init(_ transaction: consuming WriteTransaction, _ databases: Databases, _ head: Head) {
        self.transaction = transaction
        self.databases = databases
        self.head = head
    }

    var path: String { transaction.environment.folder.path }
    var vault: Vault { transaction.vault }

    /// Lends the transaction for reading; what was put is seen.
    borrowing func read<R>(
        _ body: (borrowing WriteTransaction) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        try body(transaction)
    }

    func value(_ table: Table, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        try transaction.record(databases, table, key)
    }

    /// Changes what the head record says beside the sums.
    mutating func update(_ change: (inout Head) -> Void) { change(&head) }

    mutating func put(_ table: Table, _ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        guard key.count <= 511 else { throw .keyTooLong(table: table.name, count: key.count) }
        let first = value.prefix(RecordPiece.bytesMax)
        try write(table, key, Array(first), rest: value[first.endIndex...])
    }

    mutating func remove(_ table: Table, _ key: [UInt8]) throws(StoreError) {
        try write(table, key, nil, rest: [])
    }

    /// Writes a record's first piece, those that follow, and takes away what an older one had more.
    private mutating func write(
        _ table: Table, _ key: [UInt8], _ first: [UInt8]?, rest: ArraySlice<UInt8>
    ) throws(StoreError) {
        let goesOn = !rest.isEmpty
        let written = try write(
            place(of: table), stored: key, key: key, first, nil, keepsOld: false, goesOn: goesOn)
        let wentOn = written?.wentOn ?? goesOn
        guard goesOn || wentOn else { return }
        let place = place(ofPiecesOf: table)
        var rest = rest
        var number: UInt32 = 1
        while !rest.isEmpty {
            let stored = try RecordPiece.key(table, key, number)
            _ = try write(
                place, stored: stored, key: stored, Array(rest.prefix(RecordPiece.bytesMax)), nil,
                keepsOld: false, goesOn: rest.count > RecordPiece.bytesMax)
            rest = rest.dropFirst(RecordPiece.bytesMax)
            number += 1
        }
        var isThere = wentOn
        while isThere {
            let stored = try RecordPiece.key(table, key, number)
            isThere =
                try write(place, stored: stored, key: stored, nil, nil, keepsOld: false) != nil
            number += 1
        }
    }

    private func place(of table: Table) -> Place {
        let index = head.index(of: table)
        return Place(
            index: index, number: 0, database: databases[table], domain: RecordDomain(table),
            keys: .plain, bytesIndex: index)
    }

    private func place(ofPiecesOf table: Table) -> Place {
        Place(
            index: head.index(of: .pieces), number: 0, database: databases[.pieces],
            domain: RecordDomain(.pieces), keys: .plain, bytesIndex: head.index(of: table))
    }

    /// Puts or removes one row of the state; `nil` when it was so already.
    ///
    /// - Parameter keepsOld: Whether the caller wants what was there before.
    mutating func apply(
        _ row: StateChanges.Row, keepsOld: Bool
    ) throws(StoreError) -> Change? {
        let place = try self.place(of: row.table)
        var owner = row.owner
        if place.keys == .owner {
            guard let named = RowOwner(bytes: row.key) else {
                preconditionFailure("a key of table \(row.table.name) names no owner")
            }
            owner = named
        }
        let holder =
            row.value == nil
            ? nil
            : try owner.map { owner throws(StoreError) in
                try self.holder(owner)
            }
        guard let inner = try transaction.storedKey(databases, place.keys, row.key) else {
            rowsUnchanged += 1
            return nil
        }
        if holder != nil, inner.count > StoredKey.plainBytesMax {
            throw .keyTooLong(table: row.table.name, count: inner.count)
        }
        guard
            let before = try write(
                place, stored: StoredKey.state(place.number, inner),
                key: place.keys == .blinded ? inner : row.key, row.value, holder,
                keepsOld: keepsOld)
        else { return nil }
        return Change(tableNumber: place.number, key: inner, before: before.body)
    }

    /// Puts a row of a table without owners under its owner's surrogate; the key is the owner's.
    mutating func giveOwner(_ summary: TableSummary, _ row: StoredRow) throws(StoreError) {
        guard let owner = RowOwner(bytes: row.key), case .plain(let value) = row.body,
            let index = head.tables.firstIndex(where: {
                $0.number == summary.number && $0.kind == summary.kind
            })
        else {
            throw .damaged(path: path, what: "a row of table \(summary.name) names no owner")
        }
        let place = Place(
            index: index, number: summary.number, database: databases[summary.table],
            domain: summary.domain, keys: .owner, bytesIndex: index)
        _ = try write(
            place, stored: StoredKey.state(summary.number, row.key), key: row.key, nil, nil,
            keepsOld: false)
        let holder = try holder(owner)
        _ = try write(
            place, stored: StoredKey.state(summary.number, StoredKey.number(holder.surrogate)),
            key: row.key, value, holder, keepsOld: false)
    }

    /// Takes away the rows whose keys stand for the owner.
    mutating func removeRows(ownedBy holder: Holder) throws(StoreError) {
        for summary in head.tables where summary.keys == .owner {
            guard let table = summary.stateTable else { continue }
            let stored = StoredKey.state(summary.number, StoredKey.number(holder.surrogate))
            _ = try write(
                try place(of: table), stored: stored, key: holder.owner.bytes, nil, nil,
                keepsOld: false)
        }
    }

    private mutating func place(of table: StateTable) throws(StoreError) -> Place {
        if let known = places[table] { return known }
        let index = head.indexAdding(table)
        guard head.tables[index].keys == table.keys else {
            throw .damaged(path: path, what: "table \(table.name) has keys of another kind")
        }
        let made = Place(
            index: index, number: head.tables[index].number,
            database: databases[.holding(table.kind)], domain: RecordDomain(table),
            keys: table.keys, bytesIndex: index)
        places[table] = made
        return made
    }

    private struct Old {
        let digest: Digest256
        let valueBytes: Int
        let surrogate: UInt64?
        /// `nil` unless the caller keeps it.
        let body: StoredBody?
        var goesOn = false
    }

    /// What was there before.
    private struct Written {
        let body: StoredBody?
        let wentOn: Bool
    }

    /// - Parameters:
    ///   - stored: The key as LMDB has it.
    ///   - key: The key that digests and ciphers bind.
    ///   - holder: Under whose key the row is sealed; `nil` for a plain row.
    /// - Returns: `nil` when it was so already.
    private mutating func write(
        _ place: Place, stored: [UInt8], key: [UInt8], _ value: [UInt8]?, _ holder: Holder?,
        keepsOld: Bool, goesOn: Bool = false
    ) throws(StoreError) -> Written? {
        let new = value.map { Envelope.digest(place.domain, key, $0) }
        let old = try self.old(place, stored: stored, key: key, keeps: keepsOld)
        if old?.digest == new, old?.surrogate == holder?.surrogate, old?.goesOn ?? false == goesOn {
            rowsUnchanged += 1
            return nil
        }
        if let old {
            head.tables[place.index].digest = head.tables[place.index].digest &- old.digest
            head.tables[place.index].count -= 1
            head.tables[place.bytesIndex].bytes -= key.count + old.valueBytes
        }
        if let value, let new {
            let sealed = holder.map {
                Envelope.seal(vault.seal(value, new, $0, place.domain, key))
            }
            let fullKey = key.count > StoredKey.plainBytesMax && place.number > 0 ? key : nil
            try transaction.put(
                place.database, stored,
                sealed ?? Envelope.seal(new, value, fullKey: fullKey, goesOn: goesOn))
            head.tables[place.index].digest = head.tables[place.index].digest &+ new
            head.tables[place.index].count += 1
            head.tables[place.bytesIndex].bytes += key.count + value.count
            bytesWritten += key.count + value.count
        } else {
            try transaction.delete(place.database, stored)
        }
        rowsChanged += 1
        return Written(body: old?.body, wentOn: old?.goesOn ?? false)
    }

    /// What is there; a value that is kept for later must be known to be good.
    private func old(
        _ place: Place, stored: [UInt8], key: [UInt8], keeps: Bool
    ) throws(StoreError) -> Old? {
        let path = self.path
        var sealed: SealedRow?
        let plain = try unsafe transaction.withValue(place.database, stored) {
            bytes throws(StoreError) -> Old? in
            guard let bytes = unsafe bytes else { return nil }
            do throws(RecordDamage) {
                if let part = unsafe Envelope.sealedPart(bytes) {
                    sealed = unsafe SealedRow(bytes: [UInt8](part))
                    if sealed == nil { throw .layout }
                    return nil
                }
                let found =
                    unsafe keeps
                    ? try Envelope.verified(bytes, place.domain, key) : Envelope.open(bytes)
                guard let contents = unsafe found else { throw .layout }
                return unsafe Old(
                    digest: contents.digest, valueBytes: contents.value.count, surrogate: nil,
                    body: keeps ? .plain([UInt8](contents.value)) : nil, goesOn: contents.goesOn)
            } catch { throw .damaged(path: path, what: sentence(error, place.domain, key)) }
        }
        guard let sealed else { return plain }
        guard let holder = try transaction.holder(databases, surrogate: sealed.surrogate) else {
            throw .damaged(
                path: path,
                what: "a row of table \(place.domain.name) is of an owner whose key is gone")
        }
        let digest: Digest256
        if keeps {
            do throws(RecordDamage) {
                digest = try vault.open(sealed, holder, place.domain, key).digest
            } catch { throw .damaged(path: path, what: sentence(error, place.domain, key)) }
        } else {
            digest = vault.digest(sealed, holder)
        }
        return Old(
            digest: digest, valueBytes: sealed.valueBytes, surrogate: sealed.surrogate,
            body: keeps ? .sealed(sealed) : nil)
    }

    /// Puts a record of the `meta` table, which no sum covers.
    func putMeta(_ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        let digest = Envelope.digest(RecordDomain(.meta), key, value)
        try transaction.put(databases[.meta], key, Envelope.seal(digest, value))
    }

    /// Writes the head record and makes everything durable and visible.
    ///
    /// Returns: the head as it now is; whoever keeps a copy replaces it by this one.
    consuming func commit() throws(StoreError) -> Head {
        head.transaction = transaction.number
        try putMeta(Head.key, head.bytes)
        let committed = head
        try transaction.commit()
        return committed
    }
}
