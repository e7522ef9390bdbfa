import Events
import Records

/// Shoppers who are known under several ids, and prices that are the catalogue's to tell.
extension Engine {
    /// The event as one of the shopper that it is about, at the price that holds; `nil` where it is not taken.
    mutating func complete(
        _ event: Event, _ input: EngineInput, into output: inout StepOutput
    ) throws -> Event? {
        if try stream.isErased(event) {
            try suppress(event, into: &output)
            return nil
        }
        let known = try stream.resolved(event)
        if known.userID != event.userID, try stream.isErased(known) {
            try suppress(known, into: &output)
            return nil
        }
        guard let offer = known.offer, !offer.isPriced else { return known }
        guard let price = try listPrice(of: offer, event, input) else {
            reject(
                input.record,
                RejectedRecord(
                    reason:
                        "price: is missing, and the catalogue has none of item \"\(offer.itemID)\" so far",
                    code: "unpriced"), into: &output)
            return nil
        }
        return known.withOffer { $0.price = price }
    }

    /// The list price of an offer that comes without one: what the event says of the item, where the topic may; that
    /// of the offer that stands; the catalogue's.
    private mutating func listPrice(
        of offer: Event.Offer, _ event: Event, _ input: EngineInput
    ) throws -> Double? {
        if let item = offer.item, let price = item.price, isOfOwnChannel(item),
            configuration.inline[input.record.position.topic] == .all
        {
            return price
        }
        let held = try stream.shopper(offer.userID).offer(of: offer.itemID, atMs: event.tsMs)
        if let held { return held.listPrice }
        return try stream.catalog.find(offer.itemID)?.price
    }

    mutating func accept(_ event: Event) {
        counters.accepted += 1
        counters.byType[event.type.rawValue, default: 0] += 1
    }

    private mutating func suppress(_ event: Event, into output: inout StepOutput) throws {
        // An erasure may overtake the identity that says whose a guest's past is.
        if case .identify(let guest, let userID) = event.body,
            let erasedMs = try stream.erasedMs(of: userID, knownAs: guest, atMs: event.tsMs)
        {
            output.erasedUsers += try erase(guest, atMs: erasedMs)
        }
        accept(event)
        counters.suppressed += 1
    }

    /// Joins an id to a user: histories, open offers and what is remembered go along, and what the id's
    /// events tell from now on is the user's.
    mutating func identify(
        _ anonymousID: String, as userID: String, by event: Event, _ input: EngineInput,
        into output: inout StepOutput
    ) throws {
        let asked = input.namedUserID ?? userID
        var joined: [JoinOutput] = []
        let outcome =
            anonymousID.utf8.elementsEqual(asked.utf8)
            ? .known : try stream.join(anonymousID, to: userID, atMs: event.tsMs, into: &joined)
        if outcome == .circle {
            reject(
                input.record,
                RejectedRecord(
                    reason:
                        "anonymous_id: \"\(anonymousID)\" is the shopper that user_id \"\(asked)\" was joined to; nobody is joined in a circle",
                    code: "circular_identity"), into: &output)
            return
        }
        accept(event)
        counters.identities.note(outcome)
        guard outcome == .joined else { return }
        // Who objected under one of the ids objects under all.
        if let sinceMs = try [userID, anonymousID].compactMap({ try ruleLedger.objectedMs($0) })
            .min()
        {
            try object(try stream.ids(of: userID), atMs: sinceMs, input, into: &output)
        }
        output.unseenShoppers.append(RowOwner(user: anonymousID))
        memory.move(user: anonymousID, to: userID)
        try ruleLedger.move(RowOwner(user: anonymousID), to: RowOwner(user: userID))
        // The examples are remembered as the user's: the next refresh learns their effects from them.
        models.erase(user: anonymousID)
        try settle(joined, into: &output)
    }
}

extension IdentityCounts {
    fileprivate mutating func note(_ outcome: Identities.Outcome) {
        switch outcome {
        case .joined: joined += 1
        case .moved: moved += 1
        case .known: known += 1
        case .outdated: outdated += 1
        case .circle: break  // a dead letter
        }
    }
}

extension EngineInput {
    /// The user as the event has it.
    fileprivate var namedUserID: String? {
        if case .success(let event) = event { event.userID } else { nil }
    }
}
