import ContinualLearning
import Events
import ResponseModel

/// Examples: what the join has settled and what outcomes tell, as evidence to be learned.
extension Engine {
    /// Whether examples are learned before their labels are final.
    var learnsEarly: Bool {
        configuration.learns && configuration.delayedFeedback != .wait
            && configuration.join.waitMs < configuration.join.windowMs
    }

    /// The share of purchases that come after their examples were learned as not bought.
    var lateShare: Double {
        configuration.delayedFeedback == .fakeNegativeWeighted
            ? 1 : stream.delays.shareAfter(configuration.join.waitMs)
    }

    /// Learns what the join has settled, and corrects what it has found wrong.
    mutating func settle(_ outcomes: [JoinOutput], into output: inout StepOutput) throws {
        for outcome in outcomes { try settle(outcome, into: &output) }
        watchDecisions(into: &output)
    }

    private mutating func settle(_ outcome: JoinOutput, into output: inout StepOutput) throws {
        switch outcome {
        case .labelled(let example): try settle(example, into: &output)
        case .corrected(let id, let label):
            let expected = try correctUnits(id, label)
            correct(id, label, expectedUnits: expected)
        case .converted(let labelled):
            var example = TrainingExample(labelled, weightMax: configuration.weightMax)
            try learnUnits(&example)
            correct(
                labelled.id, labelled.label, expectedUnits: example.expectedUnits, weight: 1)
            guard learnsEarly, try tellsPurchases(labelled),
                let served = labelled.servedLogit
            else { return }
            learn(
                .conversion(lateShare: lateShare), example,
                try stream.catalog.features(of: example.itemID), served: served, into: &output)
        case .matured(let labelled): try mature(labelled, into: &output)
        case .unattributedPurchase(let eventID, let tsMs, let purchase):
            counters.unattributed += 1
            // Of something that was not seen before: it tells how many, and nothing of how likely.
            _ = try learnUnits(
                purchase.quantity, Exposure(purchase.offer, tsMs: tsMs),
                itemID: purchase.offer.itemID, memoryID: eventID)
        case .closedEarly(let closed):
            counters.overflowed += 1
            try learnClosed(closed, into: &output)
        case .superseded: counters.decisions += 1
        case .unmatchedRefund: counters.unmatchedRefunds += 1
        case .duplicate, .late: break  // counted where the event was handed in
        }
    }

    /// Learns a row of a log that tells its outcome. Of a view what is predicted of both labels is predicted
    /// before either is learned.
    mutating func learnOutcome(
        _ event: Event, _ joined: Joined, into output: inout StepOutput
    ) throws {
        guard case .outcome(let outcome) = event.body, joined.admission == .accepted else { return }
        var example = TrainingExample(event, outcome, weightMax: configuration.weightMax)
        // What is ahead of all others does not age what was learned.
        if let leapsFrom = stream.join.leap(of: event.tsMs) { example.exposure.tsMs = leapsFrom }
        try learnUnits(&example)
        let item = try stream.catalog.features(of: example.itemID)
        let isView = outcome.clicked != nil && outcome.purchased != nil
        let served = isView ? models.viewLogit(example.exposure, item) : nil
        if let clicked = outcome.clicked {
            learn(.click(clicked), example, item, into: &output)
        }
        guard let purchased = outcome.purchased else { return }
        guard !isView || served != nil else {
            counters.skipped += 1
            return
        }
        learn(.purchase(purchased), example, item, served: served, into: &output)
    }

    /// Learns a label that the join has settled.
    private mutating func settle(
        _ labelled: LabelledExample, into output: inout StepOutput
    ) throws {
        var example = TrainingExample(labelled, weightMax: configuration.weightMax)
        try learnUnits(&example)
        let (label, isPositive) = Label.of(labelled.label)
        let isView = labelled.opening.isView
        let tells = try tellsPurchases(labelled)
        guard labelled.isLearned, !isView || tells || label == .click else { return }
        let item = try stream.catalog.features(of: example.itemID)
        let served = isView && tells ? viewLogit(labelled, example, item) : nil
        guard label == .purchase else {
            learn(.click(isPositive), example, item, into: &output)
            // A click after the purchase label was told brings in the visit.
            if isView, tells, isPositive, labelled.servedLogit != nil {
                let evidence = Evidence.lateClick(
                    bought: labelled.purchasedMs != nil, lateShare: learnsEarly ? lateShare : nil)
                learn(evidence, example, item, into: &output)
            }
            return
        }
        guard !isView || served != nil else {
            counters.skipped += 1
            return
        }
        learn(
            learnsEarly ? .purchaseSoFar(isPositive, lateShare: lateShare) : .purchase(isPositive),
            example, item, served: served, id: labelled.id, into: &output)
    }

    /// What is predicted of a view's purchase: as it was kept with the first label, whichever that was, since
    /// neither head may know of the view by then.
    private mutating func viewLogit(
        _ labelled: LabelledExample, _ example: TrainingExample, _ item: ItemFeatures
    ) -> Double? {
        if let kept = labelled.servedLogit { return kept }
        let served = models.viewLogit(example.exposure, item)
        if let served { stream.join.keep(servedLogit: served, of: labelled.id) }
        return served
    }

    /// Whether what is bought of a view tells how well its offer sells. Where each click gets an offer of its
    /// own, purchases count for that one, and of what was shown before it cannot be told. Shoppers whom no
    /// offers are made to get none; a share that is changed holds for what is open then.
    mutating func tellsPurchases(_ labelled: LabelledExample) throws -> Bool {
        guard configuration.issuesDecisions, labelled.opening == .impression else { return true }
        return try !isLive(labelled.offer)
    }

    /// Notes how long a purchase took, or that there was none.
    private mutating func mature(
        _ labelled: LabelledExample, into output: inout StepOutput
    ) throws {
        guard configuration.learns, labelled.isLearned else { return }
        if labelled.opening.isView, let clickedMs = labelled.firstClickMs,
            clickedMs - labelled.tsMs < configuration.join.clickWindowMs
        {
            stream.clickDelays.add(delayMs: clickedMs - labelled.tsMs)
        }
        guard try tellsPurchases(labelled) else { return }
        if let purchasedMs = labelled.purchasedMs {
            stream.delays.add(delayMs: purchasedMs - labelled.tsMs)
        } else if learnsEarly, let served = labelled.servedLogit {
            let example = TrainingExample(labelled, weightMax: configuration.weightMax)
            learn(
                .expiry, example, try stream.catalog.features(of: example.itemID), served: served,
                into: &output)
        }
    }

    private mutating func correct(
        _ id: ExampleID, _ label: ExampleLabel, expectedUnits: Double?, weight: Double? = nil
    ) {
        let (head, isPositive) = Label.of(label)
        let isKnown = memory.rewrite(
            TrainingExample.memoryID(id), head, label: isPositive, units: label.units ?? 0,
            expectedUnits: expectedUnits.map { Float($0) }, weight: weight)
        if isKnown { counters.corrected += 1 }
    }
}
