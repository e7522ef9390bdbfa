import ContinualLearning
import Events
import Records
import ResponseModel

/// Predict, then learn: one lesson of the table at a time.
extension Engine {
    /// Teaches what evidence tells of an example.
    ///
    /// - Parameter served: what was predicted of it when it was first learned, of a view in any case.
    mutating func learn(
        _ evidence: Evidence, _ example: TrainingExample, _ item: ItemFeatures,
        served: Double? = nil, id: ExampleID? = nil, into output: inout StepOutput
    ) {
        for lesson in evidence.lessons(example, served: served) {
            learn(lesson, example, item, id: id, into: &output)
        }
    }

    private mutating func learn(
        _ lesson: Lesson, _ example: TrainingExample, _ item: ItemFeatures, id: ExampleID?,
        into output: inout StepOutput
    ) {
        if lesson.subject == .merchant {
            guard configuration.learns, configuration.learnsMerchant, example.isMerchants else {
                return
            }
        }
        let teaches = configuration.learns && !memory.isAnchor(example.memoryID)
        let learned = models.learn(
            lesson, example, item, teaches: teaches,
            nowMs: stream.join.newestMs ?? example.exposure.tsMs)
        counters.note(learned)
        if learned.bound == .user { boundedShoppers.note(example.exposure.user) }
        guard let logit = lesson.served ?? learned.served?.logit else { return }
        if lesson.isNew { counters.examples += 1 }
        let label: Label = lesson.subject == .click ? .click : .purchase
        if let weight = lesson.scored {
            score(
                example, item, label, logit: logit, isPositive: lesson.label, weight: weight,
                into: &output)
        }
        guard configuration.learns else { return }
        if lesson.keepsServed, let id { stream.join.keep(servedLogit: logit, of: id) }
        switch lesson.memory {
        case .none: break
        case .insert(let weight):
            guard let visit = learned.served else { return }
            remember(
                example, item, label, lesson.label, weight: weight ?? learned.weight,
                served: (visit.logit, learned.isFirst))
        case .rewrite(let weight):
            memory.rewrite(example.memoryID, .purchase, label: lesson.label, weight: weight)
        }
    }

    /// Keeps a learned example in replay memory, and an anchor among the anchors.
    private mutating func remember(
        _ example: TrainingExample, _ item: ItemFeatures, _ label: Label, _ outcome: Bool,
        weight: Double, served: (logit: Double, isFirst: Bool)
    ) {
        safety.tick(example.exposure.tsMs, newestMs: stream.join.newestMs)
        var remembered = MemoryExample(
            exampleId: example.memoryID, head: label.rawValue, itemId: example.itemID,
            exposure: example.exposure, label: outcome, servedLogit: served.logit,
            encoderVersion: refresh.encoderVersion)
        remembered.isFirst = served.isFirst
        if label == .purchase, outcome { remembered.units.count = example.units ?? 0 }
        remembered.units.expected = Float(example.expectedUnits)
        remembered.weight = weight
        memory.insert(remembered, category: item.category)
    }

    /// Looks at what came of decisions, once all that an event has settled is learned.
    mutating func watchDecisions(into output: inout StepOutput) {
        guard configuration.learns, let ms = stream.join.watermarkMs,
            let nowMs = stream.join.newestMs
        else { return }
        for (model, finding) in models.advance(toMs: ms, nowMs: nowMs) {
            output.notices.append(
                .effectFound(finding, model: model.rawValue, example: counters.examples))
        }
    }

    // MARK: Scores

    /// Holds what was predicted of an example against its label.
    private mutating func score(
        _ example: TrainingExample, _ item: ItemFeatures, _ label: Label, logit: Double,
        isPositive: Bool, weight: Double, into output: inout StepOutput
    ) {
        metrics.observe(
            head: label.index, logit: logit, label: isPositive, weight: weight,
            tsMs: example.exposure.tsMs, slices: example.slices(item))
        if configuration.learns, example.isWatched(weight: weight),
            safety.watch(label, logit: logit, isPositive: isPositive)
        {
            output.notices.append(.driftFound(head: label.rawValue, example: counters.examples))
            if configuration.onDrift == .refresh { refresh.hasten(counters.examples) }
        }
        if configuration.keepsPredictions {
            output.predictions.append(
                ServedPrediction(
                    eventID: example.eventID, itemID: example.itemID,
                    userID: example.exposure.user, head: label.rawValue, logit: logit,
                    probability: stableLogistic(logit), label: isPositive, weight: weight))
        }
    }
}

extension Counters {
    /// Counts what became of a lesson.
    mutating func note(_ learned: Learned) {
        skipped += learned.failures
        switch learned.bound {
        case .event: boundedEvents += 1
        case .user: boundedUsers += 1
        case .hour: boundedHours += 1
        case nil: break
        }
    }
}
