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

    /// The cluster that the store learned from last; `nil` where it has read nothing.
    ///
    /// The head snapshot does not say so: the first one is taken before anything is read. Nor do the
    /// offsets, after a rewind to it.
    func lastCluster() throws -> String? {
        let now = try status().cluster
        if !now.isEmpty { return now }
        return try snapshots().lazy.map(\.record.cluster).first { !$0.isEmpty }
    }

    /// The first offset that was ever learned of each partition, as far as the journal goes back.
    func firstLearned(
        of positions: Set<TopicPartition>, cluster: String
    ) throws -> [TopicPartition: Int64] {
        var first: [TopicPartition: Int64] = [:]
        var from: UInt64 = 0
        while first.count < positions.count {
            let entries = try journal(from: from)
            guard let last = entries.last else { break }
            from = last.sequence + 1
            for entry in entries where entry.kind == .commit {
                // What another version wrote tells nothing here.
                guard case .batch(let batch)? = try? JournalRecord(encoded: entry.body),
                    batch.cluster == cluster
                else { continue }
                for part in batch.parts
                where positions.contains(part.position) && first[part.position] == nil {
                    first[part.position] = part.range.lowerBound
                }
            }
        }
        return first
    }

    private func ledgerChanges(skips: OffsetRanges) throws -> StateChanges {
        let current = try lastCluster()
        var changes = StateChanges()
        var known: Set<TopicPartition> = []
        for cluster in Set(try clusters() + (current.map { [$0] } ?? [])).sorted() {
            var ledger = try withHead { try Ledger(cluster: cluster, reading: $0) }
            let offsets = try offsets(cluster: cluster)
            ledger.markPublished(upTo: offsets)
            if cluster == current {
                ledger.skips.formUnion(skips)
                // What a rewind to the beginning took the offsets of was read all the same.
                known = Set(offsets.keys).union(ledger.publishedTo.keys)
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

/// Why a rewind is refused.
public enum RewindError: Error, CustomStringConvertible, ClassifiedFailure {
    case unknownPartition(TopicPartition, known: [TopicPartition])

    /// The command line is at fault: usage.
    public var failureKind: FailureKind { .usage }

    /// Which partition is not known, and which are.
    public var description: String {
        switch self {
        case .unknownPartition(let position, let known):
            "the store has read nothing of \(position), so nothing of it can be skipped; it has read "
                + (known.isEmpty
                    ? "nothing yet" : known.map(\.description).joined(separator: ", "))
        }
    }
}
