extension SnapshotStore.Options {
    /// What may be mapped: with a quota, LMDB itself keeps the file below a little more than it.
    ///
    /// The little more is for what makes room again: removing snapshots rewrites pages first.
    var mapBytesMax: Int {
        guard let bytesMax else { return mapBytes }
        return min(mapBytes, bytesMax + max(bytesMax / 8, 16 << 20))
    }
}

extension SnapshotStore {
    /// Refuses a commit that could take the data file beyond its quota, before anything is written.
    ///
    /// The bound is a generous one: every row may need pages of its own and rewrite a leaf.
    func requireRoom(for commit: Commit) throws(StoreError) {
        guard options.bytesMax != nil else { return }
        try requireRoom(bytes: try bytesNeeded(commit))
    }

    /// Refuses what could take the data file beyond its quota.
    func requireRoom(bytes needed: Int) throws(StoreError) {
        guard let most = options.bytesMax else { return }
        let session = try current()
        if session.environment.usedBytes + needed <= most { return }
        // Close to the quota. Pages that older commits let go of can be used again, those since the
        // last sync only after the next.
        try sync()
        let used = session.environment.usedBytes - (try freeBytes())
        guard used + needed > most else { return }
        throw .quotaReached(path: path, usedBytes: used, bytesMax: most)
    }

    private func bytesNeeded(_ commit: Commit) throws(StoreError) -> Int {
        let page = 4_096
        // Pieces of long records, and the leaves that name them.
        func pages(_ bytes: Int) -> Int {
            let (pieces, rest) = bytes.quotientAndRemainder(dividingBy: RecordPiece.bytesMax)
            return 4 * pieces + rest / page + pieces / 32 + 2
        }
        var needed = 64
        for row in commit.changes.rows {
            let bytes = row.key.count + (row.value?.count ?? 0)
            // Keyed rows are kept in the undo record as well.
            needed += pages(bytes) * (row.table.kind == .keyed ? 2 : 1)
        }
        for message in commit.outbox {
            needed += pages((message.value?.count ?? 0) + (message.key?.count ?? 0))
        }
        for body in commit.journal { needed += pages(body.count) }
        if let snapshot = commit.snapshot {
            let kept = try status().tables.filter { $0.kind == .weights || snapshot.isWhole }
            needed += pages(2 * kept.reduce(0) { $0 + $1.bytes })
        }
        return needed * page
    }

    /// Bytes of pages that the next commit may use again. Source: `mdb_stat.c`, option `-f`; a page
    /// let go of by the last commit waits one commit more (`mdb_find_oldest`).
    private func freeBytes() throws(StoreError) -> Int {
        let last = try current().environment.lastTransaction
        return try withRead { transaction, _ throws(StoreError) in
            try transaction.withCursor(.freePages) { cursor throws(StoreError) in
                var total = 0
                let add: Cursor.Body<Void> = { key, value in
                    guard key.count == 8, value.count >= 8,
                        unsafe key.loadUnaligned(as: Int.self) < last
                    else { return }
                    total += Int(truncatingIfNeeded: unsafe value.loadUnaligned(as: UInt.self))
                }
                var found: Void? = try unsafe cursor.move(.first, add)
                while found != nil { found = try unsafe cursor.move(.next, add) }
                return total * 4_096
            }
        }
    }
}
