/// One decision of a log, with what came of it.
///
/// Its actions are those that the log's policy could have taken, as far as the log tells them, and those
/// that an evaluated policy would take.
public struct LoggedDecision: Sendable {
    /// One thing that could have been done.
    public struct Action: Sendable {
        /// The same number for the same action in every decision: a depth in whole percent, say.
        public var label: Int
        /// With which the log's policy took it: 0 where it could not have, `nil` where the log does not say.
        public var propensity: Double?
        /// The reward that was predicted of it before this decision was learned.
        public var prediction: Double

        /// Takes each field as it is; `OffPolicyEvaluation.observe` checks them.
        public init(label: Int, propensity: Double?, prediction: Double) {
            self.label = label
            self.propensity = propensity
            self.prediction = prediction
        }
    }

    /// Whose decision it is: decisions of one shopper are not independent.
    public var shopper: String
    /// Distinct, the delivered one among them.
    public var actions: [Action]
    /// The place of the delivered action in `actions`.
    public var delivered: Int
    /// What the delivered action brought.
    public var reward: Double
    /// How many decisions it stands for, where the log kept only some.
    public var weight: Double

    /// Takes each field as it is; `OffPolicyEvaluation.observe` checks them.
    public init(
        shopper: String, actions: [Action], delivered: Int, reward: Double, weight: Double = 1
    ) {
        self.shopper = shopper
        self.actions = actions
        self.delivered = delivered
        self.reward = reward
        self.weight = weight
    }

    /// Whether the log tells all that could have been done: the propensities sum to 1.
    public var hasActionSet: Bool {
        abs(actions.reduce(0) { $0 + ($1.propensity ?? 0) } - 1) < 1e-6
    }

    func validate() throws(OffPolicyError) {
        guard actions.indices.contains(delivered) else {
            throw .bad("the delivered action", Double(delivered), "one of \(actions.count) actions")
        }
        guard reward.isFinite else { throw .bad("the reward", reward, "finite") }
        guard weight.isFinite, weight > 0 else {
            throw .bad("the weight", weight, "finite and above 0")
        }
        for action in actions {
            guard action.prediction.isFinite else {
                throw .bad("a prediction", action.prediction, "finite")
            }
            if let propensity = action.propensity, !(0...1).contains(propensity) {
                throw .bad("a propensity", propensity, "in [0, 1]")
            }
        }
        if let own = actions[delivered].propensity, own <= 0 {
            throw .bad("the propensity of the delivered action", own, "above 0")
        }
    }
}

/// What an evaluated policy makes of one decision.
public struct PolicyTerm: Sendable {
    /// How much likelier it was to take the delivered action than the log's policy.
    public var ratio: Double
    /// The reward predicted of the policy's actions, in their mean.
    public var direct: Double
    /// The part of its probability on actions that could not have been taken, as far as this decision
    /// tells.
    public var unsupported: Double
    /// The ratio of each action with the policy's probability of it, where the log tells all of them.
    var ratios: [(ratio: Double, probability: Double, prediction: Double)]?

    /// - Parameters:
    ///   - ratio: likewise of densities, where depth is continuous.
    public init(ratio: Double, direct: Double, unsupported: Double = 0) {
        self.ratio = ratio
        self.direct = direct
        self.unsupported = unsupported
    }
}

extension LoggedDecision {
    /// The terms of a policy that takes `actions` with these probabilities.
    ///
    /// - Returns: `nil` where the delivered action has no propensity.
    /// - Throws: where they are no distribution over `actions`.
    public func term(_ probabilities: [Double]) throws(OffPolicyError) -> PolicyTerm? {
        guard probabilities.count == actions.count else {
            throw .bad(
                "the number of probabilities", Double(probabilities.count), "\(actions.count)")
        }
        for probability in probabilities where !(0...1 + 1e-9).contains(probability) {
            throw .bad("a policy's probability", probability, "in [0, 1]")
        }
        let sum = probabilities.reduce(0, +)
        guard abs(sum - 1) < 1e-6 else { throw .bad("the sum of probabilities", sum, "1") }
        guard let own = actions[delivered].propensity else { return nil }
        var term = PolicyTerm(ratio: probabilities[delivered] / own, direct: 0)
        for (action, probability) in zip(actions, probabilities) {
            term.direct += probability * action.prediction
        }
        if hasActionSet {
            var ratios: [(ratio: Double, probability: Double, prediction: Double)] = []
            for (action, probability) in zip(actions, probabilities) where probability > 0 {
                let propensity = action.propensity ?? 0
                if propensity > 0 {
                    ratios.append((probability / propensity, probability, action.prediction))
                } else {
                    term.unsupported += probability
                }
            }
            term.ratios = ratios
        } else if own >= 1 - 1e-9 {
            term.unsupported = 1 - probabilities[delivered]
        }
        return term
    }

    /// The terms of the policy that made the log: what came of it is its value.
    public var loggedTerm: PolicyTerm {
        var term = PolicyTerm(ratio: 1, direct: actions[delivered].prediction)
        term.ratios = [(1, 1, actions[delivered].prediction)]
        return term
    }
}

/// Why a decision cannot be evaluated.
public enum OffPolicyError: Error, Equatable, CustomStringConvertible {
    /// A number out of range.
    case bad(String, Double, String)

    /// A sentence that names the input, its value and what it should be.
    public var description: String {
        switch self {
        case .bad(let name, let value, let expected):
            "\(name) is \(value), which should be \(expected)"
        }
    }
}
