import Pricing
import Records

/// What waits for a person's word, and what people said: by item, since a shop makes thousands of decisions a second.
extension RuleLedger {
    private static let waitingKey = "waiting"

    /// What became of a wish.
    package enum WishOutcome {
        /// Counted with the item's others.
        case noted
        /// A person has spoken about the item.
        case answered
        /// As many items wait as may.
        case noRoom
    }

    /// Remembers what a decision wished for and was not given.
    ///
    /// What is learned again after a rewind was counted the first time.
    /// - Returns: `nil` where nothing was withheld.
    @discardableResult
    package mutating func note(_ withheld: WithheldOffer?, _ sight: Sight) throws -> WishOutcome? {
        guard let withheld, !sight.asking.isAgain else { return nil }
        let facts = sight.circumstances
        var row = facts.approval
        guard !row.isAnswered(atMs: facts.atMs) else { return .answered }
        if let wish = row.wish, facts.atMs - wish.firstMs >= settings.approval.waitMs {
            row.dropWish()
        }
        if row.wish == nil {
            var list = try waiting.row(Self.waitingKey, in: state)
            try drop(list.dropExpired(atMs: facts.atMs), besides: facts.itemID)
            list.remove(facts.itemID)
            let hasRoom = list.add(
                facts.itemID, untilMs: facts.atMs + settings.approval.waitMs)
            waiting.set(Self.waitingKey, list)
            guard hasRoom else { return .noRoom }
        }
        row.add(withheld, atMs: facts.atMs)
        approvals.set(facts.itemID, row)
        return .noted
    }

    /// Forgets the wishes of items that nobody answered; and all of an item that nothing was ever said of.
    private mutating func drop(_ gone: [WaitingList.Entry], besides itemID: String) throws {
        for entry in gone where entry.itemID != itemID {
            var row = try approvals.row(entry.itemID, in: state)
            row.dropWish()
            if row == Approval() {
                approvals.forget(entry.itemID)
            } else {
                approvals.set(entry.itemID, row)
            }
        }
    }

    /// Takes a person's word about an item.
    ///
    /// - Returns: what is known of the item now, and what had waited.
    package mutating func answer(
        _ itemID: String, _ make: (Approval) throws -> Approval.Answer
    ) throws -> Approval {
        var row = try approvals.row(itemID, in: state)
        row.take(try make(row))
        approvals.set(itemID, row)
        var list = try waiting.row(Self.waitingKey, in: state)
        list.remove(itemID)
        waiting.set(Self.waitingKey, list)
        return row
    }
}

extension Engine {
    /// Takes a person's word about deep discounts of an item, at the boundary of a batch.
    ///
    /// No learned state changes: decisions read it in the ledger, and the journal has what they read.
    /// - Parameter make: what is said, given what waits.
    /// - Returns: what is known of the item from then on.
    public mutating func approve(
        _ itemID: String, reading state: any StateReader,
        _ make: (Approval) throws -> Approval.Answer
    ) throws -> Approval {
        ruleLedger.attach(state)
        defer { ruleLedger.detach() }
        return try ruleLedger.answer(itemID, make)
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
