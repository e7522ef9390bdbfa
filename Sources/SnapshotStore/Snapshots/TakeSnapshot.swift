import Records

extension RecordWriter {
    /// Writes a snapshot of the state as it is in this transaction, and makes it the head's.
    ///
    /// - Parameter parent: The snapshot that the state came from; the head's own by default.
    mutating func takeSnapshot(
        _ request: SnapshotRequest, _ cause: SnapshotRecord.Cause, base: Digest256,
        chunkBytes: Int, parent: String? = nil
    ) throws(StoreError) -> SnapshotRecord {
        let tags = try request.tags.map { tag throws(StoreError) in try Tag(tag) }
        var newBytes = 0
        let manifest = try writeChunks(chunkBytes, whole: request.isWhole, &newBytes)
        try put(.manifests, StoredKey.number(head.sequence), manifest.bytes)
        let configuration = try putText(request.configuration)
        let platform = try putText(request.platform)
        let origin: String?
        if let parent { origin = parent } else { origin = try headSnapshotID() }
        let databases = databases
        let record = SnapshotRecord(
            id: SnapshotRecord.id(
                parent: origin, head: head, base: base, configuration: configuration),
            parent: origin, lineage: head.lineage, sequence: head.sequence,
            eventTimeMs: head.eventTimeMs, createdMs: request.wallTimeMs, cause: cause,
            cluster: head.cluster,
            offsets: try read { transaction throws(StoreError) in
                try transaction.offsets(databases)
            },
            base: base, configuration: configuration, platform: platform,
            metrics: request.metrics, stateDigest: head.stateDigest,
            weightsDigest: head.weightsDigest, counters: head.counters, isWhole: request.isWhole,
            stateBytes: manifest.tables.reduce(0) { $0 + $1.bytes }, newBytes: newBytes,
            chunkCount: manifest.tables.reduce(0) { $0 + $1.chunks.count })
        try put(.snapshots, StoredKey.number(record.sequence), record.bytes)
        try put(.snapshotIDs, Array(record.id.utf8), StoredKey.number(record.sequence))
        let sequence = record.sequence
        update { $0.headSnapshot = sequence }
        try setReference(.head, to: sequence, wallTimeMs: request.wallTimeMs)
        if request.isChampion {
            try setReference(.champion, to: sequence, wallTimeMs: request.wallTimeMs)
        }
        for tag in tags {
            try setReference(.tag(tag), to: sequence, wallTimeMs: request.wallTimeMs)
        }
        return record
    }

    private func headSnapshotID() throws(StoreError) -> String? {
        guard let sequence = head.headSnapshot else { return nil }
        let databases = databases
        return try read { transaction throws(StoreError) in
            try transaction.snapshot(databases, at: sequence)?.id
        }
    }

    mutating func putText(_ text: String) throws(StoreError) -> Digest256 {
        let digest = SHA256.hash(text)
        try put(.texts, digest.bytes, Array(text.utf8))
        return digest
    }

    /// Cuts the tables into chunks and writes those that no snapshot has yet.
    private mutating func writeChunks(
        _ chunkBytes: Int, whole: Bool, _ newBytes: inout Int
    ) throws(StoreError) -> Manifest {
        var manifest = Manifest()
        let kept = head.tables.filter { $0.kind == .weights || (whole && $0.kind == .keyed) }
        for summary in kept where summary.count > 0 {
            guard let table = summary.stateTable else { continue }
            var chunks: [Manifest.ChunkEntry] = []
            let databases = databases
            let cuts = try read { transaction throws(StoreError) in
                try transaction.cuts(databases, summary, chunkBytes)
            }
            for cut in cuts {
                chunks.append(cut)
                newBytes += try putChunk(summary, cut)
            }
            manifest.tables.append(
                Manifest.TableEntry(
                    table: table, rows: summary.count, bytes: summary.bytes,
                    digest: summary.digest, chunks: chunks))
        }
        return manifest
    }

    /// Writes a chunk that no snapshot has yet; returns its bytes, 0 when it is there already.
    private mutating func putChunk(
        _ summary: TableSummary, _ cut: Manifest.ChunkEntry
    ) throws(StoreError) -> Int {
        let databases = databases
        let found = try read { transaction throws(StoreError) -> Chunk? in
            if try transaction.hasChunk(databases, cut.id) { return nil }
            var chunk = Chunk()
            try transaction.forEachStored(databases, summary, from: cut.firstKey) { row in
                chunk.append(row)
                return chunk.rows.count < cut.rows
            }
            return chunk
        }
        guard let bytes = found?.bytes else { return 0 }
        try put(.chunks, cut.id.bytes, bytes)
        return bytes.count
    }
}

extension Transaction where Self: ~Copyable {
    func hasChunk(_ databases: Databases, _ id: Digest256) throws(StoreError) -> Bool {
        try unsafe withValue(databases[.chunks], id.bytes) { unsafe $0 != nil }
    }

    /// Where a table's chunks begin and what they are called; reads the rows' marks alone.
    func cuts(
        _ databases: Databases, _ summary: TableSummary, _ chunkBytes: Int
    ) throws(StoreError) -> [Manifest.ChunkEntry] {
        var builder = ChunkBuilder(target: chunkBytes)
        var chunks: [Manifest.ChunkEntry] = []
        try forEachStored(databases, summary, values: false) { row in
            if let cut = builder.add(row) { chunks.append(cut) }
            return true
        }
        if let last = builder.finish() { chunks.append(last) }
        return chunks
    }
}
