import Records

/// Brings a store of an earlier format to the present one, in one transaction or not at all.
///
/// Format 1 had no owners: rows about users were in plain. What is rewritten here is what the store
/// itself knows to be a user's: rows whose keys are pseudonyms. The others are sealed as they are put
/// the next time. Undo records go, since they hold rows in plain; snapshots of format 1 stay as they
/// are until they are pruned: their weights can be gone back to, their keyed state only be read.
///
/// Format 2 kept long records in one piece each. They stay so, and can be read.
enum Migration {
    /// Tables of format 1 whose keys name users.
    fileprivate static let ownerKeyed: Set<String> = ["shoppers"]
    fileprivate static let pieceMax = 1_000

    static func run(
        _ environment: Environment, from identity: StoreIdentity
    ) throws(StoreError) {
        let transaction = try WriteTransaction(environment)
        let databases = try Databases(transaction, create: true)
        let head = try transaction.head(databases)
        var records = RecordWriter(transaction, databases, head)
        if identity.format < Table.owners.sinceFormat { try records.addOwners(head) }
        let migrated = StoreIdentity(
            id: identity.id, base: identity.base, createdMs: identity.createdMs)
        try records.putMeta(StoreIdentity.key, migrated.bytes)
        _ = try records.commit()
    }
}

extension RecordWriter {
    fileprivate mutating func addOwners(_ head: Head) throws(StoreError) {
        try clearUndo()
        try wrapOutbox()
        for summary in head.tables
        where summary.kind == .keyed && Migration.ownerKeyed.contains(summary.name) {
            try giveOwners(summary, pieceMax: Migration.pieceMax)
        }
        update { $0.migratedAt = $0.sequence }
        try putMeta(BlindingKey.key, BlindingKey.make())
    }

    private mutating func clearUndo() throws(StoreError) {
        while let oldest = try oldestKey(.undo) { try remove(.undo, oldest) }
    }

    /// Messages had nothing before their fields.
    private mutating func wrapOutbox() throws(StoreError) {
        let databases = databases
        let waiting = try read { transaction throws(StoreError) in
            var waiting: [(key: [UInt8], value: [UInt8])] = []
            try transaction.forEachRecord(databases, .outbox) { key, value in
                waiting.append((key, value))
                return true
            }
            return waiting
        }
        for message in waiting {
            var writer = ByteWriter(capacity: message.value.count + 8)
            writer.body(.plain(message.value))
            try put(.outbox, message.key, writer.bytes)
        }
    }

    /// Puts every row of a table under its owner's surrogate, a piece at a time.
    private mutating func giveOwners(
        _ old: TableSummary, pieceMax: Int
    ) throws(StoreError) {
        let databases = databases
        // The new keys are shorter and begin with zeros: they are passed over by where a walk begins.
        var start: [UInt8] = []
        while true {
            let from = start
            let piece = try read { transaction throws(StoreError) in
                var piece: [StoredRow] = []
                try transaction.forEachStored(databases, old, from: from) { row in
                    if row.key.count == RowOwner.byteCount { piece.append(row) }
                    return piece.count < pieceMax
                }
                return piece
            }
            guard let last = piece.last else { break }
            for row in piece { try giveOwner(old, row) }
            start = last.key + [0]
        }
        let index = head.tables.firstIndex { $0.number == old.number && $0.kind == old.kind }
        if let index { update { $0.tables[index].keys = .owner } }
    }
}
