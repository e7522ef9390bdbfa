import Records

/// The logit of a response at one depth, as far as discounts cause it.
public struct CausalPrediction: Sendable, Hashable {
    public let discount: Double
    public let logit: Double
    public let variance: Double
    /// With the logit at no discount.
    public let covarianceWithBaseline: Double

    public var probability: Double { stableLogistic(logit) }
}

extension EffectModel {
    /// Step and slope as they are served: not below zero, and how sure they are.
    ///
    /// The mean of what was cut at zero lies above the mode by as much as is not known. It is served as
    /// far as the rows have told of it: a state that has learned nothing serves the mode, and offers no
    /// discounts for its ignorance alone.
    struct Served {
        let step: TruncatedNormal
        let slope: TruncatedNormal
        let covariance: Double

        /// Cuts the step first, and then the slope as it is given that.
        init(_ posterior: EffectPosterior, _ category: String?) {
            let uncut = posterior.uncut(category)
            let prior = posterior.priorVariances(category)
            step = TruncatedNormal(
                mean: uncut.step, variance: uncut.stepVariance, prior: prior.step)
            let pull = uncut.covariance / uncut.stepVariance
            let kept = step.variance / uncut.stepVariance
            let given = max(uncut.slopeVariance - pull * uncut.covariance * (1 - kept), 1e-12)
            slope = TruncatedNormal(
                mean: uncut.slope + pull * (step.served - uncut.step), variance: given,
                prior: prior.slope)
            covariance = uncut.covariance * kept * (slope.variance / given).squareRoot()
        }

        func value(_ step: Double, _ depth: Double) -> Double {
            step * self.step.served + depth * slope.served
        }

        func covariance(_ a: (Double, Double), _ b: (Double, Double)) -> Double {
            a.0 * b.0 * step.variance + a.1 * b.1 * slope.variance
                + (a.0 * b.1 + a.1 * b.0) * covariance
        }
    }

    /// The response at each depth, never falling with it.
    ///
    /// - Parameters:
    ///   - base: the head's prediction of the exposure without a discount.
    ///   - discounts: in rising order, from no discount on.
    public func demand(
        _ exposure: Exposure, item: ItemFeatures, base: Prediction, discounts: [Double]
    ) throws(ResponseError) -> [CausalPrediction] {
        let expected = isAwake ? try offers.expected(exposure, item) : (step: 0, depth: 0)
        // Effects count from what rows of this kind had in the mean, as they were learned.
        let center = isMostlyLogged ? logged.means : expected
        let own = isMostlyLogged ? EffectPosterior.loggedLevel : EffectPosterior.observedLevel
        let level = base.logit + expected.step * association.value + posterior.mean[own]
        let served = Served(posterior, item.category)
        let none = (-center.step, -center.depth)
        return discounts.map { discount in
            let offered = Self.isOffer(exposure.at(discount: discount))
            let at = (
                (offered ? 1 : 0) - center.step, OfferModel.depth(discount) - center.depth
            )
            return CausalPrediction(
                discount: discount, logit: level + served.value(at.0, at.1),
                variance: base.variance + max(0, served.covariance(at, at)),
                covarianceWithBaseline: base.variance + served.covariance(none, at))
        }
    }

    /// One effect drawn from the posterior: what each discount adds to the logit.
    public func draw(
        category: String?, _ random: inout SeededRandom
    ) -> @Sendable (_ discount: Double) -> Double {
        let uncut = posterior.uncut(category)
        // By rejection where that is likely to end soon, else at the boundary, where the density is.
        func cut(_ mean: Double, _ variance: Double) -> Double {
            let deviation = variance.squareRoot()
            for _ in 0..<64 {
                let value = mean + deviation * random.normal()
                if value >= 0 { return value }
            }
            return 0
        }
        let step = cut(uncut.step, uncut.stepVariance)
        let pull = uncut.covariance / uncut.stepVariance
        let slope = cut(
            uncut.slope + pull * (step - uncut.step),
            max(uncut.slopeVariance - pull * uncut.covariance, 1e-12))
        return { discount in
            (discount > 0.01 ? step : 0) + slope * OfferModel.depth(discount)
        }
    }

    /// What a discount adds to the logit as the rows have it, whatever the sign.
    public func unconstrained(
        _ discount: Double, category: String? = nil
    ) -> (mean: Double, deviation: Double) {
        let uncut = posterior.uncut(category)
        let depth = OfferModel.depth(discount)
        let variance =
            uncut.stepVariance + 2 * depth * uncut.covariance + depth * depth * uncut.slopeVariance
        return (uncut.step + depth * uncut.slope, max(0, variance).squareRoot())
    }

    /// What a discount adds to the logit as decisions have it.
    public func served(_ discount: Double, category: String? = nil) -> Double {
        let served = Served(posterior, category)
        return discount > 0.01 ? served.value(1, OfferModel.depth(discount)) : 0
    }

    /// What is known of the effects: uncut and as served.
    public var report: EffectReport {
        func entry(_ category: String?) -> EffectReport.Slope {
            let uncut = posterior.uncut(category)
            let served = Served(posterior, category)
            return EffectReport.Slope(
                unconstrained: uncut.slope, deviation: uncut.slopeVariance.squareRoot(),
                served: served.slope.served)
        }
        let uncut = posterior.uncut(nil)
        let served = Served(posterior, nil)
        let categories = Dictionary(
            uniqueKeysWithValues: posterior.categories.map { ($0, entry($0)) })
        return EffectReport(
            rows: rows, randomisedRows: randomisedRows,
            step: .init(
                unconstrained: uncut.step, deviation: uncut.stepVariance.squareRoot(),
                served: served.step.served),
            slope: entry(nil), categories: categories,
            signViolations: categories.values.count { $0.unconstrained < 0 })
    }
}

/// What discounts do, in logits: a step for any at all, and a slope in -log(1 - discount).
public struct EffectReport: Codable, Sendable, Equatable {
    /// Rows learned from, and those of them with a logged propensity.
    public var rows: Int
    public var randomisedRows: Int
    public var step: Slope
    public var slope: Slope
    public var categories: [String: Slope]
    /// Categories whose unconstrained slope is below zero.
    public var signViolations: Int

    public struct Slope: Codable, Sendable, Equatable {
        /// As the rows have it, with its standard deviation, whatever the sign.
        public var unconstrained: Double
        public var deviation: Double
        /// What decisions use, never below zero.
        public var served: Double
    }

    enum CodingKeys: String, CodingKey {
        case rows, step, slope, categories
        case randomisedRows = "randomised_rows"
        case signViolations = "sign_violations"
    }
}
