import Events
import Records
import ResponseModel

/// Examples that a bound of the join closed before their labels were final.
///
/// Which ones close does not depend on their labels, so neither may what is learned: those that were
/// bought by then have been learned, and the others are learned as not taken, with the weight that
/// purchases still to come leave. These are nobody's when they come. How late labels are is told by
/// the examples whose windows end: where there is no room for all, by the join's witnesses.
extension Engine {
    /// Below this a label says nothing.
    private static let weightMin = 1e-6

    mutating func learnClosed(
        _ closed: EarlyClose, embedding: any TextEmbedding, into output: inout StepOutput
    ) throws {
        counters.overflowed += 1
        let labelled = closed.example
        let example = TrainingExample(labelled, weightMax: configuration.weightMax)
        let item = try features(of: example.itemID, embedding)
        let isView = labelled.opening.isView
        let tells = tellsPurchases(labelled) && closed.label != .purchased
        // Of a view both are predicted before either label is learned.
        let served = isView && tells ? labelled.servedLogit ?? viewLogit(example, item) : nil
        if isView, closed.awaitedClick {
            try learnClosedClick(closed, example, item, embedding, into: &output)
        }
        guard tells else { return }
        if closed.label == .notPurchased {
            completeClosed(closed, example, item, into: &output)
        } else if isView {
            learnClosedView(closed, example, item, served: served, into: &output)
        } else {
            learnClosedVisit(closed, example, item, into: &output)
        }
    }

    /// A view that was not clicked so far.
    private mutating func learnClosedClick(
        _ closed: EarlyClose, _ example: TrainingExample, _ item: ItemFeatures,
        _ embedding: any TextEmbedding, into output: inout StepOutput
    ) throws {
        guard let probability = prediction(.click, example, item)?.probability else { return }
        var example = example
        example.labels = [(.click, false)]
        example.weight =
            CensoredWeights(
                probability: probability, laterShare: clickDelays.shareAfter(closed.ageMs)
            ).negative
        guard example.weight > Self.weightMin else { return }
        try learn(example, embedding: embedding, into: &output)
    }

    /// A visit of whose purchase nothing was told.
    private mutating func learnClosedVisit(
        _ closed: EarlyClose, _ example: TrainingExample, _ item: ItemFeatures,
        into output: inout StepOutput
    ) {
        guard let expected = prediction(.purchase, example, item) else { return }
        let (weights, scale) = weights(closed, expected.probability)
        guard weights.negative > Self.weightMin else { return }
        var example = example
        var logit = expected.logit
        if configuration.learns {
            example.weight = weights.negative * scale
            guard let (served, _) = learnPurchase(example, item, false, early: false) else {
                return
            }
            logit = served.logit
            learnMerchant(example, item)
        }
        counters.examples += 1
        example.weight = weights.negative
        score(example, item, .purchase, logit: logit, isPositive: false, into: &output)
        guard configuration.learns else { return }
        remember(
            example, item, .purchase, false, weight: weights.negative, servedLogit: logit)
    }

    /// A view of whose purchase nothing was told.
    private mutating func learnClosedView(
        _ closed: EarlyClose, _ example: TrainingExample, _ item: ItemFeatures, served: Double?,
        into output: inout StepOutput
    ) {
        guard let served else {
            counters.skipped += 1
            return
        }
        let visit =
            example.clicked == true ? prediction(.purchase, example, item)?.probability : nil
        let (weights, scale) = weights(closed, visit ?? stableLogistic(served))
        guard weights.negative > Self.weightMin else { return }
        var example = example
        example.weight = weights.negative
        counters.examples += 1
        score(example, item, .purchase, logit: served, isPositive: false, into: &output)
        example.weight = weights.negative * scale
        learnView(example, item, false, served: served, early: false)
        _ = rewrite(example.memoryID, .purchase, label: false, weight: weights.negative)
    }

    /// One that was learned as not taken, with a weight that counted on later purchases being learned
    /// on top: what these would have come to is.
    private mutating func completeClosed(
        _ closed: EarlyClose, _ example: TrainingExample, _ item: ItemFeatures,
        into output: inout StepOutput
    ) {
        guard learnsEarly, let served = closed.example.servedLogit else { return }
        let isVisit = example.clicked != false
        guard
            let probability = isVisit
                ? prediction(.purchase, example, item)?.probability
                : viewLogit(example, item).map(stableLogistic)
        else { return }
        let (weights, scale) = weights(closed, probability)
        var example = example
        example.weight = weights.negative
        if weights.negative > Self.weightMin {
            score(example, item, .purchase, logit: served, isPositive: false, into: &output)
        }
        _ = rewrite(example.memoryID, .purchase, label: false, weight: weights.negative)
        example.weight = weights.positive * scale
        guard example.weight > Self.weightMin else { return }
        if example.clicked == nil {
            _ = learnPurchase(example, item, true, early: false)
        } else {
            learnView(example, item, true, served: served, early: false, remembers: false)
        }
    }

    /// What the label of a closed example counts for, and what every label of its kind is scaled by.
    private func weights(
        _ closed: EarlyClose, _ probability: Double
    ) -> (CensoredWeights, scale: Double) {
        let later =
            learnsEarly
            ? delays.shareAfter(closed.ageMs)
            : delays.shareAfter(closed.ageMs, within: join.configuration.waitMs)
        let weights = CensoredWeights(probability: probability, laterShare: later)
        return (weights, learnsEarly ? earlyWeight(probability, true) : 1)
    }

    /// What a head says of an example; `nil` where it cannot.
    private func prediction(
        _ label: Label, _ example: TrainingExample, _ item: ItemFeatures
    ) -> Prediction? {
        try? (heads[label] ?? freshHead(label)).predict(example.exposure, item: item)
    }
}
