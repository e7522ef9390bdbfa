import Records

/// How many units a purchase is of, given that there is one: the purchase head is the hurdle before it.
///
/// A response head on the logarithm of the mean, so that items, categories, shoppers and prices are
/// shrunk as they are for purchases, and what was never seen is as what is above it. A purchase of
/// `q` units, of which `m` were expected, is learned as the working response of a gamma likelihood with
/// a logarithmic link, by the head's squared error:
///
///     target = log m + (q / m - 1)
///
/// It rests where q / m is 1 in the mean, whatever the distribution of q: what is learned is the mean,
/// and no correction from the mean of logarithms is needed. Nothing depends on the depth of the discount,
/// so that demand cannot fall with it.
///
/// Orders are heavy-tailed. One counts for at most `ratioMax` times what was expected of it, and moves
/// that by a factor of `moveMax` at most, in either direction.
///
/// Source: Wedderburn, "Quasi-likelihood functions, generalized linear models, and the Gauss-Newton
/// method", 1974.
public struct QuantityModel: Sendable {
    static let name = "quantity"
    /// How many times the expected units an order counts for at most.
    public static let ratioMax = 16.0
    /// The factor by which one order may change the units expected of it.
    public static let moveMax = 1.25

    private var head: ResponseHead
    var scores = QuantityScores()

    /// - Parameter head: whose bounds on what is kept hold here too.
    public init(_ head: HeadConfiguration = HeadConfiguration()) {
        self.head = ResponseHead(
            name: Self.name, dimension: 0, configuration: Self.configuration(head))
    }

    /// One unit unless more are seen, which may be many. Where units depend on nothing, what is assumed of
    /// the differences between items and shoppers costs most, so it is little; how much shoppers and
    /// categories differ is estimated along.
    private static func configuration(_ shared: HeadConfiguration) -> HeadConfiguration {
        var head = HeadConfiguration()
        head.slotCountMax = shared.slotCountMax
        head.denseCountMax = shared.denseCountMax
        head.tailPageCountMax = shared.tailPageCountMax
        head.squared = 1
        head.interceptMean = 0
        head.interceptVariance = 4
        head.scale = 0.2
        head.bounds.event = stableLog(moveMax)
        return head
    }

    /// The units expected of a purchase; 1 where nothing is known.
    public func expected(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> Double {
        Self.units(try mean(exposure, item))
    }

    /// The logarithm of the mean.
    private func mean(_ exposure: Exposure, _ item: ItemFeatures) throws(ResponseError) -> Double {
        try head.logit(exposure.at(discount: 0), item: PropensityModel.identity(item))
    }

    /// A purchase is of one unit at least; the other bound is far beyond all orders.
    private static func units(_ mean: Double) -> Double {
        min(max(stableExp(min(mean, 20)), 1), 1e8)
    }

    /// How far units lie above what was expected, as a share of it.
    private static func surprise(_ units: Int, _ mean: Double) -> Double {
        min(Double(units) / Self.units(mean), ratioMax) - 1
    }

    /// Predicts the units of a purchase, then learns them.
    ///
    /// - Parameter teaches: whether it is learned, and not only predicted.
    /// - Returns: the prediction.
    @discardableResult
    public mutating func learn(
        _ exposure: Exposure, item: ItemFeatures, units: Int, weight: Double = 1,
        teaches: Bool = true
    ) throws(ResponseError) -> Double {
        let mean = try mean(exposure, item)
        if teaches { try teach(exposure, item, mean, Self.surprise(units, mean), weight) }
        let expected = Self.units(mean)
        scores.add(Double(units), expected: expected, item: item.id, weight: weight)
        return expected
    }

    /// Makes up for units that were learned and turned out to be others, as by a refund.
    ///
    /// Units that lie as far on the other side of what was expected then take back what was learned, under
    /// the same bounds; then those that remain are learned. One that was taken back altogether says nothing
    /// of units.
    /// - Parameters:
    ///   - before: units as they were learned.
    ///   - after: units that remain; `nil` where none do.
    ///   - expected: what was expected when they were learned.
    public mutating func correct(
        _ exposure: Exposure, item: ItemFeatures, from before: Int, to after: Int?,
        expected: Double, weight: Double = 1
    ) throws(ResponseError) {
        let then = stableLog(max(expected, 1))
        let surprise = Self.surprise(before, then)
        // How far units scatter is to hear of neither of the two.
        head.reading.noise?.remove(surprise)
        let noise = head.reading.noise
        try teach(exposure, item, then, -surprise, weight)
        head.reading.noise = noise
        guard let after else { return }
        let mean = try mean(exposure, item)
        try teach(exposure, item, mean, Self.surprise(after, mean), weight)
    }

    private mutating func teach(
        _ exposure: Exposure, _ item: ItemFeatures, _ mean: Double, _ surprise: Double,
        _ weight: Double
    ) throws(ResponseError) {
        try head.learn(
            exposure.at(discount: 0), item: PropensityModel.identity(item), target: mean + surprise,
            weight: weight)
    }

    /// Forgets what is known of a user.
    public mutating func erase(user: String) { head.erase(user: user) }

    /// How well units were predicted; `nil` before there were any.
    public var report: QuantityReport? { scores.report }

    /// Adds the rows changed since the last call; none before anything was learned.
    public mutating func collectChanges(into changes: inout StateChanges) {
        guard head.eventCount > 0 || scores.isDirty else { return }
        head.collectChanges(into: &changes)
        scores.collectChanges(into: &changes)
    }

    /// The model that was collected; a fresh one where there is none.
    public init(_ shared: HeadConfiguration = HeadConfiguration(), from reader: some StateReader)
        throws
    {
        self.init(shared)
        if let restored = try ResponseHead(
            restoring: Self.name, configuration: Self.configuration(shared), from: reader)
        {
            head = restored
        }
        scores = try QuantityScores(from: reader)
    }
}
