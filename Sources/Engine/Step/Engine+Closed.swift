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
    mutating func learnClosed(_ closed: EarlyClose, into output: inout StepOutput) throws {
        let labelled = closed.example
        let example = TrainingExample(labelled, weightMax: configuration.weightMax)
        let item = try stream.catalog.features(of: example.itemID)
        let isView = labelled.opening.isView
        let tells = try tellsPurchases(labelled) && closed.label != .purchased
        // Of a view both are predicted before either label is learned.
        let served =
            isView && tells
            ? labelled.servedLogit ?? models.viewLogit(example.exposure, item) : nil
        if isView, closed.awaitedClick { learnUnclicked(closed, example, item, into: &output) }
        guard tells else { return }
        if closed.label == .notPurchased {
            guard learnsEarly, let served = labelled.servedLogit,
                let weights = weights(of: closed, chance(example, item, served: nil))
            else { return }
            learn(
                .closedEarly(weights.censored, scale: weights.scale), example, item,
                served: served, into: &output)
            return
        }
        guard !isView || served != nil else {
            counters.skipped += 1
            return
        }
        guard let weights = weights(of: closed, chance(example, item, served: served)) else {
            return
        }
        learn(
            .closed(weights.censored, scale: weights.scale), example, item, served: served,
            into: &output)
    }

    /// A view that was not clicked so far.
    private mutating func learnUnclicked(
        _ closed: EarlyClose, _ example: TrainingExample, _ item: ItemFeatures,
        into output: inout StepOutput
    ) {
        guard let click = try? models.predict(.click, example.exposure, item) else { return }
        var example = example
        example.weight =
            CensoredWeights(
                probability: click.probability,
                laterShare: stream.clickDelays.shareAfter(closed.ageMs)
            ).negative
        guard example.weight > Evidence.weightMin else { return }
        learn(.click(false), example, item, into: &output)
    }

    /// The chance of a purchase; `nil` where it cannot be told. Of a view that was not clicked as `served`
    /// for it, or as it is put now.
    private mutating func chance(
        _ example: TrainingExample, _ item: ItemFeatures, served: Double?
    ) -> Double? {
        guard example.clicked == false else {
            let visit = try? models.predict(.purchase, example.exposure, item).probability
            return visit ?? served.map(stableLogistic)
        }
        return (served ?? models.viewLogit(example.exposure, item)).map(stableLogistic)
    }

    /// What the label of a closed example counts for, and what every label of its kind is scaled by.
    private func weights(
        of closed: EarlyClose, _ chance: Double?
    ) -> (censored: CensoredWeights, scale: Double)? {
        guard let chance else { return nil }
        let later =
            learnsEarly
            ? stream.delays.shareAfter(closed.ageMs)
            : stream.delays.shareAfter(closed.ageMs, within: stream.join.configuration.waitMs)
        let censored = CensoredWeights(probability: chance, laterShare: later)
        guard learnsEarly else { return (censored, 1) }
        let early = ElapsedTimeWeights(purchaseProbability: chance, lateShare: lateShare)
        return (censored, early.positive)
    }
}
