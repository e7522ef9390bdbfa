import Pricing
import Records

/// What people say: shoppers who object, and who approves of deep discounts.
extension Engine {
    /// Takes an objection to personalised prices at the boundary of a batch.
    ///
    /// No learned state changes: decisions from then on read it in the ledger, and the journal has what they read.
    /// - Returns: whether it is new, and the shopper's ids.
    public mutating func object(
        _ userID: String, atMs ms: Int64, reading state: any StateReader
    ) throws -> (isNew: Bool, userIDs: [String]) {
        ruleLedger.attach(state)
        defer { ruleLedger.detach() }
        let ids = try stream.ids(of: userID, in: state)
        return (try ruleLedger.object(ids, atMs: ms), ids)
    }

    /// Takes the objection of a record.
    mutating func object(
        _ userIDs: [String], atMs ms: Int64, _ input: EngineInput, into output: inout StepOutput
    ) throws {
        guard configuration.learns, try ruleLedger.object(userIDs, atMs: ms) else { return }
        output.objections.append(
            NewObjection(
                userIDs: userIDs, place: RecordPlace(input.record.position, input.record.offset)))
    }

    /// The shopper that an id stands for, which is itself where it was joined to nobody, and the further ids of
    /// that shopper.
    public static func identity(
        of id: String, reading state: any StateReader
    ) throws -> (userID: String, otherIDs: [String]) {
        func row(_ id: String) throws -> Identities.Row? {
            try state.value(Identities.table, RowOwner(user: id).bytes)
                .map(Identities.Row.init(encoded:))
        }
        let userID = try row(id)?.joined?.userID ?? id
        return (userID, try row(userID)?.ids ?? [])
    }

    /// Since when a shopper objects to personalised prices; `nil` for one who does not. Units: milliseconds since
    /// 1970.
    public static func objectedMs(_ userID: String, reading state: any StateReader) throws -> Int64?
    {
        try state.value(RuleLedger.objectionTable, RowOwner(user: userID).bytes)
            .flatMap { try ObjectionRow(encoded: $0).sinceMs }
    }
}

extension Engine {
    /// Takes a person's word about deep discounts of an item, at the boundary of a batch.
    ///
    /// No learned state changes: decisions read it in the ledger, and the journal has what they read.
    /// - Returns: what is known of the item from then on.
    public mutating func approve(
        _ itemID: String, _ answer: Approval.Answer, reading state: any StateReader
    ) throws -> Approval {
        ruleLedger.attach(state)
        defer { ruleLedger.detach() }
        return try ruleLedger.take(answer, of: itemID)
    }

    /// What waits for a person's word and what was said, by item; what has ended is left out.
    ///
    /// - Parameter ms: event time now. Units: milliseconds since 1970.
    public static func approvals(
        reading state: any StateReader, atMs ms: Int64
    ) throws -> [(itemID: String, approval: Approval)] {
        var waiting: Set<String> = []
        try state.forEach(RuleLedger.waitingTable) { _, row in
            waiting.formUnion(
                try WaitingList(encoded: row).entries.filter { $0.untilMs > ms }.map(\.itemID))
        }
        var found: [(String, Approval)] = []
        try state.forEach(RuleLedger.approvalTable) { key, row in
            var approval = try Approval(encoded: row)
            let itemID = String(decoding: key, as: UTF8.self)
            if !waiting.contains(itemID) { approval.dropWish() }
            guard approval.wish != nil || (approval.answer.map { ms < $0.untilMs } ?? false) else {
                return
            }
            found.append((itemID, approval))
        }
        return found
    }
}
