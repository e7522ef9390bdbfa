import Records

/// Estimates what other policies would have earned at the decisions of a log.
///
/// All policies are evaluated on the same decisions in one pass, and compared with one of them by the
/// differences on each decision. Conclusions rest on the doubly robust estimate; the others stand beside it.
/// Where a log cannot tell, it says so and gives no number.
///
/// Sources: Horvitz and Thompson (1952) for IPS; Swaminathan and Joachims, "The self-normalized estimator for
/// counterfactual learning" (2015); Dudík, Langford and Li, "Doubly robust policy evaluation and learning"
/// (2011); Wang, Agarwal and Dudík, "Optimal and adaptive off-policy evaluation in contextual bandits" (2017)
/// for switch-DR.
/// Complexity: a dozen numbers for each policy and shopper.
public struct OffPolicyEvaluation: Sendable {
    /// What is asked for before anything is concluded, and how sure.
    public struct Settings: Sendable {
        /// Of all conclusions together: 0.05 gives intervals of 95 %.
        public var alpha = 0.05
        /// The smallest effective sample.
        public var effectiveMin = 200.0
        /// The largest share of all weight that one shopper may have.
        public var shareMax = 0.05
        /// The largest share of a policy's actions that may have no support.
        public var unsupportedMax = 0.01
        /// What a reward can be, where that is known.
        public var rewards: ClosedRange<Double>?

        /// As the project has them.
        public init() {}
    }

    let settings: Settings
    /// Names of the policies, in the order of their terms.
    public let policies: [String]
    /// The policy that the others are compared with.
    public let reference: Int?
    private var numbers: [String: Int] = [:]
    private(set) var sizes: [Double] = []
    private(set) var sums: [PolicySums]
    private(set) var decisions = 0
    private(set) var size = 0.0
    private(set) var withoutPropensity = 0.0
    private(set) var delivered: [Int: Double] = [:]
    private(set) var smallestPropensity = 1.0

    /// - Parameters:
    ///   - policies: a name each.
    ///   - reference: the place of the policy that the others are compared with.
    public init(policies: [String], reference: Int? = nil, settings: Settings = Settings()) {
        precondition(reference.map(policies.indices.contains) ?? true)
        self.policies = policies
        self.reference = reference
        self.settings = settings
        sums = policies.map { _ in
            var sums = PolicySums()
            sums.bounded = settings.rewards.map { BoundedSequence(range: $0) }
            return sums
        }
    }

    /// Takes a decision and what each policy would have done; `nil`: what the log's policy did.
    ///
    /// One without a propensity is counted and not evaluated.
    /// - Throws: for what is out of range; then nothing was taken.
    public mutating func observe(
        _ row: LoggedDecision, _ probabilities: [[Double]?]
    ) throws(OffPolicyError) {
        try row.validate()
        precondition(probabilities.count == policies.count)
        var terms: [PolicyTerm] = []
        for own in probabilities {
            guard let own else {
                if row.actions[row.delivered].propensity != nil { terms.append(row.loggedTerm) }
                continue
            }
            if let term = try row.term(own) { terms.append(term) }
        }
        guard terms.count == policies.count else { return skip(row) }
        if !row.hasActionSet {
            for (index, own) in probabilities.enumerated() {
                for (action, mass) in zip(row.actions, own ?? [])
                where mass > 0 && action.propensity == nil {
                    sums[index].doubt(action.label, row.weight * mass)
                }
            }
        }
        take(row, terms)
    }

    /// The same where the terms are at hand, as those of densities are.
    public mutating func observe(
        _ row: LoggedDecision, terms: [PolicyTerm]
    ) throws(OffPolicyError) {
        try row.validate()
        precondition(terms.count == policies.count)
        take(row, terms)
    }

    private mutating func skip(_ row: LoggedDecision) {
        decisions += 1
        withoutPropensity += row.weight
    }

    private mutating func take(_ row: LoggedDecision, _ terms: [PolicyTerm]) {
        let shopper = numbers[row.shopper] ?? sizes.count
        if shopper == sizes.count {
            numbers[row.shopper] = shopper
            sizes.append(0)
        }
        decisions += 1
        size += row.weight
        sizes[shopper] += row.weight
        let own = row.actions[row.delivered]
        delivered[own.label, default: 0] += row.weight
        smallestPropensity = min(smallestPropensity, own.propensity ?? 1)
        // A row that counts for several stands for draws that were not seen one by one.
        if row.weight != 1 { for index in sums.indices { sums[index].bounded = nil } }
        for (index, term) in terms.enumerated() {
            sums[index].observe(term, row, prediction: own.prediction, shopper: shopper)
        }
    }
}
