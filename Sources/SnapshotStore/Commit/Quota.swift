import CLMDB

extension SnapshotStore {
    /// Refuses a commit that could take the data file beyond its quota, before anything is written.
    ///
    /// The bound is a generous one: every row may need pages of its own and rewrite a leaf.
    func requireRoom(for commit: Commit) throws(StoreError) {
        guard let most = options.bytesMax else { return }
        let session = try current()
        let page = 4_096
        func pages(_ bytes: Int) -> Int { bytes / page + 2 }
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
        if commit.snapshot != nil {
            needed += pages(2 * weightsBytes(try status()))
        }
        let used = session.environment.usedBytes
        guard used + needed * page > most else { return }
        // Close to the quota: pages that older commits let go of can be used again.
        let free = try freePages() * page
        guard used - free + needed * page > most else { return }
        throw .quotaReached(
            path: path, usedBytes: used - free, neededBytes: needed * page, bytesMax: most)
    }

    private func weightsBytes(_ status: StoreStatus) -> Int {
        status.tables.reduce(0) { $1.kind == .weights ? $0 + $1.bytes : $0 }
    }

    /// Pages on LMDB's list of free ones. Source: `mdb_stat.c`, option `-f`.
    private func freePages() throws(StoreError) -> Int {
        try withRead { transaction, _ throws(StoreError) in
            try transaction.withCursor(Database(handle: 0)) { cursor throws(StoreError) in
                var total = 0
                let add: Cursor.Body<Void> = { _, value in
                    if value.count >= 8 {
                        total += Int(truncatingIfNeeded: unsafe value.loadUnaligned(as: UInt.self))
                    }
                }
                var found: Void? = try unsafe cursor.move(.first, add)
                while found != nil { found = try unsafe cursor.move(.next, add) }
                return total
            }
        }
    }
}
