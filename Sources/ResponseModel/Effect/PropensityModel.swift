import Records

/// Which discount is to be expected of an exposure: the propensities of a log that does not say.
///
/// Two heads without texts, learned as the stream goes and asked before they learn: how likely any
/// discount is, and how deep it is in the mean: a share of the deepest that counts. Their drift is quick, so that a season of discounts is expected once
/// it has begun.
struct PropensityModel: Sendable {
    /// Deeper discounts count as this one.
    static let discountMax = 0.8
    static let depthMax = depth(discountMax)

    /// The slope's unit: -log(1 - discount), what a discount takes off the log of the price.
    static func depth(_ discount: Double) -> Double {
        -stableLog(1 - min(max(discount, 0), discountMax))
    }

    var any: ResponseHead
    var deep: ResponseHead

    static func names(_ kind: EffectModel.Kind) -> (any: String, deep: String) {
        switch kind {
        case .visits: ("offer", "offer_depth")
        case .views: ("view_offer", "view_offer_depth")
        }
    }

    static func configuration(_ effect: EffectConfiguration) -> HeadConfiguration {
        var head = HeadConfiguration()
        head.interceptMean = -1
        head.driftHours = effect.offerHours
        head.driftVariance = effect.offerDriftVariance
        return head
    }

    init(_ configuration: EffectConfiguration, _ kind: EffectModel.Kind) {
        let head = Self.configuration(configuration)
        let names = Self.names(kind)
        any = ResponseHead(name: names.any, dimension: 0, configuration: head)
        deep = ResponseHead(name: names.deep, dimension: 0, configuration: head)
    }

    /// What is known of an item here: who it is, not what its text says.
    static func identity(_ item: ItemFeatures) -> ItemFeatures {
        ItemFeatures(id: item.id, category: item.category, brand: item.brand)
    }

    /// The expected step (how likely any discount is) and depth of an exposure.
    func expected(
        _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> (step: Double, depth: Double) {
        let (bare, own) = (exposure.at(discount: 0), Self.identity(item))
        return (
            stableLogistic(try any.logit(bare, item: own)),
            Self.depthMax * stableLogistic(try deep.logit(bare, item: own))
        )
    }

    /// The same, and then learns what was offered.
    mutating func learn(
        _ exposure: Exposure, _ item: ItemFeatures
    ) throws(ResponseError) -> (step: Double, depth: Double) {
        let (bare, own) = (exposure.at(discount: 0), Self.identity(item))
        let share = min(Self.depth(exposure.discount) / Self.depthMax, 1)
        let likely = try any.learn(bare, item: own, label: isDiscounted(exposure.discount))
        let expected = try deep.learn(bare, item: own, target: share)
        return (likely.probability, Self.depthMax * expected.probability)
    }
}
