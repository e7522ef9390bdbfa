import Events
import Pricing

/// A decision of a log, joined with what came of it.
struct JoinedDecision {
    /// The recommendation's id, or that of the event that told of the offer.
    let id: String
    let offer: Event.Offer
    let tsMs: Int64
    /// Where the log tells of it.
    let place: String
    /// Whether it was seen and not clicked yet when it was decided.
    let isView: Bool
    var isHoldout = false
    /// Whether the offer stood: it was made by an earlier decision.
    var isAgain = false
    var isRuled = false
    var actions: [LoggedDepth]?
    var sold = Sold()
    /// How many decisions it stands for.
    var weight = 1.0
    /// What the catalogue knew of the item when the decision's window closed.
    var item = KnownItem()

    /// The same as a price is decided on.
    var itemOffer: ItemOffer {
        ItemOffer(
            price: offer.price, cataloguePrice: item.price, cost: item.cost, stock: item.stock,
            deleted: item.isDeleted)
    }

    /// The price that was delivered.
    var price: Double { offer.price * (1 - offer.discount) }
}

/// What a decision has sold.
struct Sold {
    /// Net of what was given back while the offer's window was open.
    var units = 0
    /// A unit, where the log tells.
    var paid: Double?
}

/// What item events have told.
struct KnownItem {
    var price: Double?
    var cost: Double?
    var stock: Double?
    var isDeleted = false

    /// Takes over what an event says; what it leaves out stays.
    mutating func merge(_ event: Event.Item) {
        price = event.price ?? price
        cost = event.cost ?? cost
        stock = event.stock ?? stock
        if event.title != nil || event.deleted { isDeleted = event.deleted }
    }
}

/// What a log of decisions held beside them.
public struct DecisionCounts: Codable, Sendable {
    /// Lines read, blank ones apart.
    public var lines = 0
    /// Decisions whose windows have closed.
    public var decisions = 0
    /// Decisions that were open when the log ended: left out, whatever came of them.
    public var open = 0
    /// Decisions closed early for want of room, left out likewise.
    public var closedEarly = 0
    /// Offers that nobody decided: no propensity and no recommendation.
    public var undecided = 0
    /// Recommendations and events that came before under the same id.
    public var duplicates = 0
    /// Outcomes that do not say whether there was a purchase.
    public var withoutLabel = 0
    /// Purchases that belong to no open offer.
    public var unattributed = 0
    /// Views and clicks that came more than an hour of event time behind others of the same log.
    public var late = 0
    /// Events without a price, of items whose price the catalogue does not tell so far: left out.
    public var unpriced = 0

    enum CodingKeys: String, CodingKey {
        case lines, decisions, open, undecided, duplicates, unattributed, late, unpriced
        case closedEarly = "closed_early"
        case withoutLabel = "without_label"
    }
}
