import Records

/// Whether answers to discounts are as they were learned, by what came of our own discounts.
///
/// Each discounted row speaks for its answer or against it: by the log likelihood of its label with the answer that
/// was expected, less that without any. Answers are trusted once the evidence for them comes to `end`, which it does
/// for none at all once in 160,000 such rows in the mean, or less often. Of trusted answers the evidence against them
/// comes to `end` once in as many, or less often, while they are what they were learned to be. Where it does they
/// have changed.
/// Source: Page, "Continuous inspection schemes", 1954; the bound is Lorden's, 1971.
struct AnswerTrial: Sendable, Equatable {
    /// Units: log likelihood.
    private static let end = 12.0

    /// For answers that are not trusted yet, or against those that are.
    private(set) var evidence = 0.0
    /// Whether rows have shown that discounts are answered to as was learned.
    private(set) var isTrusted = false
    /// How often the answers were found to have changed.
    private(set) var changes = 0
    private var cohorts = LabelCohorts()

    init() {}

    /// Hears what a discounted row says.
    ///
    /// - Parameters:
    ///   - with: the logit that was expected.
    ///   - without: the same without the answer to the discount.
    ///   - heard: how much the label counts, and when.
    mutating func hear(
        _ label: Bool, with: Double, without: Double, atMs ms: Int64,
        _ heard: EffectModel.Hearing, labelsMs: Int64
    ) {
        let sign = label ? 1.0 : -1
        let speaks =
            stableLog(stableLogistic(sign * with)) - stableLog(stableLogistic(sign * without))
        cohorts.add([heard.weight * speaks], atMs: ms, nowMs: heard.nowMs, labelsMs: labelsMs)
    }

    /// Whether there is a cohort of which all labels are there by a time.
    func isDue(byMs ms: Int64, labelsMs: Int64) -> Bool {
        cohorts.isDue(byMs: ms, labelsMs: labelsMs)
    }

    /// Takes in the cohorts of which all labels are there.
    ///
    /// - Parameter mayDoubt: whether it would be the answers' fault. Where purchases are missing everywhere, the
    ///   evidence against trusted answers waits at its end.
    /// - Returns: whether answers were found to have changed.
    mutating func advance(toMs ms: Int64, labelsMs: Int64, mayDoubt: Bool) -> Bool {
        while let sums = cohorts.next(byMs: ms, labelsMs: labelsMs) {
            evidence = max(0, evidence + (isTrusted ? -sums[0] : sums[0]))
            guard evidence >= Self.end else { continue }
            evidence = isTrusted && !mayDoubt ? Self.end : 0
            guard evidence == 0 else { continue }
            isTrusted.toggle()
            guard !isTrusted else { continue }
            changes += 1
            return true
        }
        return false
    }

    /// Begins anew, with decisions from a time on; what was found is kept.
    mutating func restart(fromMs: Int64) {
        evidence = 0
        cohorts = LabelCohorts(fromMs: fromMs)
    }

    /// Answers were found wrong by something else.
    mutating func distrust() { isTrusted = false }
}

extension AnswerTrial {
    func write(to writer: inout ByteWriter) {
        writer.double(evidence)
        writer.bool(isTrusted)
        writer.integer(Int64(changes))
        cohorts.write(to: &writer)
    }

    /// `nil` for what can be none.
    ///
    /// - Parameter hasCohorts: the version before had none.
    init?(from reader: inout ByteReader, hasCohorts: Bool) throws(ByteCodingError) {
        evidence = try reader.double()
        isTrusted = try reader.bool()
        changes = Int(try reader.integer(Int64.self))
        if hasCohorts {
            guard let kept = try LabelCohorts(from: &reader, width: 1) else { return nil }
            cohorts = kept
        }
        guard evidence >= 0, evidence.isFinite, changes >= 0 else { return nil }
    }
}
