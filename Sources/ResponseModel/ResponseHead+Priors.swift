import CPosterior
import Records

extension ResponseHead {
    /// Estimates the prior variances of the tail's groups from their effects so far.
    ///
    ///     tau[g] = (sum (1 - tau[g] v) + a) / (sum m^2 + a / tau0[g])
    ///
    /// with v and m the effects' variances and means, and `a` the strength of the first value tau0.
    /// Source: MacKay, "Bayesian interpolation", 1992, equation 4.9 with a Gamma prior.
    mutating func estimatePriors() {
        var gamma = [Double](repeating: 0, count: priors.tau.count)
        var square = gamma
        unsafe posterior_group_sums(
            Int64(posterior.tail.cellCount), posterior.tail.cells.precision,
            posterior.tail.cells.eta, posterior.tail.cells.groups, priors.tau,
            &gamma, &square)
        let strength = configuration.priorStrength
        for group in TailGroup.allCases {
            let index = Int(group.rawValue)
            let first = 1 / (configuration.scale * group.priorVariance)
            priors.tau[index] = (gamma[index] + strength) / (square[index] + strength / first)
        }
        // A walk over the whole tail: on a large one less often, so that its share stays small.
        let pause = max(1, configuration.priorEventCount, posterior.tail.cellCount / 100)
        priors.nextEvent = eventCount + UInt64(pause)
    }
}

extension ResponseHead {
    /// Whether the text weights' prior variance is the stream's to tell.
    var learnsTextScale: Bool { dimension > 0 && configuration.textDeviation > 0 }

    /// Estimates the prior variance of the text weights from all events so far, and learns these again under
    /// it. No block may be open.
    mutating func estimateTextVariance() {
        priors.text.nextEvent = eventCount + max(1, eventCount / 2)
        let weights = GaussianCore.firstText..<GaussianCore.firstText + dimension
        let likeliest = posterior.core.likeliestVariance(
            of: weights, present: priors.text.variance,
            expected: configuration.scale * configuration.textVariance,
            deviation: configuration.textDeviation)
        // What moves by less is not worth the work.
        guard abs(stableLog(likeliest / priors.text.variance)) > 0.05 else { return }
        if posterior.core.setPriorVariance(of: weights, from: priors.text.variance, to: likeliest) {
            priors.text.variance = likeliest
        }
    }
}
