import Records
import ResponseModel

/// The room of what predicts: the response heads, what discounts change, how many units purchases are of,
/// and which discounts the merchant gives.
struct Models {
    var heads = Heads()
    /// What discounts do to purchases, apart from what goes along with them.
    var effect: EffectModel
    /// What they do to views: whether one is clicked and bought.
    var viewEffect: EffectModel
    /// Which discounts the merchant gives.
    var loggingPolicy = LoggingPolicyModel()
    /// How many units a purchase is of.
    var quantity: QuantityModel
    private let dimension: Int
    private let configuration: HeadConfiguration
    private let effectConfiguration: EffectConfiguration
    /// Whether what is offered is the shop's habit, and no decision of ours.
    let followsMerchant: Bool

    /// - Parameter labelsMs: how long after an exposure its label may still change. Units: milliseconds.
    init(
        _ configuration: HeadConfiguration, dimension: Int, followsMerchant: Bool, labelsMs: Int64
    ) {
        self.configuration = configuration
        self.dimension = dimension
        self.followsMerchant = followsMerchant
        effectConfiguration = EffectConfiguration(labelsMs: labelsMs)
        effect = EffectModel(
            .visits, dimension: dimension, configuration: effectConfiguration)
        viewEffect = EffectModel(
            .views, dimension: dimension, configuration: effectConfiguration)
        quantity = QuantityModel(configuration)
    }

    // MARK: Prediction

    func freshHead(_ label: Label) -> ResponseHead {
        ResponseHead(
            name: label.rawValue, dimension: dimension, configuration: configuration(of: label))
    }

    /// Decisions at a click rest on what the purchase head says, and earn no more where that is corrected
    /// (decision 0128): it is read as it is.
    private func configuration(of label: Label) -> HeadConfiguration {
        var own = configuration
        own.calibrates = configuration.calibrates && label == .click
        return own
    }

    /// Makes a head where there is none.
    mutating func wake(_ label: Label) {
        if heads[label] == nil { heads[label] = freshHead(label) }
    }

    /// What a head says of an exposure; one that is not there says what a fresh one does.
    func predict(
        _ label: Label, _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> Prediction {
        // In place: a head that is bound to a name is copied.
        if let known = try heads[label]?.predict(exposure, item: item) { return known }
        return try freshHead(label).predict(exposure, item: item)
    }

    /// Whether views were learned, clicked and bought, so that one can be asked about.
    var knowsViews: Bool { heads[.click] != nil && heads[.purchase] != nil }

    /// What is predicted of a view's purchase; `nil` where that cannot be.
    mutating func viewLogit(_ exposure: Exposure, _ item: ItemFeatures) -> Double? {
        for label in Label.allCases { wake(label) }
        return try? knownViewLogit(exposure, item)
    }

    func knownViewLogit(
        _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> Double? {
        guard let click = try heads[.click]?.logit(exposure, item: item),
            let purchase = try heads[.purchase]?.logit(exposure, item: item)
        else { return nil }
        return ViewResponse.logit(click: click, purchase: purchase)
    }

    /// What comes of a view, with how sure that is.
    func viewResponse(
        _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> ViewResponse {
        ViewResponse(
            click: try predict(.click, exposure, item),
            purchase: try predict(.purchase, exposure, item))
    }

    // MARK: What came of decisions

    /// Takes in what came of decisions whose labels are all there.
    ///
    /// - Parameters:
    ///   - ms: events before this time are late.
    ///   - nowMs: the newest time of the stream.
    mutating func advance(
        toMs ms: Int64, nowMs: Int64
    ) -> [(model: EffectModel.Kind, finding: EffectFinding)] {
        effect.advance(toMs: ms, nowMs: nowMs).map { (effect.kind, $0) }
            + viewEffect.advance(toMs: ms, nowMs: nowMs).map { (viewEffect.kind, $0) }
    }

    /// Counts decisions from a time on alone.
    mutating func listenAnew(fromMs: Int64) {
        effect.listenAnew(fromMs: fromMs)
        viewEffect.listenAnew(fromMs: fromMs)
    }

    // MARK: State

    /// Forgets the effects of a shopper. What the shared weights learned of the examples stays in them.
    mutating func erase(user: String) {
        for label in Label.allCases { _ = heads[label]?.erase(user: user) }
        effect.erase(user: user)
        viewEffect.erase(user: user)
        loggingPolicy.erase(user: user)
        quantity.erase(user: user)
    }

    /// Puts heads rebuilt under new adapters in the place of those in service.
    mutating func replaceHeads(with rebuilt: Heads) {
        var rebuilt = rebuilt
        for label in Label.allCases {
            if let old = heads[label] { rebuilt[label]?.takePlace(of: old) }
        }
        heads = rebuilt
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for label in Label.allCases { heads[label]?.collectChanges(into: &changes) }
        effect.collectChanges(into: &changes)
        viewEffect.collectChanges(into: &changes)
        loggingPolicy.collectChanges(into: &changes)
        quantity.collectChanges(into: &changes)
    }

    mutating func restore(from state: any StateReader) throws {
        for label in Label.allCases {
            heads[label] = try ResponseHead(
                restoring: label.rawValue, dimension: dimension,
                configuration: configuration(of: label), from: state)
        }
        effect = try EffectModel(
            .visits, dimension: dimension, configuration: effectConfiguration, from: state)
        viewEffect = try EffectModel(
            .views, dimension: dimension, configuration: effectConfiguration, from: state)
        loggingPolicy = try LoggingPolicyModel(from: state)
        quantity = try QuantityModel(configuration, from: state)
    }
}
