/// What a log tells of several policies.
public struct OffPolicyReport: Codable, Sendable {
    /// Decisions read, those without a propensity among them.
    public var decisions: Int
    /// Decisions, each as often as its weight says, that could be evaluated.
    public var evaluated: Double
    /// Shoppers of them.
    public var shoppers: Int
    /// The share of decisions without a propensity.
    public var withoutPropensity: Double
    /// One minus the probability that an interval of one policy is wrong.
    public var confidence: Double
    /// In the order they were given.
    public var policies: [Policy]
    /// Against the reference; empty without one. Intervals are corrected for their number.
    public var comparisons: [Comparison]

    /// What is told of one policy. All estimates are `nil` where the log cannot tell.
    public struct Policy: Codable, Sendable {
        /// As it was given.
        public var policy: String
        /// Why nothing is concluded; empty where something is.
        public var refusals: [Refusal]
        /// Reward a decision, doubly robust.
        public var value: Estimate?
        /// The other estimators, for comparison; of the direct method no interval is known.
        public var estimators: [String: Estimate]
        /// What the log's decisions are worth for this policy, in decisions of its own.
        public var effectiveSample: Double
        /// The largest share of all weight that one shopper has.
        public var largestWeight: Double
        /// Near 1 where all that the policy does was possible.
        public var meanWeight: Double
        /// The share of its actions that could not have been taken.
        public var unsupported: Double

        enum CodingKeys: String, CodingKey {
            case policy, refusals, value, estimators, unsupported
            case effectiveSample = "effective_sample"
            case largestWeight = "largest_weight"
            case meanWeight = "mean_weight"
        }
    }

    /// A number with its intervals.
    public struct Estimate: Codable, Sendable {
        /// Reward a decision.
        public var mean: Double
        /// For one look.
        public var interval: ConfidenceInterval?
        /// For looking as often as one likes, with many shoppers.
        public var anytime: ConfidenceInterval?
        /// For looking as often as one likes, exact: where rewards have bounds.
        public var anytimeExact: ConfidenceInterval?
        /// The largest ratio that was not left to the prediction, of switch-DR.
        public var limit: Double?

        enum CodingKeys: String, CodingKey {
            case mean, interval, anytime, limit
            case anytimeExact = "anytime_exact"
        }
    }

    /// Why nothing is concluded of a policy, and what would help.
    public struct Refusal: Codable, Sendable, Hashable {
        /// What is missing.
        public enum Reason: String, Codable, Sendable, Hashable {
            /// The effective sample is below what is asked for.
            case effectiveSample = "effective_sample"
            /// One shopper's weight is too large a part.
            case largestWeight = "largest_weight"
            /// The policy takes actions that were not possible.
            case support
            /// Decisions have no propensity.
            case propensity
            /// There is no decision.
            case empty
        }

        /// Which of them.
        public var reason: Reason
        /// In a sentence, with what would be needed.
        public var message: String
    }

    /// How much more one policy earns than the reference, on the same decisions.
    public struct Comparison: Codable, Sendable {
        /// The policy.
        public var policy: String
        /// What it is compared with.
        public var against: String
        /// Reward a decision; `nil` where either of the two is refused.
        public var difference: Estimate?
        /// Whether the interval for one look has zero outside.
        public var isDifferent: Bool

        enum CodingKeys: String, CodingKey {
            case policy, against, difference
            case isDifferent = "is_different"
        }
    }

    enum CodingKeys: String, CodingKey {
        case decisions, evaluated, shoppers, confidence, policies, comparisons
        case withoutPropensity = "without_propensity"
    }
}
