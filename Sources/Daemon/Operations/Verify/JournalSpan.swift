import Records
import SnapshotStore

/// The part of a journal between two snapshots: what must be replayed to come from one to the other.
struct JournalSpan {
    let from: SnapshotRecord
    let to: SnapshotRecord
    /// Records that are asked for again, by cluster.
    private(set) var needed: [String: OffsetRanges] = [:]
    /// What bits depended on, wherever that is another one than before; by commit.
    private(set) var platforms: [(sequence: UInt64, platform: String)] = []
    private(set) var batches = 0
    /// The cluster of the first batch.
    private(set) var firstCluster: String?

    /// Reads the whole span once.
    ///
    /// - Throws: `VerificationError` where the journal is not whole.
    init(_ store: SnapshotStore, from: SnapshotRecord, to: SnapshotRecord) throws {
        self.from = from
        self.to = to
        if let obstacle = try store.snapshot(from.id).replayObstacle {
            throw VerificationError.notReplayable(snapshot: from.id, obstacle)
        }
        try forEachCommit(of: store) { commit in
            for case .entry(let record) in commit.steps {
                switch record {
                case .batch(let batch):
                    batches += 1
                    firstCluster = firstCluster ?? batch.cluster
                    for part in batch.parts {
                        needed[batch.cluster, default: OffsetRanges()]
                            .insert(part.range, of: part.position)
                    }
                case .started(let start):
                    if platforms.last?.platform != start.platform {
                        platforms.append((commit.sequence, start.platform))
                    }
                default: break
                }
            }
        }
    }

    /// One commit of the journal.
    struct CommitEntries {
        enum Step {
            case entry(JournalRecord)
            case rollback(to: String)
            case rewind(to: String)
            /// Something that what learns did not notice.
            case nothing
        }

        let sequence: UInt64
        var steps: [Step] = []
    }

    /// Visits every commit behind the first snapshot up to the second one's.
    func forEachCommit(of store: SnapshotStore, _ body: (CommitEntries) throws -> Void) throws {
        var next = from.sequence + 1
        while next <= to.sequence {
            let entries = try store.journal(from: next, limit: 256)
            guard !entries.isEmpty else {
                throw VerificationError.journalIncomplete(commit: next)
            }
            var commit: CommitEntries?
            for entry in entries where entry.sequence <= to.sequence {
                if let done = commit, done.sequence != entry.sequence {
                    try body(done)
                    commit = nil
                }
                if commit == nil {
                    guard entry.sequence == next else {
                        throw VerificationError.journalIncomplete(commit: next)
                    }
                    commit = CommitEntries(sequence: entry.sequence)
                    next += 1
                }
                commit?.steps.append(try step(entry))
            }
            if let commit { try body(commit) }
        }
    }

    private func step(_ entry: JournalEntry) throws -> CommitEntries.Step {
        switch entry.kind {
        case .rollback: return .rollback(to: String(decoding: entry.body, as: UTF8.self))
        case .rewind: return .rewind(to: String(decoding: entry.body, as: UTF8.self))
        case .imported: return .nothing
        case .commit:
            do throws(ByteCodingError) {
                return .entry(try JournalRecord(encoded: entry.body))
            } catch {
                throw VerificationError.journalUnreadable(commit: entry.sequence, "\(error)")
            }
        }
    }
}

/// Why a replay of the journal cannot be made, or cannot go on.
public enum VerificationError: Error, CustomStringConvertible, ClassifiedFailure {
    case order(from: String, to: String)
    case notReplayable(snapshot: String, ReplayObstacle)
    case journalIncomplete(commit: UInt64)
    case journalUnreadable(commit: UInt64, String)
    /// Records that the journal says were learned, and that are not there.
    case missing(batch: Int, position: TopicPartition, range: Range<Int64>, Shortage)
    /// A record that is not the one that was learned; as it is and as it was, where both are there.
    case changed(batch: Int, place: RecordPlace, versions: (given: String, learned: String)?)
    case otherCluster(found: String, journal: [String])

    /// What is not there of a batch's records.
    public enum Shortage: Sendable {
        /// Nothing of the topic was there at all; what was instead.
        case noTopic(seen: [String])
        case records(there: Int, learned: Int, firstMissing: Int64?)
    }

    /// Snapshots in the wrong order are a wrong command line; all else is bad data.
    public var failureKind: FailureKind { if case .order = self { .usage } else { .badData } }

    /// Which snapshot, commit, batch or record, and what is wrong with it.
    public var description: String {
        switch self {
        case .order(let from, let to):
            "\(from)..\(to): the first snapshot must be older than the second"
        case .notReplayable(let snapshot, let obstacle):
            "snapshot \(snapshot) cannot be replayed from: \(obstacle); 'snapshots list' says from which it can"
        case .journalIncomplete(let commit):
            "the journal has no entry of commit \(commit); it cannot be replayed from before it"
        case .journalUnreadable(let commit, let reason):
            "the journal of commit \(commit) was written by another version of Tidemark: \(reason)"
        case .missing(let batch, let position, let range, .noTopic(let seen)):
            "batch \(batch) learned offsets \(range.lowerBound) to \(range.upperBound - 1) of \(position), of which there is nothing; what was given has "
                + (seen.isEmpty ? "no records" : seen.joined(separator: ", "))
        case .missing(let batch, let position, let range, .records(let there, let learned, let at)):
            "gap: batch \(batch) learned \(learned) records of \(position) from offset \(range.lowerBound) to \(range.upperBound - 1), only \(there) of them are there"
                + (at.map { "; the first that is missing is \(position):\($0)" } ?? "")
        case .changed(let batch, let place, _):
            "changed input: batch \(batch), the event at \(place) is not the one that was learned"
        case .otherCluster(let found, let journal):
            "the brokers belong to cluster \(found), the journal is of \(journal.joined(separator: ", ")); give captured logs with --events"
        }
    }
}

extension VerificationError {
    /// A changed event, a line each as it is and as it was learned; nothing for any other error.
    public var versions: [String] {
        guard case .changed(_, _, let versions?) = self else { return [] }
        return ["  given:   \(versions.given)", "  learned: \(versions.learned)"]
    }
}
