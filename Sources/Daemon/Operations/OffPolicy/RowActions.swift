import OffPolicy

/// The distinct discounts of one decision: those of the log's action set, and those of the policies.
struct RowActions {
    private(set) var discounts: [Double]
    private(set) var propensities: [Double?]
    let delivered: Int
    private let isWhole: Bool

    /// - Throws: `BadLogLine` where the action set lacks what was delivered, or says otherwise of it.
    init(_ decision: JoinedDecision) throws {
        guard let actions = decision.actions else {
            discounts = [decision.offer.discount]
            propensities = [decision.offer.propensity]
            delivered = 0
            isWhole = false
            return
        }
        discounts = actions.map(\.discount)
        propensities = actions.map(\.propensity)
        isWhole = true
        func bad(_ reason: String) -> BadLogLine {
            BadLogLine(place: decision.place, reason: reason)
        }
        guard let place = Self.nearest(decision.offer.discount, discounts, decision) else {
            throw bad("'actions' lacks the delivered discount \(decision.offer.discount)")
        }
        if let own = decision.offer.propensity, abs(own - actions[place].propensity) > 1e-6 {
            throw bad(
                "'propensity' is \(own), and \(actions[place].propensity) in 'actions'")
        }
        guard actions[place].propensity > 0 else {
            throw bad("'actions' gives the delivered discount a propensity of 0")
        }
        delivered = place
    }

    private static func nearest(
        _ discount: Double, _ discounts: [Double], _ decision: JoinedDecision
    ) -> Int? {
        let near = discounts.indices.min {
            abs(discounts[$0] - discount) < abs(discounts[$1] - discount)
        }
        return near.flatMap { decision.isNear(discounts[$0], discount) ? $0 : nil }
    }

    /// The probabilities of a policy over `discounts`, which get those that are new.
    mutating func add(_ actions: PolicyActions, _ decision: JoinedDecision) -> [Int: Double] {
        var masses: [Int: Double] = [:]
        for (discount, probability) in zip(actions.discounts, actions.probabilities)
        where probability > 0 {
            if let place = Self.nearest(discount, discounts, decision) {
                masses[place, default: 0] += probability
            } else {
                // Where the log tells all that was possible, this was not.
                masses[discounts.count, default: 0] += probability
                discounts.append(discount)
                propensities.append(isWhole ? 0 : nil)
            }
        }
        return masses
    }

    /// The decision with a reward, its actions each with a prediction.
    func row(
        _ decision: JoinedDecision, reward: Double, prediction: (Double) -> Double
    ) -> LoggedDecision {
        LoggedDecision(
            shopper: decision.offer.userID,
            actions: zip(discounts, propensities).map { discount, propensity in
                LoggedDecision.Action(
                    label: Int((100 * discount).rounded()), propensity: propensity,
                    prediction: prediction(discount))
            }, delivered: delivered, reward: reward, weight: decision.weight)
    }
}
