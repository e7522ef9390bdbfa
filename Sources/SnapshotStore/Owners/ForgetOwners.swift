import Records

/// What a walk for keys that nothing needs has found so far; `nil` marks while there is none.
struct OwnerWalk: Sendable {
    var needed: SurrogateSet?
    /// Owners that the last walk left; it is not worth another before there are many more.
    var left = 0

    /// Commits beside the walk need whatever they seal under.
    mutating func note(_ sealed: Set<UInt64>) {
        guard needed != nil else { return }
        for surrogate in sealed { needed?.insert(surrogate) }
    }
}

extension SnapshotStore {
    /// Destroys the keys of owners of whom nothing is left: no row, no message, and no row in an undo
    /// record or a snapshot.
    ///
    /// Walks rows, messages, undo records and chunks in this order, in views that last for one piece:
    /// what a commit moves meanwhile goes from an earlier one of them to a later, or is sealed anew,
    /// which is noted. Then keys go a piece at a time. Nothing that could be read before, or gone back
    /// to, is lost; whoever comes back gets a new key. Does nothing while chunks are being written or
    /// deleted.
    /// - Parameters:
    ///   - always: Otherwise only where there are twice as many owners as shoppers' rows, and as the
    ///     last walk left: so the work is in proportion to the owners that are new.
    ///   - sync: Whether each piece waits for the disk.
    ///   - isStopped: Asked between two pieces; the keys that went by then are gone.
    /// - Returns: how many went.
    /// - Thread: any but the one that learns; blocks on the disk.
    /// - Complexity: reads all of the file that is in use.
    @discardableResult
    public func forgetOwners(
        always: Bool = false, sync: Bool = true, isStopped: () -> Bool = { false }
    ) throws(StoreError) -> Int {
        guard mode == .readWrite else { throw .openedReadOnly(path: path) }
        let gone = try chunkWork.withLockIfAvailable { _ throws(StoreError) in
            guard let head = beginOwnerWalk(always) else { return 0 }
            defer { ownerWalk.withLock { $0.needed = nil } }
            guard try noteNeeded(head, isStopped) else { return 0 }
            return try destroyKeys(sync, isStopped)
        }
        return gone ?? 0
    }

    /// Fewer owners than this are not worth a walk.
    private static let worthwhile = 1_000
    /// Records looked at in one view: rows, of which the first bytes are read, and what is read whole.
    private static let (rowsMax, recordsMax) = (20_000, 128)
    /// Keys destroyed in one transaction: commits get their turn in between.
    private static let pieceMax = 256

    /// - Returns: `nil` when a walk is not worth it yet.
    private func beginOwnerWalk(_ always: Bool) -> Head? {
        // No commit in between: from the head's number on, what is sealed is noted.
        writer.withLock { writer in
            let head = writer.head
            let owners = head.tables[head.index(of: .owners)].count / 2
            let rows = head.tables.lazy.filter { $0.keys == .owner }.map(\.count).max() ?? 0
            return ownerWalk.withLock { walk in
                guard always || owners >= 2 * max(rows, walk.left, Self.worthwhile) else {
                    return nil
                }
                walk.needed = SurrogateSet(below: head.nextSurrogate)
                return head
            }
        }
    }

    private func noteNeeded(
        _ head: Head, _ isStopped: () -> Bool
    ) throws(StoreError) -> Bool {
        for summary in head.tables where summary.kind != nil {
            let isDone = try noteNeeded(isStopped) {
                transaction, databases, start, found
                    throws(StoreError) in
                var (last, seen): ([UInt8]?, Int) = (nil, 0)
                try transaction.forEachStored(databases, summary, from: start, values: false) {
                    row in
                    if let surrogate = row.surrogate { found.insert(surrogate) }
                    (last, seen) = (row.key, seen + 1)
                    return seen < Self.rowsMax
                }
                return seen < Self.rowsMax ? nil : last
            }
            guard isDone else { return false }
        }
        for table in [Table.outbox, .undo, .chunks] {
            let isDone = try noteNeeded(isStopped) {
                transaction, databases, start, found
                    throws(StoreError) in
                var (last, seen): ([UInt8]?, Int) = (nil, 0)
                try transaction.forEachRecord(databases, table, from: start) {
                    key, value throws(StoreError) in
                    found.formUnion(try transaction.surrogates(in: table, value))
                    (last, seen) = (key, seen + 1)
                    return seen < Self.recordsMax
                }
                return seen < Self.recordsMax ? nil : last
            }
            guard isDone else { return false }
        }
        return true
    }

    /// - Parameter piece: Finds surrogates from a key on; returns the last key it looked at, `nil` at
    ///   the end.
    /// - Returns: whether it went to the end.
    private func noteNeeded(
        _ isStopped: () -> Bool,
        _ piece: (borrowing ReadTransaction, Databases, [UInt8], inout Set<UInt64>)
            throws(StoreError) -> [UInt8]?
    ) throws(StoreError) -> Bool {
        var start: [UInt8]? = []
        while let from = start {
            if isStopped() { return false }
            var found: Set<UInt64> = []
            let last = try withRead { transaction, databases throws(StoreError) in
                try piece(transaction, databases, from, &found)
            }
            ownerWalk.withLock { [found] in $0.note(found) }
            start = last.map { $0 + [0] }
        }
        return true
    }

    private func destroyKeys(_ sync: Bool, _ isStopped: () -> Bool) throws(StoreError) -> Int {
        var (next, gone, left): (UInt64?, Int, Int) = (0, 0, 0)
        while let from = next, !isStopped() {
            let piece = try withWriter(sync: sync) { records throws(StoreError) in
                try records.destroyKeys(from: from, limit: Self.pieceMax) { surrogate in
                    ownerWalk.withLock { $0.needed?.contains(surrogate) ?? true }
                }
            }
            next = piece.next
            gone += piece.gone
            left += piece.left
        }
        if next == nil { ownerWalk.withLock { [left] in $0.left = left } }
        return gone
    }
}

extension RecordWriter {
    /// Destroys keys by surrogate, from one on, and looks at some thousands at most.
    ///
    /// - Returns: where to go on, `nil` at the end; how many went, and how many stay.
    fileprivate mutating func destroyKeys(
        from first: UInt64, limit: Int, unless isNeeded: (UInt64) -> Bool
    ) throws(StoreError) -> (next: UInt64?, gone: Int, left: Int) {
        let databases = databases
        let (owners, next, left) = try read { transaction throws(StoreError) in
            var owners: [(surrogate: UInt64, owner: [UInt8])] = []
            var (next, left): (UInt64?, Int) = (nil, 0)
            try transaction.forEachRecord(databases, .owners, from: OwnerRecord.key(first)) {
                key, value throws(StoreError) in
                guard let surrogate = OwnerRecord.surrogate(key) else {
                    throw .damaged(path: path, what: "a surrogate is none")
                }
                guard owners.count < limit, left < 64 * limit else {
                    next = surrogate
                    return false
                }
                if isNeeded(surrogate) {
                    left += 1
                } else {
                    owners.append((surrogate, value))
                }
                return true
            }
            return (owners, next, left)
        }
        for (surrogate, bytes) in owners {
            guard let owner = RowOwner(bytes: bytes) else {
                throw .damaged(path: path, what: "a surrogate has no owner")
            }
            try remove(.owners, OwnerRecord.key(owner))
            try remove(.owners, OwnerRecord.key(surrogate))
        }
        return (next, owners.count, left)
    }
}

extension Transaction where Self: ~Copyable {
    /// Whose keys a record needs that holds rows of tables, or a message.
    fileprivate func surrogates(
        in table: Table, _ value: [UInt8]
    ) throws(StoreError) -> Set<UInt64> {
        let bodies = try decoded(table) { () throws(ByteCodingError) -> [StoredBody?] in
            switch table {
            case .undo: return try UndoRecord(bytes: value).rows.map(\.before)
            case .chunks: return try Chunk(bytes: value).rows.map(\.body)
            default:
                var reader = ByteReader(value)
                let body = try reader.body()
                try reader.finish()
                return [body]
            }
        }
        return bodies.reduce(into: []) { found, body in
            if case .sealed(let row) = body { found.insert(row.surrogate) }
        }
    }
}
