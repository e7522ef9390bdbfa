import ContinualLearning
import Events
import Records
import ResponseModel

/// What is predicted of an exposure; each has a response head of its own.
public enum Label: String, Sendable, CaseIterable {
    case click, purchase

    var index: Int { self == .click ? 0 : 1 }
}

/// One exposure whose outcome is known.
struct TrainingExample {
    /// What predictions are listed under: the event or recommendation that opened it.
    let eventID: String
    /// What replay memory knows it by.
    let memoryID: String
    let itemID: String
    var exposure: Exposure
    var labels: [(Label, Bool)]
    /// Of a view, whether it was clicked, as far as is known; `nil` of what is no view.
    let clicked: Bool?
    /// Of a purchase, net of refunds, where they are known.
    let units: Int?
    /// What was expected of them, once they are learned.
    var expectedUnits = 1.0
    /// How many exposures it stands for, where its log kept only some; below 1 where its label is not
    /// sure to be final.
    var weight: Double
    /// With which its discount was chosen, where that is known.
    let propensity: Double?
    /// Whether the discount was the shop's own, and not a decision of ours.
    let isMerchants: Bool

    /// - Parameter weightMax: `EngineConfiguration.weightMax`.
    init(_ event: Event, _ outcome: Event.Outcome, weightMax: Double) {
        eventID = event.eventID
        memoryID = event.eventID
        itemID = outcome.offer.itemID
        exposure = Exposure(outcome.offer, tsMs: event.tsMs)
        labels = [(.click, outcome.clicked), (.purchase, outcome.purchased)].compactMap {
            label, value in value.map { (label, $0) }
        }
        clicked = outcome.clicked
        units = outcome.purchased == true ? outcome.quantity : nil
        weight = 1 / max(outcome.samplingRate ?? 1, 1 / weightMax)
        propensity = outcome.offer.propensity.map { max($0, 1 / weightMax) }
        isMerchants = outcome.offer.recommendationID == nil
    }

    /// - Parameter weightMax: `EngineConfiguration.weightMax`.
    init(_ example: LabelledExample, weightMax: Double) {
        eventID = example.openedBy
        memoryID = Self.memoryID(example.id)
        itemID = example.offer.itemID
        exposure = Exposure(example.offer, tsMs: example.tsMs)
        labels = [Label.of(example.label)]
        clicked = example.opening.isView ? example.clicked : nil
        units = example.label.units
        weight = 1
        propensity = example.offer.propensity.map { max($0, 1 / weightMax) }
        isMerchants = !example.opening.isIssued && example.offer.recommendationID == nil
    }

    /// Apart from the ids of outcome rows, which are their producers' own.
    static func memoryID(_ id: ExampleID) -> String { "join:\(id)" }
}

extension Event {
    /// The smaller of what its weight is the inverse of; 1 where it says nothing.
    var leastRate: Double {
        var rate = offer?.propensity ?? 1
        if case .outcome(let outcome) = body { rate = min(rate, outcome.samplingRate ?? 1) }
        return rate
    }
}

extension Label {
    /// The head that a joined label belongs to, and the label itself.
    static func of(_ label: ExampleLabel) -> (Label, Bool) {
        switch label {
        case .clicked: (.click, true)
        case .notClicked: (.click, false)
        case .purchased: (.purchase, true)
        case .notPurchased: (.purchase, false)
        }
    }
}

extension ExampleLabel {
    /// Units that were bought, net of refunds; `nil` where nothing was.
    var units: Int? {
        if case .purchased(let quantity, _) = self { quantity } else { nil }
    }
}

extension LabelledExample {
    /// Whether a label belongs to what is predicted: whether a view is clicked, whether it is bought, and
    /// whether a visit ends in a purchase. A decision that a click asked for was clicked before it was
    /// made.
    var isLearned: Bool { opening != .decision || Label.of(label).0 != .click }
}

extension Exposure {
    init(_ offer: Event.Offer, tsMs: Int64, discount: Double? = nil) {
        self.init(
            tsMs: tsMs, user: offer.userID, price: offer.price,
            discount: discount ?? offer.discount,
            context: offer.context.map { attribute in
                switch attribute.value {
                case .number(let number): (attribute.key, .number(number))
                case .text(let text): (attribute.key, .text(text))
                }
            })
    }
}

extension Engine {
    /// Predicts, keeps the score, and, where it is to learn, learns and remembers the example.
    mutating func learn(
        _ example: TrainingExample, embedding: any TextEmbedding, into output: inout StepOutput
    ) throws {
        let item = try features(of: example.itemID, embedding)
        learnMerchant(example, item)
        // Of a view both are predicted before either label is learned.
        let view = example.labels.count == 2 ? viewLogit(example, item) : nil
        for (label, outcome) in example.labels {
            if label == .purchase, example.clicked != nil {
                learnViewed(example, item, outcome, served: view, early: false, into: &output)
                continue
            }
            if heads[label] == nil { heads[label] = freshHead(label) }
            // Taken out and put back, so that the head's storage is not copied.
            guard var head = heads.removeValue(forKey: label) else { continue }
            defer { heads[label] = head }
            let served: Prediction
            let isAnchor = isAnchor(example)
            do {
                served =
                    configuration.learns && !isAnchor
                    ? try teach(&head, label, example, item, outcome, weight: example.weight)
                    : try head.predict(example.exposure, item: item)
            } catch {
                counters.skipped += 1
                continue
            }
            counters.examples += 1
            score(example, item, label, logit: served.logit, isPositive: outcome, into: &output)
            guard configuration.learns else { continue }
            remember(
                example, item, label, outcome, weight: example.weight, servedLogit: served.logit)
        }
    }

    /// Learns which discount the shop itself gave.
    mutating func learnMerchant(_ example: TrainingExample, _ item: ItemFeatures) {
        guard configuration.learns, configuration.learnsMerchant, example.isMerchants else {
            return
        }
        do { try apprentice.learn(example.exposure, item: item) } catch { counters.skipped += 1 }
    }

    /// Whether the discount of an example was our own choice: where the shop's habit is followed, it is the
    /// shop's.
    func isDecided(_ example: TrainingExample) -> Bool {
        !example.isMerchants && !configuration.followsMerchant
    }

    /// Whether an example is kept from learning, for the heads to be judged by.
    func isAnchor(_ example: TrainingExample) -> Bool { anchors.isAnchor(example.memoryID) }

    /// Keeps a learned example in replay memory, and an anchor among the anchors.
    mutating func remember(
        _ example: TrainingExample, _ item: ItemFeatures, _ label: Label, _ outcome: Bool,
        weight: Double, servedLogit: Double
    ) {
        tick(example.exposure.tsMs)
        let remembered = MemoryExample(
            exampleId: example.memoryID, head: label.rawValue, itemId: example.itemID,
            exposure: example.exposure, label: outcome,
            units: label == .purchase && outcome ? example.units ?? 0 : 0,
            expectedUnits: Float(example.expectedUnits), weight: weight,
            servedLogit: servedLogit, encoderVersion: encoderVersion)
        if isAnchor(example) {
            anchors.memory.insert(remembered, category: item.category)
        } else {
            memory.insert(remembered, category: item.category)
        }
    }

    /// Holds what was predicted of an example against its label.
    mutating func score(
        _ example: TrainingExample, _ item: ItemFeatures, _ label: Label, logit: Double,
        isPositive: Bool, into output: inout StepOutput
    ) {
        metrics.observe(
            head: label.index, logit: logit, label: isPositive, weight: example.weight,
            tsMs: example.exposure.tsMs, slices: slices(of: example, item))
        if configuration.learns, isWatched(example) {
            watch(label, logit: logit, isPositive: isPositive, &output)
        }
        if configuration.keepsPredictions {
            output.predictions.append(
                ServedPrediction(
                    eventID: example.eventID, itemID: example.itemID,
                    userID: example.exposure.user, head: label.rawValue, logit: logit,
                    probability: stableLogistic(logit), label: isPositive, weight: example.weight))
        }
    }

    /// Whether the drift detectors, which know no weights, see an example: of those that count for
    /// less than one they see such a share.
    private func isWatched(_ example: TrainingExample) -> Bool {
        guard example.weight < 1 else { return true }
        let place = StableHash.of(example.memoryID, seed: 0xd21f_7a11) >> 11
        return Double(place) * 0x1p-53 < example.weight
    }

    /// Has the drift detectors look at a prediction, and does what is configured for an alarm.
    private mutating func watch(
        _ label: Label, logit: Double, isPositive: Bool, _ output: inout StepOutput
    ) {
        guard drift[label, default: DriftMonitor()].observe(logit: logit, label: isPositive) else {
            return
        }
        output.notices.append(.driftFound(head: label.rawValue, example: counters.examples))
        guard configuration.onDrift == .refresh, configuration.refresh.events > 0,
            case .idle(let nextAt) = refresh
        else { return }
        refresh = .idle(nextAt: min(nextAt, counters.examples))
    }

    /// Teaches the head the label, and for purchases the effect model what the discount did.
    ///
    /// - Returns: what the head said before.
    mutating func teach(
        _ head: inout ResponseHead, _ label: Label, _ example: TrainingExample,
        _ item: ItemFeatures, _ outcome: Bool, weight: Double
    ) throws -> Prediction {
        let exposure = example.exposure
        // Who came by a click on a discount is chosen by it, and tells nothing of what it does.
        let isEffect = label == .purchase && example.clicked == nil
        let isDiscounted = isEffect && exposure.discount > 0
        let base =
            isDiscounted ? try head.logit(exposure.at(discount: 0), item: item) : nil
        let served = try head.learn(exposure, item: item, label: outcome, weight: weight)
        switch head.accepted.bound {
        case .event: counters.boundedEvents += 1
        case .user: counters.boundedUsers += 1
        case .hour: counters.boundedHours += 1
        case nil: break
        }
        // What the bounds keep from the head they keep from the effects as well.
        if isEffect, head.accepted.weight > 0 {
            try effect.learn(
                exposure, item: item, label: outcome, weight: head.accepted.weight,
                served: served.logit,
                base: base ?? served.logit, propensity: example.propensity,
                isDecided: isDecided(example))
        }
        return served
    }

    /// What an example's score is reported under, besides everything: its category, and how deep
    /// its discount is.
    private func slices(of example: TrainingExample, _ item: ItemFeatures) -> [String] {
        let depth = ReplayMemory.depthNames[ReplayMemory.depthBucket(example.exposure.discount)]
        return ["discount=\(depth)"] + (item.category.map { ["category=\($0)"] } ?? [])
    }

    /// Learns what the join has settled, and corrects what it has found wrong.
    mutating func settle(
        _ outcome: JoinOutput, embedding: any TextEmbedding, into output: inout StepOutput
    ) throws {
        switch outcome {
        case .labelled(let example):
            var learned = TrainingExample(example, weightMax: configuration.weightMax)
            try learnUnits(&learned, embedding)
            guard example.isLearned else { return }
            if example.opening.isView {
                try settleView(example, learned, embedding, into: &output)
            } else if learnsEarly, Label.of(example.label).0 == .purchase {
                try learnEarly(example, learned, embedding: embedding, into: &output)
            } else {
                try learn(learned, embedding: embedding, into: &output)
            }
        case .corrected(let id, let label):
            let expected = try correctUnits(id, label, embedding)
            correct(id, label, expectedUnits: expected)
        case .converted(let example):
            var learned = TrainingExample(example, weightMax: configuration.weightMax)
            try learnUnits(&learned, embedding)
            correct(
                example.id, example.label, expectedUnits: learned.expectedUnits, weight: 1)
            try learnConversion(example, learned, embedding: embedding, into: &output)
        case .matured(let example): try mature(example, embedding: embedding, into: &output)
        case .unattributedPurchase(let eventID, let tsMs, let purchase):
            counters.unattributed += 1
            // Of something that was not seen before: it tells how many, and nothing of how likely.
            _ = try learnUnits(
                purchase.quantity, Exposure(purchase.offer, tsMs: tsMs),
                itemID: purchase.offer.itemID, memoryID: eventID, embedding)
        case .closedEarly(let closed):
            try learnClosed(closed, embedding: embedding, into: &output)
        case .superseded: counters.decisions += 1
        case .unmatchedRefund: counters.unmatchedRefunds += 1
        case .duplicate, .late: break  // counted where the event was handed in
        }
    }

    private mutating func correct(
        _ id: ExampleID, _ label: ExampleLabel, expectedUnits: Double?, weight: Double? = nil
    ) {
        let (head, isPositive) = Label.of(label)
        let isKnown = rewrite(
            TrainingExample.memoryID(id), head, label: isPositive, units: label.units ?? 0,
            expectedUnits: expectedUnits.map { Float($0) }, weight: weight)
        if isKnown { counters.corrected += 1 }
    }

    /// Rewrites what is remembered of an example; returns whether anything is.
    mutating func rewrite(
        _ memoryID: String, _ head: Label, label: Bool, units: Int = 0,
        expectedUnits: Float? = nil, weight: Double?
    ) -> Bool {
        anchors.isAnchor(memoryID)
            ? anchors.memory.correct(
                exampleId: memoryID, head: head.rawValue, label: label, units: units,
                expectedUnits: expectedUnits, weight: weight)
            : memory.correct(
                exampleId: memoryID, head: head.rawValue, label: label, units: units,
                expectedUnits: expectedUnits, weight: weight)
    }

    func freshHead(_ label: Label) -> ResponseHead {
        ResponseHead(
            name: label.rawValue, dimension: dimension, configuration: configuration.head)
    }

    /// What the heads see of an item; of one never heard of, its id alone.
    mutating func features(
        of itemID: String, _ embedding: any TextEmbedding
    ) throws -> ItemFeatures {
        let item = try catalog.find(itemID)
        var vector = catalog.silent
        if let text = item?.text { vector = try encoded(text, embedding) }
        return ItemFeatures(
            id: itemID, category: item?.category, brand: item?.brand, vector: vector)
    }

    /// A text's vector, encoded now unless it is known.
    private mutating func encoded(
        _ text: String, _ embedding: any TextEmbedding
    ) throws -> [Float] {
        if let known = catalog.vectors.use(text) { return known }
        try encode([text], embedding)
        return catalog.vectors.peek(text) ?? catalog.silent
    }

    /// Encodes, at one go, the texts that the batch will ask for.
    mutating func prepareVectors(
        _ batch: [EngineInput], _ embedding: any TextEmbedding
    ) throws {
        var preview: [String: Item] = [:]
        var missing: Set<String> = []
        for input in batch {
            guard case .success(let event) = input.event, let itemID = event.itemID else {
                continue
            }
            var item = try preview[itemID] ?? catalog.find(itemID) ?? Item(id: itemID)
            if case .item(let update) = event.body {
                item.merge(update)
                preview[itemID] = item
                continue
            }
            if let inline = event.offer?.item {
                item.merge(inline: inline, configuration.inline[input.record.position.topic])
                preview[itemID] = item
            }
            if let text = item.text, catalog.vectors.peek(text) == nil { missing.insert(text) }
        }
        try encode(missing.sorted(), embedding)
    }

    mutating func encode(_ texts: [String], _ embedding: any TextEmbedding) throws {
        guard !texts.isEmpty else { return }
        for (text, vector) in zip(texts, try embedding.vectors(of: texts)) {
            catalog.vectors.set(vector, of: text)
        }
    }
}
