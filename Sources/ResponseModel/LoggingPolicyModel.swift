import Records

/// Learns which discount the merchant gives: what a pricing that only imitates would offer.
///
/// The discount is a number, so the likelihood is the squared error. Each is predicted before it is
/// learned; how well is the agreement.
public struct LoggingPolicyModel: Sendable {
    static let table = StateTable("apprentice agreement", .keyed)
    private static let key = Array("agreement".utf8)
    static let name = "apprentice"

    private var head: ResponseHead
    private var sums = Agreement()
    private var isDirty = false

    /// Discounts are numbers below one, and effects on them are small beside those on logits.
    private static var configuration: HeadConfiguration {
        var head = HeadConfiguration()
        head.squared = 0.01
        // Before any was seen none is assumed.
        head.interceptMean = 0
        head.interceptVariance = 0.01
        head.driftVariance = 0.001
        head.driftHours = 336
        head.scale = 0.05
        return head
    }

    /// One that has learned nothing: it predicts no discount.
    public init() {
        head = ResponseHead(name: Self.name, dimension: 0, configuration: Self.configuration)
    }

    /// Predicts the discount of an exposure that the merchant priced, then learns it.
    ///
    /// - Returns: the prediction.
    @discardableResult
    public mutating func learn(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> Double {
        let predicted = try head.learn(
            exposure.at(discount: 0), item: PropensityModel.identity(item),
            target: exposure.discount)
        isDirty = true
        let shown = Self.shown(predicted.logit)
        sums.add(shown, exposure.discount)
        return shown
    }

    /// The discount that the merchant would give.
    public func discount(
        _ exposure: Exposure, item: ItemFeatures
    ) throws(ResponseError) -> Double {
        Self.shown(try head.logit(exposure.at(discount: 0), item: PropensityModel.identity(item)))
    }

    private static func shown(_ mean: Double) -> Double { min(max(mean, 0), 0.99) }

    /// Forgets what is known of a user.
    public mutating func erase(user: String) {
        head.erase(user: user)
        isDirty = true
    }

    /// How well discounts were predicted since learning began, restarts included.
    public var report: LoggingPolicyReport { sums.report }

    /// Adds the rows changed since the last call; none where nothing was learned or erased.
    public mutating func collectChanges(into changes: inout StateChanges) {
        guard isDirty else { return }
        isDirty = false
        changes.put(Self.table, Self.key, sums.bytes)
        head.collectChanges(into: &changes)
    }

    /// The apprentice that was collected; a fresh one where there is none.
    public init(from reader: some StateReader) throws {
        self.init()
        guard
            let restored = try ResponseHead(
                restoring: Self.name, configuration: Self.configuration, from: reader)
        else { return }
        head = restored
        guard let bytes = try reader.value(Self.table, Self.key) else { return }
        do { sums = try Agreement(bytes) } catch {
            throw ResponseError.damagedState(
                table: Self.table.name, key: "agreement", reason: "\(error)")
        }
    }
}

/// How well the merchant's discounts were predicted before they were seen.
public struct LoggingPolicyReport: Codable, Sendable, Equatable {
    /// Exposures predicted and then learned.
    public var count: Int
    /// Mean absolute error, in parts of the price.
    public var absoluteError: Double
    /// Root of the mean squared error, in parts of the price.
    public var rootSquaredError: Double
    /// The same error of predicting the mean discount so far.
    public var rootSquaredErrorOfMean: Double
    /// Share of exposures of which the prediction was within 2.5 % of the price.
    public var agreement: Double
    /// Share of exposures of which it told whether there was a discount (of 2.5 % or more).
    public var agreementOnAny: Double

    enum CodingKeys: String, CodingKey {
        case count, agreement
        case absoluteError = "absolute_error"
        case rootSquaredError = "root_squared_error"
        case rootSquaredErrorOfMean = "root_squared_error_of_mean"
        case agreementOnAny = "agreement_on_any"
    }
}

private struct Agreement: Sendable, Equatable {
    private static let near = 0.025
    var count = 0.0
    var absolute = 0.0
    var squared = 0.0
    var squaredOfMean = 0.0
    var same = 0.0
    var sameOnAny = 0.0
    var discounts = 0.0

    init() {}

    mutating func add(_ predicted: Double, _ discount: Double) {
        let mean = count > 0 ? discounts / count : 0
        let error = predicted - discount
        count += 1
        absolute += abs(error)
        squared += error * error
        squaredOfMean += (mean - discount) * (mean - discount)
        if abs(error) <= Self.near { same += 1 }
        if (predicted >= Self.near) == (discount >= Self.near) { sameOnAny += 1 }
        discounts += discount
    }

    var report: LoggingPolicyReport {
        let n = max(count, 1)
        return LoggingPolicyReport(
            count: Int(count), absoluteError: absolute / n,
            rootSquaredError: (squared / n).squareRoot(),
            rootSquaredErrorOfMean: (squaredOfMean / n).squareRoot(), agreement: same / n,
            agreementOnAny: sameOnAny / n)
    }

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.doubles([count, absolute, squared, squaredOfMean, same, sameOnAny, discounts])
        return writer.bytes
    }

    init(_ bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        let values = try reader.doubles()
        try reader.finish()
        guard values.count == 7, values.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
            throw .badValue(at: 0, "\(values.count) sums of an agreement")
        }
        (count, absolute, squared, squaredOfMean) = (values[0], values[1], values[2], values[3])
        (same, sameOnAny, discounts) = (values[4], values[5], values[6])
    }
}
