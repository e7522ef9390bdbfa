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
    /// The offer that stands, where the decision kept to it.
    let held: HeldOffer?

    func recommendation(
        id: String, userID: String, itemID: String, snapshot: String, issuedMs: Int64,
        expiresMs: Int64
    ) -> Recommendation {
        Recommendation(
            recommendationID: id, userID: userID, itemID: itemID, discount: decision.discount,
            listPrice: decision.listPrice, price: decision.price,
            priorPrice: decision.priorPrice,
            expectedConversion: decision.expectedConversion,
            baselineConversion: decision.baselineConversion,
            // The same at every depth.
            expectedQuantity: demand[0].expectedQuantity, expectedMargin: decision.expectedMargin,
            incrementalMargin: decision.expectedMargin == nil ? nil : decision.incrementalMargin,
            propensity: decision.propensity, policy: decision.policy,
            explored: decision.explored, holdout: decision.holdout,
            snapshot: snapshot, issuedAt: Timestamp.text(ms: issuedMs),
            expiresAt: Timestamp.text(ms: expiresMs),
            rules: decision.rules.map(\.rawValue) + (held == nil ? [] : ["offer_held"]),
            reasons: reasons)
    }
}
