extension OffPolicyEvaluation {
    /// What the decisions so far tell.
    public func report() -> OffPolicyReport {
        let summaries = sums.indices.map(policy)
        let others = policies.indices.filter { $0 != reference }
        let comparisons = reference.map { reference in
            others.map { compare($0, reference, of: others.count, summaries) }
        }
        let all = size + withoutPropensity
        return OffPolicyReport(
            decisions: decisions, evaluated: size, shoppers: sizes.count,
            withoutPropensity: all > 0 ? withoutPropensity / all : 0,
            confidence: 1 - settings.alpha, policies: summaries, comparisons: comparisons ?? [])
    }

    private func policy(_ index: Int) -> OffPolicyReport.Policy {
        var sums = self.sums[index]
        sums.grow(to: sizes.count)
        let weight = ClusteredMean(sums: sums.ratio, sizes: sizes)
        let unsupported = unsupportedShare(sums, weight)
        var summary = OffPolicyReport.Policy(
            policy: policies[index], refusals: [], value: nil, estimators: [:],
            effectiveSample: sums.effectiveSample, largestWeight: sums.largestShare,
            meanWeight: size > 0 ? weight.mean : 0, unsupported: unsupported)
        summary.refusals = refusals(summary, sums, weight)
        guard summary.refusals.isEmpty else { return summary }
        let robust = ClusteredMean(sums: sums.robust, sizes: sizes)
        var value = estimate(robust, alpha: settings.alpha)
        value.anytimeExact = sums.bounded?.interval(alpha: settings.alpha)
        summary.value = value
        summary.estimators = estimators(sums, robust)
        return summary
    }

    private func estimate(_ mean: ClusteredMean, alpha: Double) -> OffPolicyReport.Estimate {
        OffPolicyReport.Estimate(
            mean: mean.mean, interval: mean.interval(alpha: alpha),
            anytime: mean.sequence(alpha: alpha))
    }

    private func estimators(
        _ sums: PolicySums, _ robust: ClusteredMean
    ) -> [String: OffPolicyReport.Estimate] {
        let alpha = settings.alpha
        var direct = estimate(ClusteredMean(sums: sums.direct, sizes: sizes), alpha: alpha)
        direct.interval = nil
        direct.anytime = nil
        return [
            "ips": estimate(ClusteredMean(sums: sums.ips, sizes: sizes), alpha: alpha),
            "snips": estimate(ClusteredMean(sums: sums.ips, sizes: sums.ratio), alpha: alpha),
            "direct": direct,
            "dr": estimate(robust, alpha: alpha),
            "switch_dr": switchRobust(sums, robust),
        ]
    }

    /// Of the limits the one with the least variance and squared bias; the bias is what differs from the
    /// doubly robust estimate beyond chance.
    private func switchRobust(
        _ sums: PolicySums, _ robust: ClusteredMean
    ) -> OffPolicyReport.Estimate {
        var best = (
            risk: robust.standardError * robust.standardError, mean: robust, limit: Double?.none
        )
        for (limit, own) in zip(PolicySums.switches, sums.switched) {
            let mean = ClusteredMean(sums: own, sizes: sizes)
            let change = ClusteredMean(
                sums: zip(own, sums.robust).map { $0 - $1 }, sizes: sizes)
            let noise = change.standardError * change.standardError
            let bias = max(0, change.mean * change.mean - noise)
            let risk = mean.standardError * mean.standardError + bias
            if risk < best.risk { best = (risk, mean, limit) }
        }
        var found = estimate(best.mean, alpha: settings.alpha)
        found.limit = best.limit
        return found
    }

    private func compare(
        _ index: Int, _ reference: Int, of count: Int, _ summaries: [OffPolicyReport.Policy]
    ) -> OffPolicyReport.Comparison {
        var comparison = OffPolicyReport.Comparison(
            policy: policies[index], against: policies[reference], difference: nil,
            isDifferent: false)
        guard summaries[index].refusals.isEmpty, summaries[reference].refusals.isEmpty else {
            return comparison
        }
        let differences = zip(sums[index].robust, sums[reference].robust).map { $0 - $1 }
        let found = estimate(
            ClusteredMean(sums: differences, sizes: sizes), alpha: settings.alpha / Double(count))
        comparison.difference = found
        comparison.isDifferent = found.interval.map { !$0.contains(0) } ?? false
        return comparison
    }
}

// MARK: Refusals

extension OffPolicyEvaluation {
    /// Probability on actions that were not possible: as decisions tell it, as the whole log tells it of actions
    /// that it never took, and as the mean weight tells it, which is 1 where all was possible.
    private func unsupportedShare(_ sums: PolicySums, _ weight: ClusteredMean) -> Double {
        guard size > 0 else { return 0 }
        let never = sums.doubtful.filter { delivered[$0.key] == nil }.values.sorted()
        let told = (sums.unsupported + never.reduce(0, +)) / size
        let missing = 1 - weight.mean - 3 * weight.standardError
        return min(1, max(told, missing.isFinite ? missing : 0))
    }

    private func refusals(
        _ summary: OffPolicyReport.Policy, _ sums: PolicySums, _ weight: ClusteredMean
    ) -> [OffPolicyReport.Refusal] {
        typealias Refusal = OffPolicyReport.Refusal
        guard size > 0 else {
            let reason =
                withoutPropensity > 0 ? Refusal.Reason.propensity : Refusal.Reason.empty
            let message =
                withoutPropensity > 0
                ? "no decision has a propensity; log the probability with which each discount was chosen"
                : "there is no decision"
            return [Refusal(reason: reason, message: message)]
        }
        var found: [Refusal] = []
        let missing = withoutPropensity / (size + withoutPropensity)
        if missing > settings.unsupportedMax {
            found.append(
                Refusal(
                    reason: .propensity,
                    message:
                        "\(percent(missing)) of decisions have no propensity; log it for all of them"
                ))
        }
        if summary.unsupported > settings.unsupportedMax {
            found.append(Refusal(reason: .support, message: supportMessage(summary, sums)))
        }
        let effective = summary.effectiveSample
        // Without support no number of decisions helps.
        if effective < settings.effectiveMin, summary.unsupported <= settings.unsupportedMax {
            let factor = settings.effectiveMin / max(effective, 1)
            let needed = (size * factor).rounded(.up)
            found.append(
                Refusal(
                    reason: .effectiveSample,
                    message:
                        "the effective sample is \(rounded(effective)), below \(rounded(settings.effectiveMin)): about \(rounded(needed)) decisions like these are needed, \(rounded((factor).rounded(.up))) times as many, or more exploring where this policy differs"
                ))
        }
        if summary.largestWeight > settings.shareMax {
            let times = summary.largestWeight / settings.shareMax
            found.append(
                Refusal(
                    reason: .largestWeight,
                    message:
                        "one shopper has \(percent(summary.largestWeight)) of all weight, more than \(percent(settings.shareMax)): about \(rounded((size * times).rounded(.up))) decisions like these are needed, or larger propensities (the smallest is \(shortest(smallestPropensity)))"
                ))
        }
        return found
    }

    private func supportMessage(
        _ summary: OffPolicyReport.Policy, _ sums: PolicySums
    ) -> String {
        let never = sums.doubtful.keys.filter { delivered[$0] == nil }.sorted()
        let share = percent(summary.unsupported)
        var message = "\(share) of what this policy does was never possible"
        if !never.isEmpty {
            let depths = never.prefix(5).map { shortest(Double($0) / 100) }
            message += ": no decision of the log has the discount \(depths.joined(separator: ", "))"
        } else {
            message += ": the log's policy had no choice there (a propensity of 1), or not this one"
        }
        let wanted = max(settings.effectiveMin / max(size, 1), 0.01)
        return message
            + "; no amount of such traffic tells: explore these actions, with a propensity of \(percent(min(wanted, 1))) or more"
    }

    private func rounded(_ number: Double) -> String {
        number < 1e15 ? "\(Int(number.rounded()))" : "\(number)"
    }

    private func percent(_ share: Double) -> String {
        "\((share * 1000).rounded() / 10) %"
    }

    private func shortest(_ number: Double) -> String { "\(number)" }
}
