/// What discounts do to a response, as opposed to what goes along with them.
///
/// A head's own slope in depth is an association: a shop that discounts what sells anyway teaches it
/// that discounts sell. Here a label is explained by what the head says of the exposure whatever the
/// discount, plus the effect of the discount *beyond the one to be expected*:
///
///     logit = base(x) + step · ([d > 0] - E[d > 0 | x]) + slope · (depth(d) - E[depth(d) | x])
///
/// Errors of the base that depend on x alone then do no first-order harm (Robinson 1988; Chernozhukov
/// and others 2018). The expectations are the `OfferModel`'s, or, where the log says with which
/// propensity a discount was chosen, the row is weighted by how usual that discount is over its
/// propensity: in the weighted rows the discount depends on nothing, not even on what only the
/// logging policy saw.
public struct EffectModel: Sendable {
    /// What a row is: the tables of each kind begin with its name.
    public enum Kind: String, Sendable {
        /// A visit, bought or not.
        case visits = "effect"
        /// A view, bought or not, whether it was clicked or not.
        case views = "view_effect"
    }

    public let kind: Kind
    public let configuration: EffectConfiguration
    var posterior: EffectPosterior
    var offers: OfferModel
    var logged = LoggedOffers()
    /// Mean over discounted rows of what the head makes of the discount itself.
    var association = RunningMean(rate: 0.01)
    /// Rows the posterior learned, and those of them with a logged propensity.
    public internal(set) var rows = 0
    public internal(set) var randomisedRows = 0
    /// Whether most rows have a logged propensity, so that predictions go by the level of these.
    var isMostlyLogged: Bool { 2 * randomisedRows > rows }

    /// Until the first discount there is nothing to learn.
    public internal(set) var isAwake = false
    var isDirty = true

    public init(
        _ kind: Kind = .visits, configuration: EffectConfiguration = EffectConfiguration()
    ) {
        self.kind = kind
        self.configuration = configuration
        posterior = EffectPosterior(configuration)
        offers = OfferModel(configuration, kind)
    }

    /// Whether a row of this exposure would teach anything: until the first discount none does.
    public func isTaught(by exposure: Exposure) -> Bool { isAwake || Self.isOffer(exposure) }

    /// Discounts of up to 1 % are none.
    static func isOffer(_ exposure: Exposure) -> Bool { exposure.discount > 0.01 }

    /// Learns what the discount of an example did.
    ///
    /// - Parameters:
    ///   - served: the head's logit of the exposure as it was, before the label.
    ///   - base: the head's logit of the same exposure without a discount.
    ///   - propensity: with which the logged policy chose this discount; 1 says that no other could
    ///     have been, from which nothing is learned.
    public mutating func learn(
        _ exposure: Exposure, item: ItemFeatures, label: Bool, weight: Double = 1,
        served: Double, base: Double, propensity: Double?
    ) throws(ResponseError) {
        let isOffer = Self.isOffer(exposure)
        if isOffer { isAwake = true }
        guard isAwake else { return }
        isDirty = true
        let expected = try offers.learn(exposure, item)
        let offset = base + expected.step * association.value
        if isOffer { association.add(served - base) }
        posterior.admit(item.category)
        let depth = OfferModel.depth(exposure.discount)
        let step = isOffer ? 1.0 : 0
        if let propensity {
            guard propensity > 0, propensity < 1 else { return }
            let row = logged.weigh(
                step: step, depth: depth, discount: exposure.discount, propensity: propensity,
                weightMax: configuration.weightMax)
            randomisedRows += 1
            posterior.learn(
                offset: offset, step: row.step, depth: row.depth, category: item.category,
                level: EffectPosterior.loggedLevel, label: label, weight: weight * row.weight)
        } else {
            posterior.learn(
                offset: offset, step: step - expected.step, depth: depth - expected.depth,
                category: item.category, level: EffectPosterior.observedLevel, label: label,
                weight: weight)
        }
        rows += 1
    }

    /// Forgets what the propensity model knows of a user.
    public mutating func erase(user: String) {
        offers.any.erase(user: user)
        offers.deep.erase(user: user)
        isDirty = true
    }
}

/// A mean that forgets: each value counts `rate`, the first ones more.
struct RunningMean: Sendable, Equatable {
    let rate: Double
    var value = 0.0
    var count = 0.0

    init(rate: Double) { self.rate = rate }

    mutating func add(_ x: Double) {
        count += 1
        value += max(rate, 1 / count) * (x - value)
    }
}

/// Rows whose propensity is logged: how usual each discount is among them.
struct LoggedOffers: Sendable, Equatable {
    static let bucketCount = 11
    /// Smaller propensities count as this one: their inverse would outweigh every other row.
    static let propensityMin = 1e-6

    var counts = [Double](repeating: 0, count: bucketCount)
    var weights = 0.0
    var steps = 0.0
    var depths = 0.0
    var rows = 0.0

    /// No discount, then by tenths.
    private static func bucket(_ discount: Double) -> Int {
        discount > 0.01 ? 1 + min(Int(discount * 10), bucketCount - 2) : 0
    }

    /// Step and depth in the mean of the weighted rows.
    var means: (step: Double, depth: Double) {
        weights > 0 ? (steps / weights, depths / weights) : (0, 0)
    }

    /// The row's weight, 1 in the mean, and its step and depth less their weighted means, all as of
    /// before this row but for its own count.
    mutating func weigh(
        step: Double, depth: Double, discount: Double, propensity: Double, weightMax: Double
    ) -> (step: Double, depth: Double, weight: Double) {
        counts[Self.bucket(discount)] += 1
        rows += 1
        let usual = counts[Self.bucket(discount)] / rows
        let ratio = usual / max(propensity, Self.propensityMin)
        // One in the mean over the discounts, so that no first row sets the scale for all.
        let mean = rows > 1 ? weights / (rows - 1) : 1
        let weight = min(ratio, weightMax * mean)
        weights += weight
        steps += weight * step
        depths += weight * depth
        let unit = weights / rows
        return (step - means.step, depth - means.depth, weight / unit)
    }
}
