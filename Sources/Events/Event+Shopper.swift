/// Whose an event is, where that is found out to be somebody else.
extension Event {
    /// The same event of another shopper; what is of nobody stays as it is.
    package func of(shopper userID: String) -> Event {
        var event = self
        switch body {
        case .impression(var offer):
            offer.userID = userID
            event.body = .impression(offer)
        case .click(var offer):
            offer.userID = userID
            event.body = .click(offer)
        case .purchase(var purchase):
            purchase.offer.userID = userID
            event.body = .purchase(purchase)
        case .refund(var refund):
            if refund.userID != nil { refund.userID = userID }
            event.body = .refund(refund)
        case .outcome(var outcome):
            outcome.offer.userID = userID
            event.body = .outcome(outcome)
        case .erase: event.body = .erase(userID: userID)
        case .objection: event.body = .objection(userID: userID)
        case .identify(let anonymousID, _):
            event.body = .identify(anonymousID: anonymousID, userID: userID)
        case .item: break
        }
        return event
    }

    /// The same event at another list price; what is about no offer stays as it is.
    package func at(price: Double) -> Event {
        var event = self
        switch body {
        case .impression(var offer):
            offer.price = price
            event.body = .impression(offer)
        case .click(var offer):
            offer.price = price
            event.body = .click(offer)
        case .purchase(var purchase):
            purchase.offer.price = price
            event.body = .purchase(purchase)
        case .outcome(var outcome):
            outcome.offer.price = price
            event.body = .outcome(outcome)
        case .refund, .item, .erase, .identify, .objection: break
        }
        return event
    }
}
