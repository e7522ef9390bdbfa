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
    }

    /// What a row held before it was changed.
    struct Change {
        let tableNumber: UInt16
        let before: [UInt8]?
    }

    init(_ environment: Environment, _ databases: Databases, _ head: Head) throws(StoreError) {
        transaction = try WriteTransaction(environment)
        self.databases = databases
        self.head = head
    }

    var path: String { transaction.environment.folder.path }

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
        let place = Place(
            index: head.index(of: table), number: 0, database: databases[table],
            domain: RecordDomain(table))
        _ = try write(place, stored: key, key: key, value, keepsOld: false)
    }

    mutating func remove(_ table: Table, _ key: [UInt8]) throws(StoreError) {
        let place = Place(
            index: head.index(of: table), number: 0, database: databases[table],
            domain: RecordDomain(table))
        _ = try write(place, stored: key, key: key, nil, keepsOld: false)
    }

    /// Puts or removes one row of the state; `nil` when it was so already.
    ///
    /// - Parameter keepsOld: Whether the caller wants what was there before.
    mutating func apply(
        _ table: StateTable, _ key: [UInt8], _ value: [UInt8]?, keepsOld: Bool
    ) throws(StoreError) -> Change? {
        let place = self.place(of: table)
        let stored = StoredKey.state(place.number, key)
        return try write(place, stored: stored, key: key, value, keepsOld: keepsOld)
    }

    private mutating func place(of table: StateTable) -> Place {
        if let known = places[table] { return known }
        let index = head.indexAdding(table)
        let made = Place(
            index: index, number: head.tables[index].number,
            database: databases[.holding(table.kind)], domain: RecordDomain(table))
        places[table] = made
        return made
    }

    private mutating func write(
        _ place: Place, stored: [UInt8], key: [UInt8], _ value: [UInt8]?, keepsOld: Bool
    ) throws(StoreError) -> Change? {
        let new = value.map { Envelope.digest(place.domain, key, $0) }
        let path = self.path
        let old = try unsafe transaction.withValue(place.database, stored) {
            bytes throws(StoreError) -> (digest: Digest256, count: Int, value: [UInt8]?)? in
            guard let bytes = unsafe bytes else { return nil }
            do throws(RecordDamage) {
                // A value that is kept for later must be known to be good.
                let found =
                    unsafe keepsOld
                    ? try Envelope.verified(bytes, place.domain, key) : Envelope.open(bytes)
                guard let contents = unsafe found else { throw .layout }
                return unsafe (
                    contents.digest, contents.value.count,
                    keepsOld ? [UInt8](contents.value) : nil
                )
            } catch { throw .damaged(path: path, what: sentence(error, place.domain, key)) }
        }
        if old?.digest == new {
            rowsUnchanged += 1
            return nil
        }
        if let old {
            head.tables[place.index].digest = head.tables[place.index].digest &- old.digest
            head.tables[place.index].count -= 1
            head.tables[place.index].bytes -= key.count + old.count
        }
        if let value, let new {
            let fullKey = key.count > StoredKey.plainBytesMax && place.number > 0 ? key : nil
            try transaction.put(
                place.database, stored, Envelope.seal(new, value, fullKey: fullKey))
            head.tables[place.index].digest = head.tables[place.index].digest &+ new
            head.tables[place.index].count += 1
            head.tables[place.index].bytes += key.count + value.count
            bytesWritten += key.count + value.count
        } else {
            try transaction.delete(place.database, stored)
        }
        rowsChanged += 1
        return Change(tableNumber: place.number, before: old?.value)
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
