/// What is told of an example.
package enum Evidence: Sendable {
    /// Whether a view was clicked, or none that would be in its time.
    case click(Bool)
    /// A click of a view after its purchase label was told, which brings in the visit.
    case lateClick(bought: Bool, lateShare: Double?)
    /// Whether it was bought, for good but for refunds.
    case purchase(Bool)
    /// Whether it was bought so far.
    case purchaseSoFar(Bool, lateShare: Double)
    /// It was bought after it was learned as not bought so far.
    case conversion(lateShare: Double)
    /// It was learned as not bought so far, and never was.
    case expiry
    /// Nothing more will be told of it, and it was not bought so far.
    case closed(CensoredWeights, scale: Double)
    /// The same of one that was learned as not bought so far, counting on later purchases being learned.
    case closedEarly(CensoredWeights, scale: Double)
}

extension Evidence {
    /// Below this a label says nothing.
    static let weightMin = 1e-6

    /// The table of what evidence teaches.
    ///
    /// `w` is the example's weight, `early` one that counts on later purchases being learned, `c` and `s`
    /// a censored label's weight and its scale, `r` the rest of one. "Purchase" stands for the visit, or the
    /// view of one. Units are learned of every purchase that tells them, before all else.
    ///
    /// | evidence | learned | label | weight | scored with | remembered with |
    /// | --- | --- | --- | --- | --- | --- |
    /// | click | merchant, click | as told | w | w | w |
    /// | late click | visit | bought | early or w | | its weight, 1 if bought early |
    /// | purchase | merchant (visit), purchase | as told | w | w | w |
    /// | purchase so far | merchant (visit), purchase | as told | early | w if bought | its weight, 1 if bought |
    /// | conversion | purchase | bought | early | w | |
    /// | expiry | | not bought | | w | rewritten to 1 |
    /// | closed | merchant (visit), purchase | not bought | c·s | c | c |
    /// | closed early | | not bought | | c | rewritten to c |
    /// | | purchase | bought | r·s | | |
    ///
    /// - Parameters:
    ///   - served: what was predicted of the example when it was first learned, of a view in any case.
    package func lessons(_ example: TrainingExample, served: Double?) -> [Lesson] {
        let purchase: Lesson.Subject = example.clicked == nil ? .visit : .view
        let merchant = purchase == .visit ? [Lesson(subject: .merchant)] : []
        let w = example.weight
        switch self {
        case .click(let label):
            return [
                Lesson(subject: .merchant),
                Lesson(
                    subject: .click, label: label, weight: .sure(w), scored: w,
                    memory: .insert(weight: w), isNew: true),
            ]
        case .lateClick(let bought, let lateShare):
            return [
                Lesson(
                    subject: .visit, label: bought,
                    weight: lateShare.map { .early(lateShare: $0) } ?? .sure(w),
                    memory: .insert(weight: lateShare != nil && bought ? 1 : nil))
            ]
        case .purchase(let label):
            return merchant + [
                Lesson(
                    subject: purchase, label: label, weight: .sure(w), served: served, scored: w,
                    memory: .insert(weight: w), isNew: true)
            ]
        case .purchaseSoFar(let bought, let lateShare):
            return merchant + [
                Lesson(
                    subject: purchase, label: bought, weight: .early(lateShare: lateShare),
                    served: served, scored: bought ? w : nil,
                    memory: .insert(weight: bought ? 1 : nil), isNew: true,
                    keepsServed: purchase == .visit && !bought)
            ]
        case .conversion(let lateShare):
            return [
                Lesson(
                    subject: purchase, label: true, weight: .early(lateShare: lateShare),
                    served: served, scored: w)
            ]
        case .expiry:
            return [
                Lesson(
                    subject: .nothing, served: served, scored: w, memory: .rewrite(weight: 1))
            ]
        case .closed(let weights, let scale):
            guard weights.negative > Self.weightMin else { return [] }
            return merchant + [
                Lesson(
                    subject: purchase, weight: .sure(weights.negative * scale), served: served,
                    scored: weights.negative, memory: .insert(weight: weights.negative),
                    isNew: true)
            ]
        case .closedEarly(let weights, let scale):
            let counts = weights.negative > Self.weightMin
            let told = Lesson(
                subject: .nothing, served: served, scored: counts ? weights.negative : nil,
                memory: .rewrite(weight: weights.negative))
            let rest = weights.positive * scale
            guard rest > Self.weightMin else { return [told] }
            return [
                told,
                Lesson(subject: purchase, label: true, weight: .sure(rest), served: served),
            ]
        }
    }
}
