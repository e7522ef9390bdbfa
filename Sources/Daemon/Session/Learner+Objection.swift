import Engine
import Records
import SnapshotStore

extension Learner {
    /// Takes an objection that no record carries, in one commit of its own.
    ///
    /// What was learned since the last commit is committed before. The journal has no entry of it: it has what
    /// decisions read of the ledger from then on.
    /// - Parameters:
    ///   - ts: from when it holds. Unit: milliseconds since 1970.
    ///   - audit: who asked and why; without the shopper's id, since the audit stays.
    /// - Returns: the commit, whether the objection was known before, and how many offers it ended.
    func object(_ userID: String, atMs ts: Int64, audit: AuditEntry) throws
        -> (info: CommitInfo, isNew: Bool, ended: Int)
    {
        try commitNow()
        let (isNew, userIDs) = try store.withHead { state in
            try running.object(userID, atMs: ts, reading: state)
        }
        var ended = 0
        for id in userIDs { ended += try withhold(from: id) }
        commit.audit.append(audit)
        // Where this commit finds no room, the next one has it, and comes before another batch.
        pace.tookRequest()
        return (try makeCommit(snapshot: nil), isNew, ended)
    }

    /// Does what the objections of a batch ask for.
    func honour(_ output: inout StepOutput) throws {
        guard !output.objections.isEmpty else { return }
        output.dropBeforeObjections()
        for objection in output.objections {
            for id in objection.userIDs { _ = try withhold(from: id) }
            commit.audit.append(
                AuditEntry(
                    wallTimeMs: wallTimeMs(), who: "event", action: "objection",
                    reason: "record \(objection.place)"))
        }
    }

    /// What waits to be published to a shopper is not, and what stands is ended.
    ///
    /// - Returns: how many offers were ended.
    private func withhold(from userID: String) throws -> Int {
        commit.withheld.append(RowOwner(user: userID))
        return try outgoing.withdraw(from: userID, store)
    }
}
