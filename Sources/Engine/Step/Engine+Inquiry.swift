import Events
import Pricing
import Records
import ResponseModel

/// What is expected at one depth of the grid.
public struct ExpectedDemand: Codable, Sendable {
    /// Fraction of the list price.
    public let discount: Double
    /// Probability of a purchase at this discount.
    public let conversion: Double
    /// Standard deviation of the conversion's logit: how unsure the model is.
    public let logitDeviation: Double
    /// What it is expected to earn, whatever the rules say of it; `nil` where the cost is not known.
    public let margin: Double?

    enum CodingKeys: String, CodingKey {
        case discount, conversion
        case logitDeviation = "logit_deviation"
        case margin = "expected_margin"
    }
}

/// A shopper who looks at an item, and what is to be known of the moment.
public struct OfferQuestion: Sendable {
    /// The shopper's id.
    public var userID: String
    /// The item's id.
    public var itemID: String
    /// The list price.
    public var price: Double
    /// Circumstances of the visit, as a click would carry them.
    public var context: [Event.Attribute] = []
    /// Whether the shopper sees the item and has not clicked yet.
    public var isView = false
    /// When. Units: milliseconds since 1970.
    public var atMs: Int64

    /// A visit of which nothing more is known.
    public init(userID: String, itemID: String, price: Double, atMs: Int64) {
        self.userID = userID
        self.itemID = itemID
        self.price = price
        self.atMs = atMs
    }
}

extension Engine {
    /// In the place of the event that asks.
    private static let inquiryID = "inquiry"

    /// Items by the remembered examples of them, counting for how many each stands; most first.
    ///
    /// Complexity: O(replay memory).
    public func itemsSeen() -> [(itemID: String, examples: Double)] {
        var counts: [String: Double] = [:]
        memory.replay.forEach { counts[$0.example.itemId, default: 0] += $0.inclusionWeight }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }

    /// What is remembered of a shopper, by whichever id.
    public func shopper(_ userID: String, reading state: any StateReader) throws -> ShopperState {
        try stream.shoppers.find(stream.shopperID(userID, in: state), in: state)
    }

    /// The best discount for a shopper and an item, and what is expected at every depth.
    ///
    /// Nothing is drawn at random, and nothing is remembered of having been asked.
    ///
    /// - Parameters:
    ///   - state: where the rules' ledger is; without it they know of no earlier offers and prices.
    public func inquire(
        _ question: OfferQuestion, embedding: any TextEmbedding,
        reading state: (any StateReader)? = nil
    ) throws -> (Recommendation, [ExpectedDemand]) {
        let (ts, itemID) = (question.atMs, question.itemID)
        let userID =
            try state.map { try stream.shopperID(question.userID, in: $0) } ?? question.userID
        let offer = Event.Offer(
            userID: userID, itemID: itemID, price: question.price,
            context: stream.contextKeys.known(question.context))
        var ledger = ruleLedger
        if let state { ledger.attach(state) }
        let asked = try ask(offer, isView: question.isView, atMs: ts, embedding, &ledger)
        let quote = asked.quote
        let decisionID = Recommendation.decisionID(
            eventID: Self.inquiryID, userID: userID, itemID: itemID)
        let recommendation = quote.recommendation(
            id: Recommendation.id(lineage: origin.lineage, decision: decisionID),
            userID: userID, itemID: itemID, snapshot: origin.snapshot, issuedMs: ts,
            expiresMs: expiryMs(of: quote.decision, asked.sight.circumstances))
        let margins = policy.expectedMargins(
            price: question.price, cost: asked.item?.cost, demand: quote.demand)
        let demand = quote.demand.indices.map { depth in
            ExpectedDemand(
                discount: quote.demand[depth].depth, conversion: quote.demand[depth].probability,
                logitDeviation: quote.logitDeviations[depth], margin: margins?[depth])
        }
        return (recommendation, demand)
    }

    /// What would be decided of one item, with what it rests on.
    ///
    /// - Parameters:
    ///   - standing: the offer of the item that the shopper has already.
    ///   - isHoldout: whether the shopper is held out; `nil`: as the shopper's lot has it.
    func ask(
        _ offer: Event.Offer, isView: Bool, atMs ts: Int64, standing: HeldOffer? = nil,
        isHoldout: Bool? = nil, _ embedding: any TextEmbedding, _ ledger: inout RuleLedger
    ) throws -> AskedOffer {
        // Above any rate of exploring.
        let draws = PricingDraws(explore: 0x1.fffffffffffffp-1, depth: 0)
        let seen = try stream.catalog.look(at: offer.itemID, with: embedding)
        var asking = asking(offer, known: seen.item, eventID: Self.inquiryID, atMs: ts)
        asking.heldID = standing?.decisionID
        let sight = try ledger.look(asking)
        let quote = try decide(
            Exposure(offer, tsMs: ts), of: seen, sight.circumstances, isView: isView,
            held: standing,
            draws: draws, isHoldout: isHoldout)
        return AskedOffer(item: seen.item, sight: sight, quote: quote)
    }

    /// The decision that would be made at an exposure of a log, with the probability of every price: as if the
    /// shopper were not held out and no offer stood.
    ///
    /// Nothing is remembered of having been asked but the vectors of texts. The rules know of no earlier offers.
    ///
    /// - Parameter isView: whether the shopper had not clicked yet; taken for a visit where no views were
    ///   learned.
    public mutating func decision(
        on offer: Event.Offer, atMs ts: Int64, isView: Bool, embedding: any TextEmbedding
    ) throws -> Decision {
        stream.catalog.attach(MemoryState(), embedding)
        defer { stream.catalog.detach() }
        var known = offer
        known.context = stream.contextKeys.known(offer.context)
        let item = try stream.catalog.find(offer.itemID)
        var asking = asking(offer, known: item, eventID: Self.inquiryID, atMs: ts)
        // Budgets are no part of what is judged: what they had left then is not known.
        asking.isAgain = true
        let facts = try ruleLedger.look(asking).circumstances
        return try decide(
            Exposure(known, tsMs: ts),
            of: (item, try stream.catalog.features(of: offer.itemID)), facts,
            isView: isView && knowsViews, held: nil,
            draws: PricingDraws(explore: 0, depth: 0), isHoldout: false
        ).decision
    }
}
