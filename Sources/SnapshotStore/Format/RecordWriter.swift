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
        /// Of the sums.
        let index: Int
        let table: Table
        let domain: RecordDomain
        /// 0 for the store's own tables.
        var number: UInt16 = 0
        var keys = StateKeys.plain
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
        _ = try write(place(of: table), stored: key, key: key, value, nil, keepsOld: false)
    }

    mutating func remove(_ table: Table, _ key: [UInt8]) throws(StoreError) {
        _ = try write(place(of: table), stored: key, key: key, nil, nil, keepsOld: false)
    }

    private func place(of table: Table) -> Place {
        Place(index: head.index(of: table), table: table, domain: RecordDomain(table))
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
            index: index, table: summary.table, domain: summary.domain, number: summary.number,
            keys: .owner)
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
            index: index, table: .holding(table.kind), domain: RecordDomain(table),
            number: head.tables[index].number, keys: table.keys)
        places[table] = made
        return made
    }

    private struct Old {
        let digest: Digest256
        let valueBytes: Int
        let surrogate: UInt64?
        /// `nil` unless the caller keeps it.
        var body: StoredBody?
        /// How many bytes of the value lie in table `pieces`.
        var rest = 0
    }

    private struct Written {
        let body: StoredBody?
    }

    /// - Parameters:
    ///   - stored: The key as LMDB has it.
    ///   - key: The key that digests and ciphers bind.
    ///   - holder: Under whose key the row is sealed; `nil` for a plain row.
    /// - Returns: `nil` when it was so already.
    private mutating func write(
        _ place: Place, stored: [UInt8], key: [UInt8], _ value: [UInt8]?, _ holder: Holder?,
        keepsOld: Bool
    ) throws(StoreError) -> Written? {
        let isRow = place.number > 0
        let isSplit = holder == nil && value.map { RecordPiece.splits(stored, $0) } ?? false
        let rest = isSplit ? (value?.count ?? 0) - RecordPiece.bytesMax : 0
        let beginning = value.flatMap {
            isSplit ? Envelope.beginning($0.prefix(RecordPiece.bytesMax), rest: rest) : nil
        }
        let new = (isRow ? value : beginning ?? value).map {
            Envelope.digest(place.domain, key, $0)
        }
        let old = try self.old(place, stored: stored, key: key, keeps: keepsOld)
        let isSame =
            old?.digest == new && old?.surrogate == holder?.surrogate && old?.rest ?? 0 == rest
        if isSame, isRow || rest == 0 {
            if place.table != .pieces { rowsUnchanged += 1 }
            return nil
        }
        if !isSame {
            if let old { note(place, -1, old.digest, key.count + old.valueBytes) }
            if let value, let new {
                let sealed = holder.map {
                    Envelope.seal(vault.seal(value, new, $0, place.domain, key))
                }
                let plain =
                    beginning.map { Envelope.begin(new, $0, isRow: isRow) }
                    ?? Envelope.seal(
                        new, value,
                        fullKey: isRow && key.count > StoredKey.plainBytesMax ? key : nil)
                try transaction.put(databases[place.table], stored, sealed ?? plain)
                note(place, 1, new, key.count + value.count)
            } else {
                try transaction.delete(databases[place.table], stored)
            }
        }
        let changed = try writePieces(
            place.table, stored, value.map { $0[($0.count - rest)...] } ?? [],
            pieces: RecordPiece.count(old?.rest ?? 0))
        if isSame, !changed {
            rowsUnchanged += 1
            return nil
        }
        // What pieces hold is counted with the record that they are of.
        if place.table != .pieces {
            rowsChanged += 1
            if let value { bytesWritten += key.count + value.count }
        }
        return Written(body: old?.body)
    }

    /// Adds a record to the sums, or takes it away.
    private mutating func note(_ place: Place, _ sign: Int, _ digest: Digest256, _ bytes: Int) {
        let sum = head.tables[place.index].digest
        head.tables[place.index].digest = sign > 0 ? sum &+ digest : sum &- digest
        head.tables[place.index].count += sign
        // What pieces hold is counted with the record that they are of.
        if place.table != .pieces { head.tables[place.index].bytes += sign * bytes }
    }

    /// Puts what a record has behind its first piece, and takes away what an older one had more.
    ///
    /// - Parameter pieces: how many there were.
    /// - Returns: whether any of them changed.
    private mutating func writePieces(
        _ table: Table, _ stored: [UInt8], _ rest: ArraySlice<UInt8>, pieces old: Int
    ) throws(StoreError) -> Bool {
        let count = RecordPiece.count(rest.count)
        guard max(count, old) > 0 else { return false }
        let place = place(of: .pieces)
        var isChanged = false
        for number in 1...max(count, old) {
            let key = RecordPiece.key(table, stored, number)
            let piece = rest.dropFirst((number - 1) * RecordPiece.bytesMax)
                .prefix(RecordPiece.bytesMax)
            let written = try write(
                place, stored: key, key: key, number > count ? nil : Array(piece), nil,
                keepsOld: false)
            if written != nil { isChanged = true }
            // A damaged count must not be gone through to its end.
            if number > count, written == nil { break }
        }
        return isChanged
    }

    /// What is there; a value that is kept for later must be known to be good.
    private func old(
        _ place: Place, stored: [UInt8], key: [UInt8], keeps: Bool
    ) throws(StoreError) -> Old? {
        let path = self.path
        var sealed: SealedRow?
        var beginning: [UInt8]?
        var plain = try unsafe transaction.withValue(databases[place.table], stored) {
            bytes throws(StoreError) -> Old? in
            guard let bytes = unsafe bytes else { return nil }
            do throws(RecordDamage) {
                if let part = unsafe Envelope.sealedPart(bytes) {
                    sealed = unsafe SealedRow(bytes: [UInt8](part))
                    if sealed == nil { throw .layout }
                    return nil
                }
                guard let contents = unsafe Envelope.open(bytes) else { throw .layout }
                if unsafe keeps && contents.rest > 0 {
                    beginning = unsafe [UInt8](contents.value)
                } else if keeps {
                    _ = try unsafe Envelope.verified(bytes, place.domain, key)
                }
                return unsafe Old(
                    digest: contents.digest, valueBytes: contents.value.count + contents.rest,
                    surrogate: nil, body: keeps ? .plain([UInt8](contents.value)) : nil,
                    rest: contents.rest)
            } catch { throw .damaged(path: path, what: sentence(error, place.domain, key)) }
        }
        if let beginning, let found = plain {
            let value =
                beginning + (try transaction.rest(databases, place.table, stored, found.rest))
            guard Envelope.digest(place.domain, key, value) == found.digest else {
                throw .damaged(path: path, what: sentence(.checksum, place.domain, key))
            }
            plain?.body = .plain(value)
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
