import Records

/// Whether decisions of one kind are bought as often as was expected of them, whatever the model says of itself.
///
/// For each of some odds at which they might be bought instead, the log likelihood of what came is summed, less that
/// at the nearest odds that are still as expected; never below zero. Where one of the sums comes to `end`, decisions
/// are bought otherwise than expected. While the odds stay within `tolerance` of what was expected, each sum does so
/// once in a million hours of decisions, or less often.
/// Source: Page, "Continuous inspection schemes", 1954; Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric
/// framework for sequential change detection" (arXiv 2203.03532), with a supermartingale under all odds within
/// the tolerance.
package struct PromiseWatch: Sendable, Equatable {
    /// Units: log likelihood.
    private static let end = 14.0
    /// Log odds by which what is bought may be off.
    private static let tolerance = 0.25
    /// Log odds beyond the tolerance that are tried, more bought than expected first.
    private static let shifts = [0.2, 0.5, 1, -0.2, -0.5, -1]
    /// Evidence of fewer purchases beside which nothing is said of discounts.
    private static let doubt = 3.0
    /// Rows over which the figures are the mean.
    private static let memory = 5_000.0

    /// How decisions are bought that are not as expected.
    package enum Finding: Sendable, Hashable {
        case more, less
    }

    /// Of the rows lately: their weight, and times it what was expected and what came.
    private struct Lately: Sendable, Equatable {
        var weight = 0.0
        var expected = 0.0
        var bought = 0.0
    }

    private var evidence = [Double](repeating: 0, count: shifts.count)
    private var cohorts = LabelCohorts()
    private var lately = Lately()
    /// How often each was found.
    package private(set) var more = 0
    package private(set) var less = 0

    package init() {}

    /// Hears of one decision.
    ///
    /// - Parameters:
    ///   - expected: the logit of a purchase, before the label.
    ///   - heard: how much the label counts, and when.
    ///   - labelsMs: how long after a decision its label may still change.
    package mutating func hear(
        _ label: Bool, expected: Double, atMs ms: Int64, _ heard: EffectModel.Hearing,
        labelsMs: Int64
    ) {
        let weight = heard.weight
        let sign = label ? 1.0 : -1
        var values = Self.shifts.map { shift in
            let within = expected + (shift > 0 ? Self.tolerance : -Self.tolerance)
            return weight
                * (stableLog(stableLogistic(sign * (within + shift)))
                    - stableLog(stableLogistic(sign * within)))
        }
        values += [weight, weight * stableLogistic(expected), label ? weight : 0]
        cohorts.add(values, atMs: ms, nowMs: heard.nowMs, labelsMs: labelsMs)
    }

    /// Whether there is a cohort of which all labels are there by a time.
    func isDue(byMs ms: Int64, labelsMs: Int64) -> Bool {
        cohorts.isDue(byMs: ms, labelsMs: labelsMs)
    }

    /// Takes in the cohorts of which all labels are there.
    ///
    /// - Returns: what was found; then the watch is to begin anew.
    package mutating func advance(toMs ms: Int64, labelsMs: Int64) -> Finding? {
        while let sums = cohorts.next(byMs: ms, labelsMs: labelsMs) {
            let tests = Self.shifts.count
            let kept = stableExp(-sums[tests] / Self.memory)
            lately.weight = kept * lately.weight + sums[tests]
            lately.expected = kept * lately.expected + sums[tests + 1]
            lately.bought = kept * lately.bought + sums[tests + 2]
            for test in 0..<tests { evidence[test] = max(0, evidence[test] + sums[test]) }
            guard let found = evidence.indices.first(where: { evidence[$0] >= Self.end }) else {
                continue
            }
            if Self.shifts[found] > 0 { more += 1 } else { less += 1 }
            return Self.shifts[found] > 0 ? .more : .less
        }
        return nil
    }

    /// Begins anew, with decisions from a time on; counts and figures stay.
    package mutating func restart(fromMs: Int64) {
        for test in evidence.indices { evidence[test] = 0 }
        cohorts = LabelCohorts(fromMs: fromMs)
    }

    /// Whether there is some evidence that less is bought than expected.
    var mayBeLess: Bool {
        zip(Self.shifts, evidence).contains { $0 < 0 && $1 >= Self.doubt }
    }

    package var report: EffectReport.Promise {
        let weight = max(lately.weight, .leastNormalMagnitude)
        return .init(
            rows: lately.weight, expected: lately.expected / weight,
            bought: lately.bought / weight, more: more, less: less)
    }
}

extension PromiseWatch {
    package func write(to writer: inout ByteWriter) {
        writer.doubles(evidence + [lately.weight, lately.expected, lately.bought])
        writer.integer(Int64(more))
        writer.integer(Int64(less))
        cohorts.write(to: &writer)
    }

    /// `nil` for what can be none.
    package init?(from reader: inout ByteReader) throws(ByteCodingError) {
        let tests = Self.shifts.count
        let numbers = try reader.doubles()
        more = Int(try reader.integer(Int64.self))
        less = Int(try reader.integer(Int64.self))
        guard let kept = try LabelCohorts(from: &reader, width: tests + 3),
            numbers.count == tests + 3, numbers.allSatisfy({ $0 >= 0 && $0.isFinite }),
            more >= 0, less >= 0
        else { return nil }
        evidence = Array(numbers.prefix(tests))
        lately = Lately(
            weight: numbers[tests], expected: numbers[tests + 1], bought: numbers[tests + 2])
        cohorts = kept
    }
}
