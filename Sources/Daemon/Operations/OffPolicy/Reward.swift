import OffPolicy
import Pricing

/// What a decision is to bring.
public enum Reward: String, Codable, Sendable, CaseIterable {
    /// What was paid less the cost of what was sold, and of the offer where there was a discount.
    case margin
    /// What was paid.
    case revenue
    /// Whether there was a purchase.
    case conversion
}

/// One kind of reward over the decisions of a log, with the model that predicts it.
struct RewardEvaluation {
    let reward: Reward
    private let offerCost: OfferCost
    private(set) var evaluation: OffPolicyEvaluation
    private var model = RewardModel()
    /// Decisions whose item has no known cost.
    private(set) var withoutCost = 0

    /// - Parameter offerCost: of margins; what is paid and whether there is a purchase do not ask for it.
    init(_ reward: Reward, _ evaluation: OffPolicyEvaluation, offerCost: OfferCost) {
        self.reward = reward
        self.offerCost = reward == .margin ? offerCost : OfferCost()
        self.evaluation = evaluation
    }

    /// What one unit brings at a discount; `nil` where the cost is unknown.
    private func payoff(_ decision: JoinedDecision, _ discount: Double, cost: Double?) -> Double? {
        switch reward {
        case .conversion: 1
        case .revenue: decision.offer.price * (1 - discount)
        case .margin: cost.map { decision.offer.price * (1 - discount) - $0 }
        }
    }

    /// What the offer itself costs.
    private func spent(
        _ decision: JoinedDecision, _ discount: Double, _ units: Double
    ) -> Double {
        guard discount > 0 else { return 0 }
        return offerCost.expected(min(1, units)) - (decision.isAgain ? offerCost.made : 0)
    }

    /// What the policies would have done: over the actions of the row, or as terms of densities.
    enum Answers {
        case probabilities([[Int: Double]?])
        case wanted([Double?], DepthKernel)
    }

    /// Predicts the decision, evaluates it and learns it, in this order.
    ///
    /// - Parameter cost: of a unit, where it is known or assumed.
    /// - Throws: `BadLogLine`.
    mutating func take(
        _ decision: JoinedDecision, _ actions: RowActions, _ answers: Answers, cost: Double?
    ) throws {
        let discount = decision.offer.discount
        guard let own = payoff(decision, discount, cost: cost) else {
            withoutCost += 1
            return
        }
        let (item, shopper) = (decision.offer.itemID, decision.offer.userID)
        let context = model.context(item: item, shopper: shopper)
        func predicted(_ depth: Double) -> Double {
            let units = model.predict(context, depth: depth)
            return (payoff(decision, depth, cost: cost) ?? 0) * units
                - spent(decision, depth, units)
        }
        let sold = decision.sold
        let units = Double(reward == .conversion ? min(sold.units, 1) : sold.units)
        let surplus = reward == .conversion ? 0 : (sold.paid.map { $0 - decision.price } ?? 0)
        let row = actions.row(
            decision, reward: units * (own + surplus) - spent(decision, discount, units),
            prediction: predicted)
        do throws(OffPolicyError) {
            switch answers {
            case .probabilities(let masses):
                try evaluation.observe(
                    row,
                    masses.map { masses in
                        masses.map { masses in row.actions.indices.map { masses[$0] ?? 0 } }
                    })
            case .wanted(let depths, let kernel):
                guard let propensity = decision.offer.propensity else {
                    try evaluation.observe(row, depths.map { _ in nil })
                    return
                }
                var terms: [PolicyTerm] = []
                for wanted in depths {
                    guard let wanted else {
                        terms.append(row.loggedTerm)
                        continue
                    }
                    // The log's density is that of a point, a hundredth.
                    terms.append(
                        try kernel.term(
                            depth: discount, density: 100 * propensity, wanted: wanted,
                            prediction: predicted))
                }
                try evaluation.observe(row, terms: terms)
            }
        } catch {
            throw BadLogLine(place: decision.place, reason: error.description)
        }
        model.learn(
            context, item: item, shopper: shopper, depth: discount, units: units,
            weight: decision.weight)
    }
}
