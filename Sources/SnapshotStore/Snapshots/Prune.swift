import Records

extension SnapshotStore {
    /// Records removed in one write transaction: between two of them commits get their turn.
    private static let pieceMax = 512

    /// Removes the snapshots that `retention` does not keep, then the chunks that none has any more.
    ///
    /// Works in bounded pieces, each a commit of its own; a stop between two leaves what the next
    /// call goes on with, and nothing that a kept snapshot needs is ever gone. While `keepWhole` is at
    /// work chunks stay for the next call.
    /// - Parameter dryRun: Only tells which snapshots would go.
    @discardableResult
    public func prune(
        _ retention: Retention, dryRun: Bool = false
    ) throws(StoreError) -> PruneReport {
        let plan = try plan(retention)
        var report = PruneReport()
        report.snapshotsKept = plan.keptCount
        report.snapshots = plan.going.map(\.id)
        if dryRun { return report }
        var rest = plan.going[...]
        while !rest.isEmpty {
            let piece = rest.prefix(64)
            try withWriter { records throws(StoreError) in
                for record in piece { try records.retire(record) }
            }
            rest = rest.dropFirst(64)
        }
        let deleted = try chunkWork.withLockIfAvailable { _ throws(StoreError) in
            var deleted = PruneReport()
            try deleteChunks(&deleted)
            return deleted
        }
        report.chunks = deleted?.chunks ?? 0
        report.bytes = deleted?.bytes ?? 0
        try deleteTexts()
        if let light = plan.oldestLight { try pruneUndo(through: light) }
        if retention.prunesJournal, let oldest = plan.oldestKept {
            try pruneJournal(through: oldest, &report)
        }
        return report
    }

    private struct Plan {
        var going: [SnapshotRecord] = []
        var keptCount = 0
        var oldestKept: UInt64?
        /// The oldest kept snapshot that only undo records lead back to.
        var oldestLight: UInt64?
    }

    private func plan(_ retention: Retention) throws(StoreError) -> Plan {
        try withRead { transaction, databases throws(StoreError) in
            var all: [SnapshotRecord] = []
            try transaction.forEachSnapshotBackward(databases) { record in
                all.append(record)
                return true
            }
            var fixed = Set(try transaction.tags(databases).keys)
            if let head = try transaction.head(databases).headSnapshot { fixed.insert(head) }
            if let champion = try transaction.reference(databases, .champion) {
                fixed.insert(champion)
            }
            let going = Set(
                retention.pruned(all.map { ($0.sequence, $0.createdMs) }, keeping: fixed))
            return Plan(
                going: all.filter { going.contains($0.sequence) }.reversed(),
                keptCount: all.count - going.count,
                oldestKept: all.last { !going.contains($0.sequence) }?.sequence,
                oldestLight: all.last {
                    !going.contains($0.sequence) && !$0.isWhole && $0.cause != .imported
                }?.sequence)
        }
    }

    /// Deletes the chunks of retired snapshots that no other snapshot has.
    private func deleteChunks(_ report: inout PruneReport) throws(StoreError) {
        var live = try withRead { transaction, databases throws(StoreError) in
            try LiveChunks(transaction, databases)
        }
        var isDone = false
        while !isDone {
            let (done, chunks, bytes) = try withWriter { records throws(StoreError) in
                // Snapshots taken since the last look may share what is about to go.
                let databases = records.databases
                try records.read { transaction throws(StoreError) in
                    try live.catchUp(transaction, databases)
                }
                return try records.deleteRetired(live.ids, limit: Self.pieceMax)
            }
            isDone = done
            report.chunks += chunks
            report.bytes += bytes
        }
        try deleteStrays(&live, &report)
    }

    /// Deletes chunks that were written ahead for a snapshot that never came.
    private func deleteStrays(
        _ live: inout LiveChunks, _ report: inout PruneReport
    ) throws(StoreError) {
        var known = live
        var removed = Self.pieceMax
        while removed == Self.pieceMax {
            let (chunks, bytes) = try withWriter { records throws(StoreError) in
                let databases = records.databases
                let strays = try records.read { transaction throws(StoreError) in
                    try known.catchUp(transaction, databases)
                    return try transaction.strays(databases, known.ids, limit: Self.pieceMax)
                }
                return (strays.count, try records.deleteChunks(strays))
            }
            removed = chunks
            report.chunks += chunks
            report.bytes += bytes
        }
        live = known
    }

    private func deleteTexts() throws(StoreError) {
        try withWriter { records throws(StoreError) in
            let databases = records.databases
            let unused = try records.read { transaction throws(StoreError) in
                var used: Set<[UInt8]> = []
                try transaction.forEachSnapshotBackward(databases) { record in
                    used.insert(record.configuration.bytes)
                    used.insert(record.platform.bytes)
                    return true
                }
                var unused: [[UInt8]] = []
                try transaction.forEachRecord(databases, .texts) { key, _ in
                    if !used.contains(key) { unused.append(key) }
                    return true
                }
                return unused
            }
            for key in unused { try records.remove(.texts, key) }
        }
    }

    /// Takes away undo records that lead back to no snapshot any more.
    private func pruneUndo(through sequence: UInt64) throws(StoreError) {
        let oldest = try withRead { transaction, databases throws(StoreError) in
            try transaction.oldestUndo(databases)
        }
        guard let oldest, oldest <= sequence else { return }
        while true {
            let removed = try withWriter { records throws(StoreError) in
                try records.removeUndo(through: sequence, limit: Self.pieceMax)
            }
            if removed < Self.pieceMax { return }
        }
    }

    private func pruneJournal(
        through sequence: UInt64, _ report: inout PruneReport
    ) throws(StoreError) {
        while true {
            let removed = try withWriter { records throws(StoreError) in
                try records.removeJournal(through: sequence, limit: Self.pieceMax)
            }
            report.journalEntries += removed
            if removed < Self.pieceMax { return }
        }
    }
}

/// The chunks that snapshots have.
private struct LiveChunks {
    private(set) var ids: Set<Digest256> = []
    private var seenThrough: UInt64 = 0

    init(
        _ transaction: borrowing some Transaction & ~Copyable, _ databases: Databases
    ) throws(StoreError) {
        try catchUp(transaction, databases)
    }

    mutating func catchUp(
        _ transaction: borrowing some Transaction & ~Copyable, _ databases: Databases
    ) throws(StoreError) {
        var ids = ids
        var last = seenThrough
        let path = transaction.environment.folder.path
        try transaction.forEachRecord(databases, .manifests, from: StoredKey.number(last + 1)) {
            key, value throws(StoreError) in
            let manifest: Manifest
            do { manifest = try Manifest(bytes: value) } catch {
                throw .damaged(path: path, what: "a snapshot's chunk list: \(error)")
            }
            ids.formUnion(manifest.chunkIDs)
            last = StoredKey.number(from: key) ?? last
            return true
        }
        self.ids = ids
        seenThrough = last
    }
}

extension Transaction where Self: ~Copyable {
    /// Chunks that no snapshot has; a look at the counts tells that there are none.
    fileprivate func strays(
        _ databases: Databases, _ live: Set<Digest256>, limit: Int
    ) throws(StoreError) -> [Digest256] {
        guard try count(databases[.chunks]) > live.count else { return [] }
        var strays: [Digest256] = []
        try withCursor(databases[.chunks]) { cursor throws(StoreError) in
            let look: Cursor.Body<Void> = { key, _ in
                guard let id = unsafe Digest256(bytes: [UInt8](key)), !live.contains(id) else {
                    return
                }
                strays.append(id)
            }
            var found: Void? = try unsafe cursor.move(.first, look)
            while found != nil, strays.count < limit {
                found = try unsafe cursor.move(.next, look)
            }
        }
        return strays
    }
}

extension RecordWriter {
    /// Takes a snapshot out of every listing; its chunks wait to be deleted.
    fileprivate mutating func retire(_ record: SnapshotRecord) throws(StoreError) {
        let databases = databases
        let (manifest, isNamed) = try read { transaction throws(StoreError) in
            // A name may have come since the plan was made.
            let tagged = try transaction.tags(databases)[record.sequence] != nil
            let champion = try transaction.reference(databases, .champion)
            return (
                try transaction.manifest(databases, at: record.sequence),
                tagged || champion == record.sequence
            )
        }
        if isNamed { return }
        let key = StoredKey.number(record.sequence)
        try put(.pruning, key, ChunkIDs(Array(manifest.chunkIDs).sorted()).bytes)
        try remove(.manifests, key)
        try remove(.snapshotIDs, Array(record.id.utf8))
        try remove(.snapshots, key)
    }

    fileprivate mutating func deleteRetired(
        _ live: Set<Digest256>, limit: Int
    ) throws(StoreError) -> (done: Bool, chunks: Int, bytes: Int) {
        var deleted = 0
        var bytes = 0
        while let key = try oldestKey(.pruning), deleted < limit {
            guard let value = try value(.pruning, key) else { break }
            let waiting: ChunkIDs
            do { waiting = try ChunkIDs(bytes: value) } catch {
                throw .damaged(path: path, what: "table pruning: \(error)")
            }
            let candidates = waiting.ids.filter { !live.contains($0) }
            let now = candidates.prefix(limit - deleted)
            bytes += try deleteChunks(Array(now))
            deleted += now.count
            let rest = Array(candidates.dropFirst(now.count))
            if rest.isEmpty {
                try remove(.pruning, key)
            } else {
                try put(.pruning, key, ChunkIDs(rest).bytes)
            }
        }
        return (try oldestKey(.pruning) == nil, deleted, bytes)
    }

    /// Bytes of the chunks deleted.
    fileprivate mutating func deleteChunks(_ ids: [Digest256]) throws(StoreError) -> Int {
        let before = head.tables[head.index(of: .chunks)].bytes
        for id in ids { try remove(.chunks, id.bytes) }
        return before - head.tables[head.index(of: .chunks)].bytes
    }

    fileprivate mutating func removeUndo(
        through sequence: UInt64, limit: Int
    ) throws(StoreError) -> Int {
        var removed = 0
        while removed < limit, let key = try oldestKey(.undo),
            let number = StoredKey.number(from: key), number <= sequence
        {
            try remove(.undo, key)
            removed += 1
        }
        return removed
    }

    fileprivate mutating func removeJournal(
        through sequence: UInt64, limit: Int
    ) throws(StoreError) -> Int {
        var removed = 0
        while removed < limit, let key = try oldestKey(.journal) {
            guard let number = StoredKey.number(from: key.prefix(8)), number <= sequence else {
                break
            }
            try remove(.journal, key)
            removed += 1
        }
        if removed < limit {
            update { $0.journalPrunedThrough = max($0.journalPrunedThrough, sequence) }
        } else if let key = try oldestKey(.journal),
            let number = StoredKey.number(from: key.prefix(8))
        {
            update { $0.journalPrunedThrough = max($0.journalPrunedThrough, number - 1) }
        }
        return removed
    }
}

private struct ChunkIDs {
    let ids: [Digest256]

    init(_ ids: [Digest256]) { self.ids = ids }

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 32 * ids.count + 4)
        writer.array(ids) { $0.digest($1) }
        return writer.bytes
    }

    init(bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        ids = try reader.array { r throws(ByteCodingError) in try r.digest() }
        try reader.finish()
    }
}
