import ContinualLearning
import Events
import Records
import ResponseModel

/// One exposure whose outcome is known.
package struct TrainingExample {
    /// What predictions are listed under: the event or recommendation that opened it.
    let eventID: String
    /// What replay memory knows it by.
    let memoryID: String
    let itemID: String
    var exposure: Exposure
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
    package init(_ event: Event, _ outcome: Event.Outcome, weightMax: Double) {
        eventID = event.eventID
        memoryID = event.eventID
        itemID = outcome.offer.itemID
        exposure = Exposure(outcome.offer, tsMs: event.tsMs)
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
    /// The smaller of what its weight is the inverse of; 1 where it says nothing. What follows a recommendation is
    /// learned by the decision behind it, which the event's propensity adds nothing to.
    var leastRate: Double {
        var rate = offer?.recommendationID == nil ? offer?.propensity ?? 1 : 1
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

extension TrainingExample {
    /// What its score is reported under, besides everything: its category, and how deep its discount is.
    func slices(_ item: ItemFeatures) -> [String] {
        let depth = ReplayMemory.depthNames[ReplayMemory.depthBucket(exposure.discount)]
        return ["discount=\(depth)"] + (item.category.map { ["category=\($0)"] } ?? [])
    }

    /// Whether the drift detectors, which know no weights, see it: of examples that count for less than one
    /// they see such a share.
    func isWatched(weight: Double) -> Bool {
        guard weight < 1 else { return true }
        let place = StableHash.of(memoryID, seed: 0xd21f_7a11) >> 11
        return Double(place) * 0x1p-53 < weight
    }
}
