import Records
import SnapshotStore

extension Learner {
    /// Forgets a shopper and destroys the key of the shopper's rows, in one commit of its own.
    ///
    /// What was learned since the last commit is committed before. The journal has no entry of it: replays
    /// of what was before answer that a shopper was erased.
    /// - Parameters:
    ///   - ts: events up to this time are not learned any more. Unit: milliseconds since 1970.
    ///   - audit: who asked and why; without the shopper's id, since the audit stays.
    func erase(_ userID: String, atMs ts: Int64, audit: AuditEntry) throws -> CommitInfo {
        try commitNow()
        let ids = try store.withHead { try running.erase(userID, atMs: ts, reading: $0) }
        for id in ids { try forget(id) }
        commit.audit.append(audit)
        // Where this commit finds no room, the next one has it, and comes before another batch.
        pace.tookRequest()
        return try makeCommit(snapshot: nil)
    }
}
