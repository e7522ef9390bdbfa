import Events
import Pricing
import Records
import ResponseModel

/// Events that ask for an offer.
extension Engine {
    /// Makes the offer that an event asks for, and notes what else it tells of its shopper.
    mutating func price(
        _ event: Event, from record: SourceRecord, joining joined: inout Joined,
        into output: inout StepOutput
    ) throws {
        guard configuration.learns, !joined.isDuplicate else { return }
        switch event.body {
        case .click(let offer):
            try answer(event, offer, from: record, isView: false, &joined.outputs, into: &output)
        case .impression(let offer) where configuration.offersAtViews:
            try answer(event, offer, from: record, isView: true, &joined.outputs, into: &output)
        case .purchase(let purchase):
            var shopper = try stream.shopper(purchase.offer.userID)
            shopper.purchased(purchase.offer.itemID, atMs: event.tsMs)
            stream.set(purchase.offer.userID, shopper)
            try book(purchase, atMs: event.tsMs, from: record)
        case .impression, .outcome, .refund, .item, .erase, .identify, .objection: break
        }
    }

    /// Budgets take a purchase when it comes, not when it is joined: what is spent cannot be offered again.
    private mutating func book(
        _ purchase: Event.Purchase, atMs ms: Int64, from record: SourceRecord
    ) throws {
        guard !configuration.pricing.budgets.isEmpty else { return }
        // What the shop gives to shoppers whom no offers are made to is none of ours.
        let isOurs = try purchase.offer.recommendationID != nil || isLive(purchase.offer)
        guard isOurs, try !ruleLedger.isAgain(RecordPlace(record.position, record.offset))
        else { return }
        try ruleLedger.book(
            purchase, known: try stream.catalog.find(purchase.offer.itemID), atMs: ms,
            knownMs: stream.join.watermarkMs)
    }

    private mutating func answer(
        _ event: Event, _ offer: Event.Offer, from record: SourceRecord, isView: Bool,
        _ joined: inout [JoinOutput], into output: inout StepOutput
    ) throws {
        var shopper = try stream.shopper(offer.userID)
        if !isView { shopper.clicked(offer.itemID, atMs: event.tsMs) }
        let (recommendation, decision): (Recommendation, IssuedDecision?)
        do {
            guard try isLive(offer) else {
                try decideInShadow(event, offer, isView: isView)
                stream.set(offer.userID, shopper)
                return
            }
            (recommendation, decision) = try recommend(
                event, offer, isView: isView, shopper: &shopper,
                asked: RecordPlace(record.position, record.offset))
        } catch let error where error is PricingError || error is ResponseError {
            // One event whose price cannot be decided must not stop the stream.
            counters.accepted -= 1
            counters.byType[event.type.rawValue, default: 1] -= 1
            reject(record, RejectedRecord(reason: "\(error)", code: "undecidable"), into: &output)
            return
        }
        stream.set(offer.userID, shopper)
        if let decision {
            stream.join.open(
                decision, from: record.position, offset: record.offset, into: &joined)
        }
        counters.recommendations += 1
        output.recommendations.append(recommendation)
        output.askedFor.append(RecordPlace(record.position, record.offset))
    }
}
