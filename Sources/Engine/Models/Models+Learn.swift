import Records
import ResponseModel

/// What became of a lesson.
struct Learned {
    /// What the model said before; `nil` where it could not take the lesson.
    var served: Prediction?
    /// The weight it was asked to learn with.
    var weight = 0.0
    /// The bound that let less of it in.
    var bound: MoveBound?
    /// Whether the head remembered nothing of the item before.
    var isFirst = false
    /// Models that could not take it.
    var failures = 0
}

extension Models {
    /// Teaches a lesson to the models it is for.
    ///
    /// - Parameters:
    ///   - teaches: whether it is learned; else it is only predicted.
    ///   - nowMs: the newest time of the stream.
    mutating func learn(
        _ lesson: Lesson, _ example: TrainingExample, _ item: ItemFeatures, teaches: Bool,
        nowMs: Int64
    ) -> Learned {
        switch lesson.subject {
        case .click, .visit:
            return learnHead(lesson, example, item, teaches: teaches, nowMs: nowMs)
        case .view: return learnView(lesson, example, item, teaches: teaches, nowMs: nowMs)
        case .merchant:
            do {
                try loggingPolicy.learn(example.exposure, item: item)
                return Learned()
            } catch { return Learned(failures: 1) }
        case .nothing: return Learned()
        }
    }

    /// Teaches a head the label, and of a visit that no view led to the effect model what the discount did.
    private mutating func learnHead(
        _ lesson: Lesson, _ example: TrainingExample, _ item: ItemFeatures, teaches: Bool,
        nowMs: Int64
    ) -> Learned {
        let label: Label = lesson.subject == .click ? .click : .purchase
        wake(label)
        do {
            let exposure = example.exposure
            let weight = try lesson.weight.value(lesson.label) {
                try predict(label, exposure, item).probability
            }
            let isFirst = heads[label]?.remembers(item: item.id) == false
            var learned =
                teaches
                ? try teach(
                    label, lesson.label, example, item,
                    EffectModel.Hearing(nowMs: nowMs, weight: weight))
                : Learned(served: try predict(label, exposure, item), weight: weight)
            learned.isFirst = isFirst
            return learned
        } catch { return Learned(failures: 1) }
    }

    /// Whether the discount of an example was our own choice: where the shop's habit is followed, it is the
    /// shop's.
    private func isDecided(_ example: TrainingExample) -> Bool {
        !example.isMerchants && !followsMerchant
    }

    /// Who chose the discount of an example.
    private func choice(
        _ example: TrainingExample, _ heard: EffectModel.Hearing?
    ) -> EffectModel.Choice {
        isDecided(example) ? .ours(heard) : .others(propensity: example.propensity)
    }

    /// What the watches hear of an example: of our own decisions, each of which stands for itself.
    private func heard(
        _ example: TrainingExample, _ hearing: EffectModel.Hearing
    ) -> EffectModel.Hearing? {
        isDecided(example) && example.weight == 1 ? hearing : nil
    }

    private mutating func teach(
        _ label: Label, _ outcome: Bool, _ example: TrainingExample, _ item: ItemFeatures,
        _ hearing: EffectModel.Hearing
    ) throws -> Learned {
        let (exposure, weight) = (example.exposure, hearing.weight)
        // Who came by a click on a discount is chosen by it, and tells nothing of what it does.
        let isEffect = label == .purchase && example.clicked == nil
        let isDiscounted = isEffect && exposure.discount > 0
        let base =
            isDiscounted ? try heads[label]?.logit(exposure.at(discount: 0), item: item) : nil
        guard
            let served = try heads[label]?.learn(
                exposure, item: item, label: outcome, weight: weight),
            let accepted = heads[label]?.accepted
        else { preconditionFailure("a lesson for a head that is not there") }
        // What the bounds keep from the head they keep from the effects as well.
        let learned = Learned(served: served, weight: weight, bound: accepted.bound)
        guard isEffect else { return learned }
        let heard = heard(example, hearing)
        if accepted.weight > 0 {
            try effect.learn(
                exposure, item: item, label: outcome, weight: accepted.weight,
                served: served.logit, base: base ?? served.logit,
                choice: choice(example, heard))
        } else if let heard {
            try effect.hear(
                exposure, item: item, label: outcome, base: base ?? served.logit, heard)
        }
        return learned
    }

    /// Learns of a view whether it was bought: the visit if it was clicked, and what its discount did.
    private mutating func learnView(
        _ lesson: Lesson, _ example: TrainingExample, _ item: ItemFeatures, teaches: Bool,
        nowMs: Int64
    ) -> Learned {
        guard let served = lesson.served else {
            preconditionFailure("a view is learned beside what was predicted of it")
        }
        var learned = Learned()
        var share = 1.0
        if example.clicked == true {
            learned = learnHead(lesson, example, item, teaches: teaches, nowMs: nowMs)
            guard learned.served != nil, teaches else { return learned }
            share = (heads[.purchase]?.accepted.weight ?? 0) / learned.weight
        }
        guard teaches, share > 0, viewEffect.isTaught(by: example.exposure) else { return learned }
        let weight = lesson.weight.value(lesson.label) { stableLogistic(served) }
        do {
            // The heads have learned the view by now; what they make of its discount hardly changed, what
            // they make of the rest was kept from before.
            let bare = example.exposure.at(discount: 0)
            guard let at = try knownViewLogit(example.exposure, item),
                let without = example.exposure.discount > 0 ? try knownViewLogit(bare, item) : at
            else { return learned }
            try viewEffect.learn(
                example.exposure, item: item, label: lesson.label, weight: share * weight,
                served: served, base: served - (at - without),
                choice: choice(
                    example, heard(example, EffectModel.Hearing(nowMs: nowMs, weight: weight))))
        } catch { learned.failures += 1 }
        return learned
    }
}
