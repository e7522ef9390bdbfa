/// Events that are as another one but for what is found out of them.
extension Event {
    /// The same event with its offer changed; what is about no offer stays as it is.
    package func withOffer(_ change: (inout Offer) -> Void) -> Event {
        var event = self
        switch body {
        case .impression(var offer):
            change(&offer)
            event.body = .impression(offer)
        case .click(var offer):
            change(&offer)
            event.body = .click(offer)
        case .purchase(var purchase):
            change(&purchase.offer)
            event.body = .purchase(purchase)
        case .outcome(var outcome):
            change(&outcome.offer)
            event.body = .outcome(outcome)
        case .refund, .item, .erase, .identify, .objection: break
        }
        return event
    }

    /// The same event of another shopper; what is of nobody stays as it is.
    package func of(shopper userID: String) -> Event {
        var event = withOffer { $0.userID = userID }
        switch body {
        case .refund(var refund):
            if refund.userID != nil { refund.userID = userID }
            event.body = .refund(refund)
        case .erase: event.body = .erase(userID: userID)
        case .objection: event.body = .objection(userID: userID)
        case .identify(let anonymousID, _):
            event.body = .identify(anonymousID: anonymousID, userID: userID)
        case .impression, .click, .purchase, .outcome, .item: break
        }
        return event
    }
}
