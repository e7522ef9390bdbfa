/// What is known of one shopper's answer to discounts on one item, on the logit scale, whatever its
/// sign: `level + step · [d > 0] + slope · -log(1 - d)`.
public struct Answer: Sendable, Hashable {
    /// What the offset is off by without a discount.
    public internal(set) var level = 0.0
    /// What any discount changes.
    public internal(set) var step = 0.0
    /// What depth changes, by unit of -log(1 - d).
    public internal(set) var slope = 0.0
    /// How unsure the step is.
    public internal(set) var stepVariance = 0.0
    /// How unsure the slope is.
    public internal(set) var slopeVariance = 0.0
    /// Of step and slope.
    public internal(set) var covariance = 0.0
    /// Of the slope's variance, what shoppers who answer otherwise have no part in: what trying can find
    /// out about all of this kind.
    public internal(set) var sharedSlopeVariance = 0.0
    /// The same before anything was learned.
    var sharedSlopePrior = 1.0

    /// The share of what is to be learned about shoppers of this kind that is left: 1 where nothing is known.
    public var unknownShare: Double { min(1, sharedSlopeVariance / sharedSlopePrior) }

    /// Step and slope as decisions have them, not below zero: the step is cut first, and the slope is as
    /// it is given that.
    var served: (step: Double, slope: Double) {
        let cut = max(0, step)
        let pull = stepVariance > 0 ? covariance / stepVariance : 0
        return (cut, max(0, slope + pull * (cut - step)))
    }

    func variance(_ a: (step: Double, depth: Double)) -> Double { covariance(a, a) }

    func covariance(
        _ a: (step: Double, depth: Double), _ b: (step: Double, depth: Double)
    ) -> Double {
        a.step * b.step * stepVariance + a.depth * b.depth * slopeVariance
            + (a.step * b.depth + a.depth * b.step) * covariance
    }
}

/// Reading a head of answers to discounts.
extension ResponseHead {
    /// The answer of this shopper on this item in this situation.
    func answer(
        _ exposure: Exposure, item: ItemFeatures, evidence: Treatment.Evidence
    ) throws(ResponseError) -> Answer {
        try Self.check(exposure, item, dimension: dimension)
        let situation = try Situation(exposure, item, self)
        var row = FeatureRow()
        row.build(
            exposure, item, treatment: Treatment(step: 1, depth: 1, evidence: evidence),
            owners: situation.owners, reader: contextReader)
        var level = Query(
            entries: [Int32(GaussianCore.intercept), Int32(GaussianCore.drift)], values: [1, 1])
        var step = Query()
        var slope = Query(entries: [situation.entry], values: [1])
        // Of the item: of its text, and its own.
        var prior = configuration.itemVariance + (dimension > 0 ? configuration.textVariance : 0)
        for effect in row.dense {
            if FeatureRow.isStep(effect.group) {
                step.add(effect, self)
            } else if FeatureRow.isSlope(effect.group) {
                slope.add(effect, self)
                prior += configuration.scale * effect.group.priorVariance
            } else {
                level.add(effect, self)
            }
        }
        let shared = slope.variance
        for effect in row.tail {
            let cell = posterior.tail.cell(effect.key)
            if FeatureRow.isSlope(effect.group) {
                slope.add(self, cell, effect.group, effect.value)
            } else {
                level.add(self, cell, effect.group, effect.value)
            }
        }
        var answer = answer(level: level, step: step, slope: slope, situation)
        answer.sharedSlopeVariance = answer.slopeVariance - (slope.variance - shared)
        answer.sharedSlopePrior = prior
        return answer
    }

    /// The answer of nobody in particular on an item of this category, or on the mean of those told apart.
    func answer(category: String?, evidence: Treatment.Evidence) -> Answer {
        var step = Query()
        var slope = Query()
        if evidence != .decided {
            step.add(
                .init(key: FeatureHash.dense(.observedStep, 0), group: .observedStep, value: 1),
                self)
        }
        step.add(.init(key: FeatureHash.dense(.answerStep, 0), group: .answerStep, value: 1), self)
        slope.add(
            .init(key: FeatureHash.dense(.answerSlope, 0), group: .answerSlope, value: 1), self)
        if let category {
            let owner = FeatureHash.owner(.category, category)
            slope.add(
                .init(
                    key: FeatureHash.dense(.categorySlope, owner), group: .categorySlope, value: 1),
                self)
        } else {
            let known = posterior.dense.effects.filter { $0.group == .categorySlope }
            for effect in known {
                slope.add(
                    .init(
                        key: effect.key, group: effect.group, value: 1 / Double(known.count)), self)
            }
        }
        return answer(level: Query(), step: step, slope: slope, nil)
    }

    private func answer(
        level: Query, step: Query, slope: Query, _ situation: Situation?
    ) -> Answer {
        let known = evaluate(step, slope, prior: situation?.prior)
        return Answer(
            level: mean(level), step: known.first.logit, slope: known.second.logit,
            stepVariance: known.first.variance, slopeVariance: known.second.variance,
            covariance: known.covariance)
    }

    /// The mean slope of all; 0 before the first discount.
    var commonSlope: Double {
        let entry = posterior.dense.entry(FeatureHash.dense(.answerSlope, 0))
        return entry < 0 ? 0 : posterior.core.presentMean(Int(entry))
    }

    /// The categories whose slopes are told apart.
    var categories: [String] {
        posterior.dense.effects.filter { $0.group == .categorySlope }.map(\.name)
    }

    /// Standard deviation of shoppers' own slopes, as the stream has it.
    var shopperDeviation: Double {
        (1 / priors.tau[Int(TailGroup.userSlope.rawValue)]).squareRoot()
    }

    /// The slopes where context entries hold, the common one among them.
    var contextSlopes: [(name: String, mean: Double, variance: Double)] {
        let common = posterior.dense.entry(FeatureHash.dense(.answerSlope, 0))
        let effects = posterior.dense.effects.filter { $0.group == .contextSlope }
        let known = evaluate(
            effects.map {
                Query(
                    entries: common < 0 ? [$0.entry] : [$0.entry, common],
                    values: common < 0 ? [1] : [1, 1])
            }, prior: nil)
        return zip(effects, known).map { ($0.name, $1.logit, $1.variance) }
    }

    /// Takes over step, slope and categories' slopes that another model learned, into a head that has
    /// learned nothing.
    ///
    /// - Parameter covariance: Shape (N, N), of the entries in the order of `entries`.
    mutating func adopt(
        _ entries: [(group: DenseGroup, hash: UInt64, name: String)], mean: [Double],
        covariance: [Double]
    ) {
        precondition(posterior.dense.effects.isEmpty && posterior.core.block.active.isEmpty)
        let first = posterior.core.count
        for (place, entry) in entries.enumerated() {
            let own = covariance[place * (entries.count + 1)]
            let row =
                [Double](repeating: 0, count: first)
                + (0..<place).map { covariance[place * entries.count + $0] }
            let number = posterior.core.append(mean: mean[place], variance: own, row: row)
            posterior.dense.add(
                .init(
                    key: FeatureHash.dense(entry.group, entry.hash), group: entry.group,
                    entry: Int32(number), name: entry.name))
        }
        scalarsAreDirty = true
    }
}
