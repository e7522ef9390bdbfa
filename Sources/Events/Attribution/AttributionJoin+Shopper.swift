/// What is held of a shopper who is found to be another one.
extension AttributionJoin {
    /// All that is held of one shopper is the other's from now on: events that wait, open examples, and
    /// purchases that refunds may find.
    ///
    /// Where that makes more open examples of one item than there may be, the oldest close early.
    /// - Complexity: O(n) in what is held of the shopper, but for the first call, which is O(n) in all.
    public mutating func move(
        shopper old: String, to new: String, into outputs: inout [JoinOutput]
    ) {
        pending.move(shopper: old, to: new)
        sold.move(shopper: old, to: new)
        for offer in open.move(shopper: old, to: new) {
            while open.numbers(of: offer).count > configuration.openPerPairMax {
                closeOldest(of: offer, into: &outputs)
            }
        }
    }
}

extension PendingEvents {
    fileprivate mutating func move(shopper old: String, to new: String) {
        // Neither the order of the events nor their times change.
        _ = rows.move(user: old, to: new) { $0.body = $0.body.of(shopper: new) }
    }
}

extension PendingEvent.Body {
    fileprivate func of(shopper userID: String) -> Self {
        switch self {
        case .impression(var offer):
            offer.userID = userID
            return .impression(offer)
        case .click(var offer):
            offer.userID = userID
            return .click(offer)
        case .purchase(var purchase):
            purchase.offer.userID = userID
            return .purchase(purchase)
        case .refund(var refund):
            refund.userID = userID
            return .refund(refund)
        case .decision(var offer, let trigger, let isView):
            offer.userID = userID
            return .decision(offer, triggerEventID: trigger, isView: isView)
        }
    }
}
