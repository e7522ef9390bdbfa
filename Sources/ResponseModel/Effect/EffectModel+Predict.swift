import Records

/// The logit of a response at one depth, as far as discounts cause it.
public struct CausalPrediction: Sendable, Hashable {
    /// Fraction of the list price.
    public let discount: Double
    /// At the means of level and answer.
    public let logit: Double
    /// Of the logit: the base's and the answer's together.
    public let variance: Double
    /// With the logit at no discount.
    public let covarianceWithBaseline: Double
    /// In the mean over what is not known of the answer.
    public let probability: Double
}

extension EffectModel {
    /// The response at each depth, never falling with it.
    ///
    /// A shopper's answer that is not known is one of many, and those that answer much weigh most: the
    /// probability is the mean over them. That counts as far as the rows have told of the common
    /// answer; a state that has learned nothing expects nothing of a discount.
    ///
    /// - Parameters:
    ///   - base: the head's prediction of the exposure without a discount.
    ///   - discounts: in rising order, from no discount on.
    public func demand(
        _ exposure: Exposure, item: ItemFeatures, base: Prediction, discounts: [Double]
    ) throws(ResponseError) -> [CausalPrediction] {
        try demand(
            exposure, item: item, base: base, discounts: discounts,
            answer: try answer(exposure, item: item))
    }

    /// What is known of this shopper's answer on this item; at the prior before the first discount.
    public func answer(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> Answer {
        try answers.answer(exposure.at(discount: 0), item: item, evidence: evidence)
    }

    /// - Parameter answer: that of this exposure.
    public func demand(
        _ exposure: Exposure, item: ItemFeatures, base: Prediction, discounts: [Double],
        answer: Answer
    ) throws(ResponseError) -> [CausalPrediction] {
        let evidence = evidence
        var level = base.logit
        // Effects count from what rows of this kind had in the mean, as they were learned.
        var center = (step: 0.0, depth: 0.0)
        if isAwake, evidence != .decided {
            let expected = try offers.expected(exposure, item)
            level += expected.step * association.value
            center = evidence == .logged ? logged.means : expected
        }
        level += answer.level
        let known = isAwake ? 1 - answer.unknownShare : 0
        let (step, slope) = answer.served
        let none = (step: -center.step, depth: -center.depth)
        let common = commonSlope
        var least = 0.0
        var highest = -Double.infinity
        return discounts.map { discount in
            let done = (
                step: isDiscounted(discount) ? 1.0 : 0, depth: answerDepth(discount, common)
            )
            let at = (step: done.step - center.step, depth: done.depth - center.depth)
            highest = max(
                highest,
                level + at.step * step + at.depth * slope
                    + form.roundPrices.bends(price: exposure.price, discount: discount))
            least = max(
                least, Self.mean(logit: highest, variance: known * max(0, answer.variance(done))))
            return CausalPrediction(
                discount: discount, logit: highest,
                variance: base.variance + max(0, answer.variance(at)),
                covarianceWithBaseline: base.variance + answer.covariance(none, at),
                probability: least)
        }
    }

    /// The mean of the logistic under a normal logit, by five points of Gauss and Hermite.
    static func mean(logit: Double, variance: Double) -> Double {
        guard variance > 1e-6 else { return stableLogistic(logit) }
        let deviation = variance.squareRoot()
        var sum = 8.0 / 15 * stableLogistic(logit)
        for (place, weight) in [
            (1.355_626_179_974_266, 0.222_075_922_005_613),
            (2.856_970_013_872_806, 0.011_257_411_327_721),
        ] {
            let distance = place * deviation
            sum += weight * (stableLogistic(logit - distance) + stableLogistic(logit + distance))
        }
        return sum
    }

    /// One answer drawn from the posterior, cut at zero: what each discount adds to the logit for nobody
    /// in particular.
    public func draw(
        category: String?, _ random: inout SeededRandom
    ) -> @Sendable (_ discount: Double) -> Double {
        let answer = answers.answer(category: category, evidence: evidence)
        let first = random.normal()
        let step = answer.step + answer.stepVariance.squareRoot() * first
        let pull = answer.covariance / answer.stepVariance
        let rest = max(answer.slopeVariance - pull * answer.covariance, 0)
        let slope =
            answer.slope + pull * (step - answer.step) + rest.squareRoot() * random.normal()
        let common = commonSlope
        return { discount in
            (isDiscounted(discount) ? max(0, step) : 0)
                + max(0, slope * answerDepth(discount, common))
        }
    }

    /// What a discount adds to the logit of nobody in particular as the rows have it, whatever the sign.
    public func unconstrained(
        _ discount: Double, category: String? = nil
    ) -> (mean: Double, deviation: Double) {
        let answer = answers.answer(category: category, evidence: evidence)
        let at = (step: 1.0, depth: answerDepth(discount, commonSlope))
        return (
            answer.step + at.depth * answer.slope, max(0, answer.variance(at)).squareRoot()
        )
    }

    /// What a discount adds to the logit of nobody in particular as decisions have it.
    public func served(_ discount: Double, category: String? = nil) -> Double {
        guard isDiscounted(discount) else { return 0 }
        let answer = answers.answer(category: category, evidence: evidence)
        let (step, slope) = answer.served
        return step + slope * answerDepth(discount, commonSlope)
    }

    /// What is known of the effects: uncut and as served.
    public var report: EffectReport {
        func entry(
            _ mean: Double, _ variance: Double, _ served: Double? = nil
        ) -> EffectReport.Slope {
            .init(
                unconstrained: mean, deviation: variance.squareRoot(),
                served: served ?? max(0, mean))
        }
        let common = answers.answer(category: nil, evidence: evidence)
        let categories = Dictionary(
            uniqueKeysWithValues: answers.categories.map { name in
                let own = answers.answer(category: name, evidence: evidence)
                return (name, entry(own.slope, own.slopeVariance, own.served.slope))
            })
        let contexts = Dictionary(
            answers.contextSlopes.map { ($0.name, entry($0.mean, $0.variance)) },
            uniquingKeysWith: { first, _ in first })
        return EffectReport(
            rows: rows.all, decidedRows: rows.decided, randomisedRows: rows.randomised,
            isTrusted: watch.trial.isTrusted, changes: watch.trial.changes,
            step: entry(common.step, common.stepVariance),
            slope: entry(common.slope, common.slopeVariance, common.served.slope),
            categories: categories,
            contexts: contexts, bends: form.shape.report, roundPrices: form.roundPrices.report,
            shopperDeviation: answers.shopperDeviation,
            signViolations: categories.values.count { $0.unconstrained < 0 },
            undiscounted: watch.undiscounted.report, discounted: watch.discounted.report)
    }
}

/// What discounts do, in logits: a step for any at all, and a slope in -log(1 - discount).
public struct EffectReport: Codable, Sendable, Equatable {
    /// Rows learned from.
    public var rows: Int
    /// Of the rows, those of our own decisions.
    public var decidedRows: Int
    /// Of the rows, those of another's choice with its propensity.
    public var randomisedRows: Int
    /// Whether rows of our own discounts have shown beyond chance that they are answered to as was learned.
    public var isTrusted: Bool
    /// How often answers were found to have changed, so that half of what was learned was forgotten.
    public var changes: Int
    /// What any discount at all adds.
    public var step: Slope
    /// What depth adds, by unit of -log(1 - discount); the mean over categories.
    public var slope: Slope
    /// The slope in each category that is told apart.
    public var categories: [String: Slope]
    /// The slope where a context entry holds.
    public var contexts: [String: Slope]
    /// What the common answer has beyond its slope, at each 5 % off up to a half.
    public var bends: [Bend]
    /// What a price adds from just below a round one, beyond the depth, by kind of round price.
    public var roundPrices: [RoundPrice]
    /// Standard deviation of shoppers' own slopes about these.
    public var shopperDeviation: Double
    /// Categories whose unconstrained slope is below zero.
    public var signViolations: Int
    /// Our own decisions for no discount, as expected and as they came.
    public var undiscounted: Promise
    /// Likewise those for one.
    public var discounted: Promise

    /// How often decisions of one kind are bought, beside what was expected of them, over the last 5,000 or so.
    public struct Promise: Codable, Sendable, Equatable {
        /// How many decisions the means are of, in weight.
        public var rows: Double
        /// The mean probability of a purchase before its label.
        public var expected: Double
        /// The share that was bought.
        public var bought: Double
        /// How often more was found to be bought than expected, beyond chance.
        public var more: Int
        /// How often less was.
        public var less: Int
    }

    /// One effect as it was learned and as it is used.
    public struct Slope: Codable, Sendable, Equatable {
        /// As the rows have it, with its standard deviation, whatever the sign.
        public var unconstrained: Double
        /// Standard deviation of `unconstrained`.
        public var deviation: Double
        /// What decisions use, never below zero.
        public var served: Double
    }

    /// What the common answer at one discount has beyond its slope.
    public struct Bend: Codable, Sendable, Equatable {
        /// Fraction of the list price.
        public var discount: Double
        /// Units: logits.
        public var mean: Double
        /// Standard deviation of `mean`.
        public var deviation: Double
    }

    /// What each round price of one kind adds that a discount takes the list price below.
    public struct RoundPrice: Codable, Sendable, Equatable {
        /// The kind: leading digits of the round prices.
        public var borders: String
        /// Units: logits.
        public var mean: Double
        /// Standard deviation of `mean`.
        public var deviation: Double
    }

    enum CodingKeys: String, CodingKey {
        case rows, changes, step, slope, categories, contexts, bends, undiscounted, discounted
        case isTrusted = "trusted"
        case decidedRows = "decided_rows"
        case randomisedRows = "randomised_rows"
        case roundPrices = "round_prices"
        case shopperDeviation = "shopper_deviation"
        case signViolations = "sign_violations"
    }
}
