import Records

/// What discounts do to a response, as opposed to what goes along with them, and whose response they
/// change.
///
/// A head's own slope in depth is an association: a shop that discounts what sells anyway teaches it
/// that discounts sell. Here a label is explained by what the head says of the exposure without a
/// discount, plus level and answer of everything that may differ in them (`Answer`): one Gaussian over
/// step and slope of all, of context entries, categories, brands, items, their texts, and shoppers.
/// Three kinds of evidence teach it:
///
/// - **Our own decisions**, hold-outs among them, count as they are: what the choice rests on is in
///   the posterior, and so the likelihood needs no weights.
/// - **Another's choices** count by what goes *beyond the discount to be expected* of such a row.
///   Errors of the base that depend on the row alone then do no first-order harm (Robinson 1988;
///   Chernozhukov and others 2018). The expectations are the `PropensityModel`'s.
/// - **Another's choices with a logged propensity** are weighted by how usual the discount is over its
///   propensity, and scaled down to their effective size: in the weighted rows the discount depends on
///   nothing, not even on what only the logging policy saw.
public struct EffectModel: Sendable {
    /// What a row is: the tables of each kind begin with its name.
    public enum Kind: String, Sendable {
        /// A visit, bought or not.
        case visits = "effect"
        /// A view, bought or not, whether it was clicked or not.
        case views = "view_effect"
    }

    /// Which rows it learns from.
    public let kind: Kind
    /// Fixed from the start.
    public let configuration: EffectConfiguration
    var answers: ResponseHead
    var offers: PropensityModel
    var logged = LoggedOffers()
    var form = Form()
    /// Mean over discounted rows of what the head makes of the discount itself.
    var association = RunningMean(rate: 0.01)
    /// The share of rows lately whose discount was our own decision.
    var decided = RunningMean(rate: 0.002)
    var rows = Rows()
    var watch = Watch()

    /// Until the first discount there is nothing to learn.
    public internal(set) var isAwake = false
    var isDirty = true

    /// What answers have in common, learned from our own decisions.
    struct Form: Sendable {
        /// What depths have in common whose answers are no line.
        var shape = AnswerShape()
        /// What prices add from just below a round one.
        var roundPrices = RoundPrices()
    }

    /// How many rows were learned.
    struct Rows: Sendable {
        var all = 0
        /// Of our own decisions.
        var decided = 0
        /// Of another's choice with a propensity between 0 and 1.
        var randomised = 0
    }

    /// What watches over our own decisions.
    struct Watch: Sendable {
        /// Whether answers are still what they were learned to be.
        var trial = AnswerTrial()
        /// Whether decisions for no discount, and those for one, are bought as expected.
        var undiscounted = PromiseWatch()
        var discounted = PromiseWatch()
    }

    /// Who chose a discount, or that there was none.
    public enum Choice: Sendable {
        /// We did; how it is heard of what came of it, and `nil` where it is learned alone.
        case ours(Hearing?)
        /// Another's policy, with this propensity where it is logged; 1 says that no other discount could have
        /// been, from which nothing is learned.
        case others(propensity: Double?)

        var isOurs: Bool {
            if case .ours = self { true } else { false }
        }
    }

    /// - Parameter dimension: length of the items' vectors; 0 where answers know nothing of texts.
    public init(
        _ kind: Kind = .visits, dimension: Int = 0,
        configuration: EffectConfiguration = EffectConfiguration()
    ) {
        self.kind = kind
        self.configuration = configuration
        answers = ResponseHead(
            name: kind.rawValue, dimension: dimension, configuration: configuration.answer)
        offers = PropensityModel(configuration, kind)
    }

    /// Rows of our own decisions that are enough to predict such decisions by, however many others there are.
    private static let ownRowsMin = 2_000

    /// The kind of evidence that predictions go by: that of our own decisions where there are enough of them,
    /// else that of most rows.
    var evidence: Treatment.Evidence {
        if decided.value > 0.5 || rows.decided >= Self.ownRowsMin { return .decided }
        return 2 * rows.randomised > rows.all - rows.decided ? .logged : .observed
    }

    /// Whether a row of this exposure would teach anything: until the first discount none does.
    public func isTaught(by exposure: Exposure) -> Bool {
        isAwake || isDiscounted(exposure.discount)
    }

    /// Learns what the discount of an example did.
    ///
    /// - Parameters:
    ///   - served: the head's logit of the exposure as it was, before the label.
    ///   - base: the head's logit of the same exposure without a discount.
    public mutating func learn(
        _ exposure: Exposure, item: ItemFeatures, label: Bool, weight: Double = 1,
        served: Double, base: Double, choice: Choice
    ) throws(ResponseError) {
        let isOffer = isDiscounted(exposure.discount)
        if isOffer { isAwake = true }
        guard isAwake else { return }
        isDirty = true
        var treatment = Treatment(
            step: isOffer ? 1 : 0, depth: PropensityModel.depth(exposure.discount),
            evidence: .decided)
        var offset = base
        var bends = 0.0
        if choice.isOurs {
            treatment.depth = answerDepth(exposure.discount, commonSlope)
            bends = form.roundPrices.bends(price: exposure.price, discount: exposure.discount)
            offset += bends
        }
        var weight = weight
        if case .others(let propensity) = choice {
            let expected = try offers.learn(exposure, item)
            offset += expected.step * association.value
            if isOffer { association.add(served - base) }
            if let propensity {
                guard propensity > 0, propensity < 1 else { return }
                let row = logged.weigh(
                    step: treatment.step, depth: treatment.depth, discount: exposure.discount,
                    propensity: propensity, weightMax: configuration.weightMax)
                rows.randomised += 1
                treatment = Treatment(step: row.step, depth: row.depth, evidence: .logged)
                weight *= row.weight
            } else {
                treatment = Treatment(
                    step: treatment.step - expected.step, depth: treatment.depth - expected.depth,
                    evidence: .observed)
            }
        } else {
            rows.decided += 1
        }
        decided.add(choice.isOurs ? 1 : 0)
        rows.all += 1
        let common = commonSlope
        let expected = try answers.learn(
            exposure.at(discount: 0), item: item, treatment: treatment, offset: offset,
            target: label ? 1 : 0, weight: weight)
        guard case .ours(let heard) = choice else { return }
        // Of what the answers expected, the form has had the common slope's share.
        let own = form.shape.bend(exposure.discount)
        form.shape.learn(
            discount: exposure.discount,
            logit: expected.logit + own * (1 - common / Self.shapeUnit(common)),
            target: label ? 1 : 0, weight: weight)
        form.roundPrices.learn(
            price: exposure.price, discount: exposure.discount, logit: expected.logit,
            target: label ? 1 : 0, weight: weight)
        guard let heard else { return }
        hear(
            label, exposure, heard, expected: expected.logit,
            answer: answers.last.treatedLogit + bends)
    }

    // MARK: What came of decisions

    /// How a label of one of our decisions is heard by what watches over them.
    public struct Hearing: Sendable {
        /// The newest time of the stream, epoch milliseconds.
        public let nowMs: Int64
        /// What the label counts for, whatever bounds let be learned of it; of a label that is not final it
        /// makes up for the rest.
        public let weight: Double

        /// Takes both as they are.
        public init(nowMs: Int64, weight: Double) {
            self.nowMs = nowMs
            self.weight = weight
        }
    }

    /// Hears of a decision whose label bounds have kept from being learned.
    public mutating func hear(
        _ exposure: Exposure, item: ItemFeatures, label: Bool, base: Double, _ heard: Hearing
    ) throws(ResponseError) {
        guard isAwake else { return }
        isDirty = true
        let known = try answers.answer(exposure.at(discount: 0), item: item, evidence: .decided)
        let step = isDiscounted(exposure.discount) ? known.step : 0
        let answer =
            step + known.slope * answerDepth(exposure.discount, commonSlope)
            + form.roundPrices.bends(price: exposure.price, discount: exposure.discount)
        hear(label, exposure, heard, expected: base + known.level + answer, answer: answer)
    }

    private mutating func hear(
        _ label: Bool, _ exposure: Exposure, _ heard: Hearing, expected: Double, answer: Double
    ) {
        let (ms, labelsMs) = (exposure.tsMs, configuration.labelsMs)
        guard isDiscounted(exposure.discount) else {
            watch.undiscounted.hear(label, expected: expected, atMs: ms, heard, labelsMs: labelsMs)
            return
        }
        watch.discounted.hear(label, expected: expected, atMs: ms, heard, labelsMs: labelsMs)
        watch.trial.hear(
            label, with: expected, without: expected - answer, atMs: ms, heard,
            labelsMs: labelsMs)
    }

    /// Takes in what is known of decisions whose labels are all there by a time.
    ///
    /// Where answers have changed, or discounted decisions are bought less than expected, half of what was
    /// learned of answers is forgotten. Not so where less is bought without a discount as well: then purchases
    /// are missing, and nothing is known of answers.
    ///
    /// - Parameters:
    ///   - ms: no label of a decision older than this by a window is still to come.
    ///   - nowMs: the newest time of the stream.
    public mutating func advance(toMs ms: Int64, nowMs: Int64) -> [EffectFinding] {
        let labelsMs = configuration.labelsMs
        guard
            watch.undiscounted.isDue(byMs: ms, labelsMs: labelsMs)
                || watch.discounted.isDue(byMs: ms, labelsMs: labelsMs)
                || watch.trial.isDue(byMs: ms, labelsMs: labelsMs)
        else { return [] }
        isDirty = true
        var findings: [EffectFinding] = []
        if let found = watch.undiscounted.advance(toMs: ms, labelsMs: labelsMs) {
            findings.append(found == .more ? .undiscountedBoughtMore : .undiscountedBoughtLess)
        }
        let isLost = watch.undiscounted.mayBeLess
        if findings == [.undiscountedBoughtLess] {
            // Decisions so far say nothing of answers.
            listenAnew(fromMs: nowMs)
            return findings
        }
        if !findings.isEmpty { watch.undiscounted.restart(fromMs: nowMs) }
        let isChanged = watch.trial.advance(toMs: ms, labelsMs: labelsMs, mayDoubt: !isLost)
        if isChanged { findings.append(.answersChanged) }
        let found = watch.discounted.advance(toMs: ms, labelsMs: labelsMs)
        if let found {
            findings.append(found == .more ? .discountedBoughtMore : .discountedBoughtLess)
            watch.discounted.restart(fromMs: nowMs)
        }
        guard isChanged || found == .less && !isLost else { return findings }
        answers.forgetTreatments(kept: 0.5)
        form = Form()
        // What is still to come of decisions so far was expected by what is forgotten.
        watch.trial.distrust()
        watch.trial.restart(fromMs: nowMs)
        watch.discounted.restart(fromMs: nowMs)
        return findings
    }

    /// Counts decisions from a time on alone: of those before, some labels were told to another state.
    public mutating func listenAnew(fromMs: Int64) {
        guard isAwake else { return }
        isDirty = true
        watch.trial.restart(fromMs: fromMs)
        watch.undiscounted.restart(fromMs: fromMs)
        watch.discounted.restart(fromMs: fromMs)
    }

    /// The slope in whose units the shape is counted, not below 1: where nobody answers the form of it
    /// matters little.
    private static func shapeUnit(_ commonSlope: Double) -> Double { max(1, commonSlope) }

    /// What nobody in particular answers to depth.
    var commonSlope: Double { answers.commonSlope }

    /// A discount as slopes count its depth: -log(1 - discount), bent as answers are in common.
    func answerDepth(_ discount: Double, _ commonSlope: Double) -> Double {
        PropensityModel.depth(discount) + form.shape.bend(discount) / Self.shapeUnit(commonSlope)
    }

    /// Forgets what is known of a user.
    public mutating func erase(user: String) {
        answers.erase(user: user)
        offers.any.erase(user: user)
        offers.deep.erase(user: user)
        isDirty = true
    }
}

/// What is found of decisions when their labels are there.
public enum EffectFinding: String, Sendable, Hashable, CaseIterable {
    /// Shoppers answer to discounts otherwise than was learned.
    case answersChanged = "answers_changed"
    /// Without a discount more is bought than expected, beyond chance.
    case undiscountedBoughtMore = "undiscounted_bought_more"
    /// Without a discount less is bought than expected, beyond chance.
    case undiscountedBoughtLess = "undiscounted_bought_less"
    /// With a discount more is bought than expected, beyond chance.
    case discountedBoughtMore = "discounted_bought_more"
    /// With a discount less is bought than expected, beyond chance.
    case discountedBoughtLess = "discounted_bought_less"
}

/// A mean that forgets: each value counts `rate`, the first ones more.
struct RunningMean: Sendable, Equatable {
    let rate: Double
    var value = 0.0
    var count = 0.0

    init(rate: Double) { self.rate = rate }

    mutating func add(_ x: Double) {
        count += 1
        value += max(rate, 1 / count) * (x - value)
    }
}

/// Rows whose propensity is logged: how usual each discount is among them.
struct LoggedOffers: Sendable, Equatable {
    static let bucketCount = 11
    /// Smaller propensities count as this one: their inverse would outweigh every other row.
    static let propensityMin = 1e-6

    var counts = [Double](repeating: 0, count: bucketCount)
    var weights = 0.0
    /// Sum of the weights' squares.
    var squares = 0.0
    var steps = 0.0
    var depths = 0.0
    var rows = 0.0

    /// No discount, then by tenths.
    private static func bucket(_ discount: Double) -> Int {
        isDiscounted(discount) ? 1 + min(Int(discount * 10), bucketCount - 2) : 0
    }

    /// Step and depth in the mean of the weighted rows.
    var means: (step: Double, depth: Double) {
        weights > 0 ? (steps / weights, depths / weights) : (0, 0)
    }

    /// The row's weight, and its step and depth less their weighted means, all as of before this row
    /// but for its own count.
    ///
    /// The weights come to the rows' effective size (Kish 1965): as powers of a likelihood they would
    /// otherwise claim more than the rows tell.
    mutating func weigh(
        step: Double, depth: Double, discount: Double, propensity: Double, weightMax: Double
    ) -> (step: Double, depth: Double, weight: Double) {
        counts[Self.bucket(discount)] += 1
        rows += 1
        let usual = counts[Self.bucket(discount)] / rows
        let ratio = usual / max(propensity, Self.propensityMin)
        // One in the mean over the discounts, so that no first row sets the scale for all.
        let mean = rows > 1 ? weights / (rows - 1) : 1
        let weight = min(ratio, weightMax * mean)
        weights += weight
        squares += weight * weight
        steps += weight * step
        depths += weight * depth
        return (step - means.step, depth - means.depth, weight * weights / squares)
    }
}
