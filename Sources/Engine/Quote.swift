import Events
import Pricing
import Records

/// A decision with what it rests on, before it becomes a recommendation.
struct Quote {
    let decision: Decision
    /// Expected conversion at each depth of the grid.
    let demand: [DemandPoint]
    /// Standard deviation of the conversion's logit at each of them.
    let logitDeviations: [Double]
    /// What speaks for and against a purchase, the largest first.
    let reasons: [Recommendation.Reason]

    /// Whether the discount is the merchant's habit and not the decision's.
    private(set) var isMerchants = false
    /// The offer that stands and is kept, in place of the decision's.
    private(set) var held: HeldOffer?
    private(set) var discount: Double
    private(set) var price: Double
    private(set) var expectedConversion: Double
    private(set) var expectedMargin: Double?
    private(set) var incrementalMargin: Double?

    init(
        decision: Decision, demand: [DemandPoint], logitDeviations: [Double],
        reasons: [Recommendation.Reason]
    ) {
        self.decision = decision
        self.demand = demand
        self.logitDeviations = logitDeviations
        self.reasons = reasons
        discount = decision.discount
        price = decision.price
        expectedConversion = decision.expectedConversion
        expectedMargin = decision.expectedMargin
        incrementalMargin = decision.expectedMargin == nil ? nil : decision.incrementalMargin
    }

    /// Offers what the merchant would, at the price the rules deliver it at.
    mutating func follow(_ delivered: DeliveredPrice, cost: Double?) {
        isMerchants = true
        discount = delivered.discount
        take(delivered, cost: cost)
    }

    /// Keeps an offer that stands, at the price the rules deliver it at today.
    mutating func keep(_ offer: HeldOffer, at delivered: DeliveredPrice, cost: Double?) {
        held = offer
        discount = offer.discount
        take(delivered, cost: cost)
    }

    private mutating func take(_ delivered: DeliveredPrice, cost: Double?) {
        price = delivered.price
        let point = demand[delivered.depthIndex]
        expectedConversion = point.probability
        expectedMargin = cost.map {
            (delivered.price - $0) * point.probability * point.expectedQuantity
        }
        incrementalMargin = cost.flatMap { cost in
            let none = demand[0].probability * demand[0].expectedQuantity
            return expectedMargin.map { $0 - (decision.listPrice - cost) * none }
        }
    }

    func recommendation(
        id: String, userID: String, itemID: String, snapshot: String, issuedMs: Int64,
        expiresMs: Int64
    ) -> Recommendation {
        Recommendation(
            recommendationID: id, userID: userID, itemID: itemID, discount: discount,
            listPrice: decision.listPrice, price: price, expectedConversion: expectedConversion,
            baselineConversion: decision.baselineConversion,
            // The same at every depth.
            expectedQuantity: demand[0].expectedQuantity, expectedMargin: expectedMargin,
            incrementalMargin: incrementalMargin,
            propensity: held?.propensity ?? (isMerchants ? 1 : decision.propensity),
            policy: isMerchants ? "merchant" : decision.policy,
            explored: held?.explored ?? (!isMerchants && decision.explored),
            holdout: decision.holdout,
            snapshot: snapshot, issuedAt: Timestamp.text(ms: issuedMs),
            expiresAt: Timestamp.text(ms: expiresMs),
            rules: decision.rules.map(\.rawValue) + (held == nil ? [] : ["offer_held"]),
            reasons: reasons)
    }
}
