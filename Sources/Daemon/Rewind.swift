import Records
import SnapshotStore

extension SnapshotStore {
    /// Takes the learned state back to a snapshot, and notes in the ledger what must not go back:
    /// how far the streams were published, and which records are never learned again.
    ///
    /// - Parameter skips: offsets of the cluster that the store learned from last.
    /// - Throws: `RewindError` for a skip of a partition that the store never read, beside what the
    ///   store's own rewind throws; then nothing has changed.
    @discardableResult
    public func rewind(
        to reference: String, skips: OffsetRanges, reason: String, who: String
    ) throws -> RollbackInfo {
        let ledger = try ledgerChanges(skips: skips)
        let what = skips.isEmpty ? "" : "; skipping \(skips.texts.joined(separator: ", "))"
        return try rewind(
            to: reference, reason: reason + what, who: who, wallTimeMs: wallTimeMs(),
            ledger: ledger)
    }

    /// Throws: `RewindError` for a skip of a partition that the store never read.
    public func requireKnown(_ skips: OffsetRanges) throws {
        _ = try ledgerChanges(skips: skips)
    }

    private func ledgerChanges(skips: OffsetRanges) throws -> StateChanges {
        let current = try resolve("head").cluster
        var changes = StateChanges()
        var known: Set<TopicPartition> = []
        for cluster in try clusters() {
            var ledger = try withHead { try Ledger(cluster: cluster, reading: $0) }
            let offsets = try offsets(cluster: cluster)
            ledger.markPublished(upTo: offsets)
            if cluster == current {
                ledger.skips.formUnion(skips)
                known = Set(offsets.keys)
            }
            for row in ledger.changes(cluster: cluster).rows {
                if let value = row.value { changes.put(row.table, row.key, value) }
            }
        }
        if let unknown = skips.ranges.keys.sorted().first(where: { !known.contains($0) }) {
            throw RewindError.unknownPartition(unknown, known: known.sorted())
        }
        return changes
    }
}

public enum RewindError: Error, CustomStringConvertible {
    case unknownPartition(TopicPartition, known: [TopicPartition])

    public var description: String {
        switch self {
        case .unknownPartition(let position, let known):
            "the store has read nothing of \(position), so nothing of it can be skipped; it has read "
                + (known.isEmpty
                    ? "nothing yet" : known.map(\.description).joined(separator: ", "))
        }
    }
}
