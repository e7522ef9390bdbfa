import CLMDB
import Records

/// What can be done in any transaction: read.
///
/// Bytes handed to a closure are LMDB's own pages, valid until the closure returns.
protocol Transaction: ~Copyable {
    var environment: Environment { get }
    var handle: OpaquePointer { get }
    /// Opens and seals the rows that it sees.
    var vault: Vault { get }
}

/// A consistent view of the last commit; ends when the value goes out of scope.
@safe struct ReadTransaction: ~Copyable, Transaction, @unchecked Sendable {
    let environment: Environment
    /// Owned by this value alone; any one thread at a time (`MDB_NOTLS`).
    let handle: OpaquePointer
    let vault = Vault()
    private var isOpen = true

    init(_ environment: Environment) throws(StoreError) {
        let begun = try unsafe begin(environment, UInt32(MDB_RDONLY))
        self.environment = environment
        unsafe handle = begun
    }

    deinit {
        if isOpen { unsafe mdb_txn_abort(handle) }
    }

    /// Ends the view and keeps the database handles that were opened in it.
    consuming func finish() throws(StoreError) {
        // `mdb_txn_commit` frees the handle, whatever it returns: `deinit` must not abort it again.
        isOpen = false
        try check(unsafe mdb_txn_commit(handle), "mdb_txn_commit", environment.folder.path)
    }

    /// The transaction whose commit this view shows.
    var number: Int { Int(unsafe mdb_txn_id(handle)) }
}

/// The one write transaction: nothing of it is seen before `commit`, and without it nothing ever is.
@safe struct WriteTransaction: ~Copyable, Transaction {
    let environment: Environment
    /// Owned by this value alone, on the thread that began it.
    let handle: OpaquePointer
    let vault = Vault()
    private var isOpen = true

    init(_ environment: Environment) throws(StoreError) {
        guard !environment.isReadOnly else { throw .openedReadOnly(path: environment.folder.path) }
        let begun = try unsafe begin(environment, 0)
        self.environment = environment
        unsafe handle = begun
    }

    deinit {
        if isOpen { unsafe mdb_txn_abort(handle) }
    }

    /// The number this transaction will have as a commit.
    var number: Int { Int(unsafe mdb_txn_id(handle)) }

    /// Makes everything durable and visible in one step, or nothing.
    consuming func commit() throws(StoreError) {
        // `mdb_txn_commit` frees the handle, whatever it returns: `deinit` must not abort it again.
        isOpen = false
        try check(unsafe mdb_txn_commit(handle), "mdb_txn_commit", environment.folder.path)
    }

    func put(_ database: Database, _ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        let code = unsafe key.withUnsafeBytes { keyBytes in
            unsafe value.withUnsafeBytes { valueBytes in
                var keyValue = unsafe MDB_val(keyBytes)
                var dataValue = unsafe MDB_val(valueBytes)
                return unsafe mdb_put(handle, database.handle, &keyValue, &dataValue, 0)
            }
        }
        try check(code, "mdb_put", environment.folder.path)
    }

    /// Puts an entry behind all others; fills pages to the brim.
    func append(_ database: Database, _ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
        let code = unsafe key.withUnsafeBytes { keyBytes in
            unsafe value.withUnsafeBytes { valueBytes in
                var keyValue = unsafe MDB_val(keyBytes)
                var dataValue = unsafe MDB_val(valueBytes)
                return unsafe mdb_put(
                    handle, database.handle, &keyValue, &dataValue, UInt32(MDB_APPEND))
            }
        }
        try check(code, "mdb_put", environment.folder.path)
    }

    /// Whether there was anything to delete.
    @discardableResult
    func delete(_ database: Database, _ key: [UInt8]) throws(StoreError) -> Bool {
        let code = unsafe key.withUnsafeBytes { keyBytes in
            var keyValue = unsafe MDB_val(keyBytes)
            return unsafe mdb_del(handle, database.handle, &keyValue, nil)
        }
        if code == MDB_NOTFOUND { return false }
        try check(code, "mdb_del", environment.folder.path)
        return true
    }
}

private func begin(
    _ environment: Environment, _ flags: UInt32
) throws(StoreError) -> OpaquePointer {
    var made: OpaquePointer?
    let code = unsafe mdb_txn_begin(environment.handle, nil, flags, &made)
    try check(code, "mdb_txn_begin", environment.folder.path)
    guard let handle = unsafe made else {
        throw .lmdb(
            call: "mdb_txn_begin", path: environment.folder.path, code: 0, message: "no handle")
    }
    return unsafe handle
}

extension Transaction where Self: ~Copyable {
    /// Opens a named database for as long as the environment is open.
    func database(_ name: String, create: Bool) throws(StoreError) -> Database {
        var opened: MDB_dbi = 0
        let code = unsafe mdb_dbi_open(handle, name, create ? UInt32(MDB_CREATE) : 0, &opened)
        if code == MDB_NOTFOUND {
            throw .notAStore(path: environment.folder.path, reason: "its table \(name) is missing")
        }
        try check(code, "mdb_dbi_open", environment.folder.path)
        return Database(handle: opened)
    }

    /// The bytes at `key`, `nil` when there are none.
    func withValue<R>(
        _ database: Database, _ key: [UInt8],
        _ body: (UnsafeRawBufferPointer?) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        var found = unsafe MDB_val()
        let code = unsafe key.withUnsafeBytes { keyBytes in
            var keyValue = unsafe MDB_val(keyBytes)
            return unsafe mdb_get(handle, database.handle, &keyValue, &found)
        }
        if code == MDB_NOTFOUND { return try body(nil) }
        try check(code, "mdb_get", environment.folder.path)
        return try unsafe body(UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size))
    }

    /// Entries of a database.
    func count(_ database: Database) throws(StoreError) -> Int {
        var stat = MDB_stat()
        try check(
            unsafe mdb_stat(handle, database.handle, &stat), "mdb_stat", environment.folder.path)
        return stat.ms_entries
    }

    /// Bytes of the pages of a database's tree.
    func pageBytes(_ database: Database) throws(StoreError) -> Int {
        var stat = MDB_stat()
        try check(
            unsafe mdb_stat(handle, database.handle, &stat), "mdb_stat", environment.folder.path)
        return (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages)
            * Int(stat.ms_psize)
    }

    func withCursor<R>(
        _ database: Database, _ body: (borrowing Cursor) throws(StoreError) -> R
    ) throws(StoreError) -> R {
        var made: OpaquePointer?
        let code = unsafe mdb_cursor_open(handle, database.handle, &made)
        try check(code, "mdb_cursor_open", environment.folder.path)
        guard let opened = unsafe made else {
            throw .lmdb(
                call: "mdb_cursor_open", path: environment.folder.path, code: 0,
                message: "no handle")
        }
        return try unsafe body(Cursor(handle: opened, path: environment.folder.path))
    }
}

extension MDB_val {
    /// Borrows; valid as long as `bytes` is.
    @unsafe init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.init(
            mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}
