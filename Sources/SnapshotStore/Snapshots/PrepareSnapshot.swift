import Records

extension SnapshotStore {
    /// Chunks written in one transaction: commits get their turn in between.
    private static let pieceMax = 32

    /// Writes ahead what a whole snapshot of the present state would need, so that the commit that
    /// takes it a little later writes only what changed since.
    ///
    /// A whole snapshot of a million users otherwise holds the writer for seconds. Works in bounded
    /// pieces; one that is never followed by a snapshot costs room until the next pruning.
    /// - Thread: any but the one that commits; blocks on the disk.
    public func prepareWholeSnapshot() throws(StoreError) {
        let chunkBytes = options.chunkBytes
        let missing = try withRead { transaction, databases throws(StoreError) in
            var missing: [(TableSummary, Manifest.ChunkEntry)] = []
            for summary in try transaction.head(databases).tables
            where summary.kind == .keyed || summary.kind == .weights {
                for cut in try transaction.cuts(databases, summary, chunkBytes)
                where try !transaction.hasChunk(databases, cut.id) {
                    missing.append((summary, cut))
                }
            }
            return missing
        }
        var rest = missing[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Self.pieceMax)
            try withWriter { records throws(StoreError) in
                for (summary, cut) in piece { _ = try records.putChunk(summary, cut) }
            }
            rest = rest.dropFirst(Self.pieceMax)
        }
    }
}
