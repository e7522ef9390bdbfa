import ContinualLearning
import Events
import Records
import ResponseModel

/// Views: of which it is known whether they were clicked. Learned over all of them.
///
/// | row | click head | purchase head | effect of visits | effect of views | scored for purchase |
/// | --- | --- | --- | --- | --- | --- |
/// | visit | | yes | yes | | the purchase head |
/// | view, clicked | yes | yes | | yes | the product |
/// | view, not clicked | yes | | | yes, as not bought unless it was | the product |
extension Engine {
    /// Whether views were learned, clicked and bought, so that one can be asked about.
    public var knowsViews: Bool { heads[.click] != nil && heads[.purchase] != nil }

    /// What is predicted of a view's purchase; `nil` where that cannot be.
    mutating func viewLogit(_ example: TrainingExample, _ item: ItemFeatures) -> Double? {
        for label in Label.allCases where heads[label] == nil { heads[label] = freshHead(label) }
        return try? viewLogit(example.exposure, item)
    }

    private func viewLogit(
        _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> Double? {
        guard let click = heads[.click], let purchase = heads[.purchase] else { return nil }
        return ViewResponse.logit(
            click: try click.logit(exposure, item: item),
            purchase: try purchase.logit(exposure, item: item))
    }

    /// What comes of a view, with how sure that is.
    func viewResponse(
        _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> ViewResponse {
        ViewResponse(
            click: try (heads[.click] ?? freshHead(.click)).predict(exposure, item: item),
            purchase: try (heads[.purchase] ?? freshHead(.purchase)).predict(exposure, item: item))
    }

    /// Learns a label of a view that the join has settled.
    ///
    /// What is predicted of its purchase is kept with the first label, whichever that is, since neither
    /// head may know of the view by then. A click after the purchase label was told brings in the visit.
    mutating func settleView(
        _ labelled: LabelledExample, _ example: TrainingExample, _ embedding: any TextEmbedding,
        into output: inout StepOutput
    ) throws {
        guard tellsPurchases(labelled) else {
            if case (.click, _) = Label.of(labelled.label) {
                try learn(example, embedding: embedding, into: &output)
            }
            return
        }
        let item = try features(of: example.itemID, embedding)
        let served = labelled.servedLogit ?? viewLogit(example, item)
        if let served, labelled.servedLogit == nil {
            join.keep(servedLogit: served, of: labelled.id)
        }
        switch Label.of(labelled.label) {
        case (.click, let isClicked):
            try learn(example, embedding: embedding, into: &output)
            if isClicked, labelled.servedLogit != nil {
                learnVisit(example, item, labelled.purchasedMs != nil, early: learnsEarly)
            }
        case (.purchase, let isBought):
            learnViewed(
                example, item, isBought, served: served, early: learnsEarly, into: &output)
        }
    }

    /// Whether what is bought of a view tells how well its offer sells. Where each click gets an offer of its
    /// own, purchases count for that one, and of what was shown before it cannot be told.
    func tellsPurchases(_ labelled: LabelledExample) -> Bool {
        !configuration.issuesDecisions || labelled.opening != .impression
    }

    /// Scores a view's purchase, unless the label may still change, and learns it.
    mutating func learnViewed(
        _ example: TrainingExample, _ item: ItemFeatures, _ isBought: Bool, served: Double?,
        early: Bool, into output: inout StepOutput
    ) {
        guard let served else {
            counters.skipped += 1
            return
        }
        counters.examples += 1
        if isBought || !early {
            score(example, item, .purchase, logit: served, isPositive: isBought, into: &output)
        }
        learnView(example, item, isBought, served: served, early: early)
    }

    /// Learns of a view whether it was bought: the visit if it was clicked, and what its discount did.
    mutating func learnView(
        _ example: TrainingExample, _ item: ItemFeatures, _ isBought: Bool, served: Double,
        early: Bool, remembers: Bool = true
    ) {
        guard configuration.learns else { return }
        let share =
            example.clicked == true
            ? learnVisit(example, item, isBought, early: early, remembers: remembers) : 1
        guard share > 0, !isAnchor(example), viewEffect.isTaught(by: example.exposure) else {
            return
        }
        let weight = early ? earlyWeight(stableLogistic(served), isBought) : example.weight
        do {
            // The heads have learned the view by now; what they make of its discount hardly changed, what
            // they make of the rest was kept from before.
            let bare = example.exposure.at(discount: 0)
            guard let at = try viewLogit(example.exposure, item),
                let without = example.exposure.discount > 0 ? try viewLogit(bare, item) : at
            else { return }
            try viewEffect.learn(
                example.exposure, item: item, label: isBought, weight: share * weight,
                served: served, base: served - (at - without), propensity: example.propensity,
                isDecided: isDecided(example))
        } catch { counters.skipped += 1 }
    }

    /// Teaches the purchase head the visit that a view's click began.
    ///
    /// - Returns: the share of it that the bounds let in.
    @discardableResult
    private mutating func learnVisit(
        _ example: TrainingExample, _ item: ItemFeatures, _ isBought: Bool, early: Bool,
        remembers: Bool = true
    ) -> Double {
        guard configuration.learns,
            let (served, weight) = learnPurchase(example, item, isBought, early: early)
        else { return 0 }
        if remembers {
            remember(
                example, item, .purchase, isBought,
                weight: early && isBought ? 1 : weight, servedLogit: served.logit)
        }
        return isAnchor(example) ? 1 : (heads[.purchase]?.accepted.weight ?? 0) / weight
    }
}
