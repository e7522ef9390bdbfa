import Records

/// All that the last commit holds of one owner, in plain.
public struct OwnerHoldings: Sendable {
    /// One row of the learned state or the ledger.
    public struct Row: Sendable {
        /// Where it belongs.
        public let table: StateTable
        /// As the table's owner encodes it.
        public let key: [UInt8]
        /// Likewise.
        public let value: [UInt8]
    }

    /// In the order of the store's tables.
    public internal(set) var rows: [Row] = []
    /// Messages that wait to be published.
    public internal(set) var messages: [OutboxMessage] = []

    /// What there is of one table.
    public struct Count: Codable, Sendable, Equatable {
        /// The table's name; `outbox` for messages that wait.
        public let table: String
        /// How many rows, or messages.
        public var rows: Int
        /// Of keys and values.
        public var bytes: Int
    }

    /// How much it is, table by table; those without any are left out.
    public var counts: [Count] {
        var counts: [Count] = []
        func add(_ table: String, _ bytes: Int) {
            if counts.last?.table != table {
                counts.append(Count(table: table, rows: 0, bytes: 0))
            }
            counts[counts.count - 1].rows += 1
            counts[counts.count - 1].bytes += bytes
        }
        for row in rows { add(row.table.name, row.key.count + row.value.count) }
        for message in messages {
            add("outbox", (message.key?.count ?? 0) + (message.value?.count ?? 0))
        }
        return counts
    }
}

extension SnapshotStore {
    /// All that the last commit holds of an owner; nothing for one that is not known, or was erased.
    ///
    /// Snapshots and undo records have earlier states of these rows, under the same key.
    /// - Thread: any; commits go on meanwhile.
    /// - Complexity: looks at the beginning of every row of the state.
    public func holdings(of owner: RowOwner) throws(StoreError) -> OwnerHoldings {
        try withRead { transaction, databases throws(StoreError) in
            var holdings = OwnerHoldings()
            guard let holder = try transaction.holder(databases, of: owner) else { return holdings }
            for summary in try transaction.head(databases).tables {
                guard let table = summary.stateTable else { continue }
                for key in try transaction.keys(databases, summary, of: holder) {
                    guard let stored = try transaction.storedRow(databases, summary, key),
                        let row = try transaction.open(databases, table, stored)
                    else { continue }
                    holdings.rows.append(
                        OwnerHoldings.Row(table: table, key: row.key, value: row.value))
                }
            }
            try transaction.forEachMessage(databases, of: holder) {
                key, value throws(StoreError) in
                holdings.messages.append(try transaction.message(databases, key, value))
            }
            return holdings
        }
    }
}

extension Transaction where Self: ~Copyable {
    /// Keys of a table's rows that are sealed under an owner's key, as they are stored.
    fileprivate func keys(
        _ databases: Databases, _ summary: TableSummary, of holder: Holder
    ) throws(StoreError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        try forEachStored(databases, summary, values: false) { row in
            if row.surrogate == holder.surrogate { keys.append(row.key) }
            return true
        }
        return keys
    }
}
