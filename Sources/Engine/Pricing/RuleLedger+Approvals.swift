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
    /// - Returns: what is known of the item now.
    package mutating func take(
        _ answer: Approval.Answer, of itemID: String
    ) throws -> Approval {
        var row = try approvals.row(itemID, in: state)
        row.take(answer)
        approvals.set(itemID, row)
        var list = try waiting.row(Self.waitingKey, in: state)
        list.remove(itemID)
        waiting.set(Self.waitingKey, list)
        return row
    }
}
