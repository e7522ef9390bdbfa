import ContinualLearning
import Events
import ResponseModel

/// Learning before labels are final. What is scored is the prediction made when an example was
/// first learned, against the label it has in the end.
extension Engine {
    /// Whether examples are learned before their labels are final.
    var learnsEarly: Bool {
        configuration.learns && configuration.delayedFeedback != .wait
            && configuration.join.waitMs < configuration.join.windowMs
    }

    /// Learns an example that was bought, or was not bought within the wait.
    mutating func learnEarly(
        _ labelled: LabelledExample, _ example: TrainingExample, embedding: any TextEmbedding,
        into output: inout StepOutput
    ) throws {
        let isBought = Label.of(labelled.label).1
        guard let (served, weight) = try learn(example, isBought: isBought, embedding) else {
            return
        }
        counters.examples += 1
        let item = try features(of: example.itemID, embedding)
        learnMerchant(example, item)
        remember(
            example, item, .purchase, isBought, weight: isBought ? 1 : weight,
            servedLogit: served.logit)
        if isBought {
            score(example, item, .purchase, logit: served.logit, isPositive: true, into: &output)
        } else {
            join.keep(servedLogit: served.logit, of: labelled.id)
        }
    }

    /// Learns the purchase of an example that was learned as not bought.
    mutating func learnConversion(
        _ labelled: LabelledExample, _ example: TrainingExample, embedding: any TextEmbedding,
        into output: inout StepOutput
    ) throws {
        guard learnsEarly, tellsPurchases(labelled), let servedLogit = labelled.servedLogit else {
            return
        }
        let item = try features(of: example.itemID, embedding)
        score(example, item, .purchase, logit: servedLogit, isPositive: true, into: &output)
        if example.clicked == nil {
            _ = try learn(example, isBought: true, embedding)
        } else {
            // Its visit, if it had one, is remembered.
            learnView(
                example, item, true, served: servedLogit, early: true, remembers: false)
        }
    }

    /// Notes how long a purchase took, or that there was none.
    mutating func mature(
        _ labelled: LabelledExample, embedding: any TextEmbedding, into output: inout StepOutput
    ) throws {
        guard configuration.learns, labelled.isLearned else { return }
        if labelled.opening.isView, let clickedMs = labelled.firstClickMs,
            clickedMs - labelled.tsMs < configuration.join.clickWindowMs
        {
            clickDelays.add(delayMs: clickedMs - labelled.tsMs)
        }
        guard tellsPurchases(labelled) else { return }
        if let purchasedMs = labelled.purchasedMs {
            delays.add(delayMs: purchasedMs - labelled.tsMs)
        } else if learnsEarly, let servedLogit = labelled.servedLogit {
            let example = TrainingExample(labelled, weightMax: configuration.weightMax)
            let item = try features(of: example.itemID, embedding)
            score(example, item, .purchase, logit: servedLogit, isPositive: false, into: &output)
            _ = rewrite(example.memoryID, .purchase, label: false, weight: 1)
        }
    }

    /// The share of purchases that come after their examples were learned as not bought.
    var lateShare: Double {
        configuration.delayedFeedback == .fakeNegativeWeighted
            ? 1 : delays.shareAfter(configuration.join.waitMs)
    }

    /// What a label that may still change is weighted with, by the chance that there is a purchase.
    func earlyWeight(_ probability: Double, _ isBought: Bool) -> Double {
        let weights = ElapsedTimeWeights(purchaseProbability: probability, lateShare: lateShare)
        return isBought ? weights.positive : weights.negative
    }

    /// Learns one label with its weight; `nil` where the head could not take it.
    private mutating func learn(
        _ example: TrainingExample, isBought: Bool, _ embedding: any TextEmbedding
    ) throws -> (Prediction, weight: Double)? {
        learnPurchase(
            example, try features(of: example.itemID, embedding), isBought, early: true)
    }

    /// Teaches the purchase head whether a visit ended in a purchase.
    ///
    /// - Parameter early: whether the label may still change.
    /// - Returns: what the head said before, and the weight it was asked to learn with; `nil` where it could
    ///   not.
    mutating func learnPurchase(
        _ example: TrainingExample, _ item: ItemFeatures, _ isBought: Bool, early: Bool
    ) -> (Prediction, weight: Double)? {
        var head = heads.removeValue(forKey: .purchase) ?? freshHead(.purchase)
        defer { heads[.purchase] = head }
        do {
            let expected = try head.predict(example.exposure, item: item)
            let weight = early ? earlyWeight(expected.probability, isBought) : example.weight
            if isAnchor(example) { return (expected, weight) }
            let served = try teach(
                &head, .purchase, example, item, isBought, weight: weight)
            return (served, weight)
        } catch {
            counters.skipped += 1
            return nil
        }
    }
}
