import CLMDB

/// A place in one database; lent by `withCursor`, so that it cannot outlive its transaction.
@safe struct Cursor: ~Copyable {
    enum Move {
        case first, last, next, previous
    }

    /// Owned by this value, closed before its transaction ends.
    fileprivate let handle: OpaquePointer
    fileprivate let path: String

    init(handle: OpaquePointer, path: String) {
        unsafe self.handle = handle
        self.path = path
    }

    deinit {
        unsafe mdb_cursor_close(handle)
    }

    typealias Body<R> = (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer)
        throws(StoreError) -> R

    /// Moves and hands over the entry there; `nil` past either end.
    func move<R>(_ move: Move, _ body: Body<R>) throws(StoreError) -> R? {
        let operation: MDB_cursor_op =
            switch move {
            case .first: MDB_FIRST
            case .last: MDB_LAST
            case .next: MDB_NEXT
            case .previous: MDB_PREV
            }
        return try unsafe entry(MDB_val(), operation, body)
    }

    /// Goes to the first entry whose key is not below `key`.
    func seek<R>(_ key: [UInt8], _ body: Body<R>) throws(StoreError) -> R? {
        // LMDB refuses empty keys; nothing is below the first entry anyhow.
        if key.isEmpty { return try unsafe move(.first, body) }
        var code = MDB_SUCCESS
        var found = unsafe MDB_val()
        var value = unsafe MDB_val()
        unsafe key.withUnsafeBytes { bytes in
            unsafe found = MDB_val(bytes)
            code = unsafe mdb_cursor_get(handle, &found, &value, MDB_SET_RANGE)
        }
        return try unsafe finish(code, found, value, body)
    }

    private func entry<R>(
        _ start: MDB_val, _ operation: MDB_cursor_op, _ body: Body<R>
    ) throws(StoreError) -> R? {
        var key = unsafe start
        var value = unsafe MDB_val()
        let code = unsafe mdb_cursor_get(handle, &key, &value, operation)
        return try unsafe finish(code, key, value, body)
    }

    private func finish<R>(
        _ code: Int32, _ key: MDB_val, _ value: MDB_val, _ body: Body<R>
    ) throws(StoreError) -> R? {
        if code == MDB_NOTFOUND { return nil }
        try check(code, "mdb_cursor_get", path)
        return try unsafe body(
            UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size),
            UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
    }
}
