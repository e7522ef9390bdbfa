import Records

/// How well the units of purchases were predicted before they were seen.
///
/// Deviances are those of the gamma distribution in the mean of purchases, `2 (q/m - 1 - log(q/m))`:
/// zero for what came as predicted, and smallest for who predicts the mean. So that a few giants do not
/// decide, units count in them as at most `QuantityModel.ratioMax` times their running mean.
public struct QuantityReport: Codable, Sendable, Equatable {
    /// Purchases predicted.
    public var count: Int
    /// Of these, the purchases whose units counted for less than they were.
    public var bounded: Int
    /// Units in the mean of purchases, as they counted.
    public var mean: Double
    /// Units in the mean of purchases, as they were predicted.
    public var predictedMean: Double
    /// Deviance of the predictions.
    public var deviance: Double
    /// Deviance of predicting the mean of all units before.
    public var devianceOfMean: Double
    /// Deviance of predicting the mean of the item's units before.
    public var devianceOfItemMean: Double

    enum CodingKeys: String, CodingKey {
        case count, bounded, mean, deviance
        case predictedMean = "predicted_mean"
        case devianceOfMean = "deviance_of_mean"
        case devianceOfItemMean = "deviance_of_item_mean"
    }
}

/// The sums behind the report, and what it holds predictions against.
struct QuantityScores: Sendable {
    static let table = StateTable("quantity scores", .keyed)
    static let itemTable = StateTable("quantity item means", .keyed)
    private static let key = Array("sums".utf8)
    /// Items whose means are kept; those that come later are held against the mean of all.
    private static let itemsMax = 1 << 17

    struct Mean: Sendable, Equatable {
        var weight = 0.0
        var units = 0.0

        mutating func add(_ units: Double, _ weight: Double) {
            self.weight += weight
            self.units += weight * units
        }

        /// The mean; `nil` before there is any.
        var value: Double? { weight > 0 ? units / weight : nil }
    }

    private var count = 0.0
    private var bounded = 0.0
    private var all = Mean()
    private var predicted = 0.0
    private var deviance = 0.0
    private var devianceOfMean = 0.0
    private var devianceOfItemMean = 0.0
    private var items: [UInt64: Mean] = [:]
    private var changed: Set<UInt64> = []

    var isDirty: Bool { !changed.isEmpty }

    init() {}

    mutating func add(_ units: Double, expected: Double, item: String, weight: Double) {
        let mean = all.value ?? 1
        let most = QuantityModel.ratioMax * mean
        let counted = min(units, most)
        let owner = FeatureHash.owner(.item, item)
        let own = items[owner]?.value
        count += 1
        if units > most { bounded += 1 }
        predicted += weight * expected
        deviance += weight * Self.deviance(counted, expected)
        devianceOfMean += weight * Self.deviance(counted, mean)
        devianceOfItemMean += weight * Self.deviance(counted, own ?? mean)
        all.add(counted, weight)
        if own != nil || items.count < Self.itemsMax {
            items[owner, default: Mean()].add(counted, weight)
            changed.insert(owner)
        }
    }

    private static func deviance(_ units: Double, _ mean: Double) -> Double {
        2 * (units / mean - 1 - stableLog(units / mean))
    }

    var report: QuantityReport? {
        guard let mean = all.value else { return nil }
        return QuantityReport(
            count: Int(count), bounded: Int(bounded), mean: mean,
            predictedMean: predicted / all.weight, deviance: deviance / all.weight,
            devianceOfMean: devianceOfMean / all.weight,
            devianceOfItemMean: devianceOfItemMean / all.weight)
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        guard isDirty else { return }
        var writer = ByteWriter(capacity: 72)
        writer.doubles([
            count, bounded, all.weight, all.units, predicted, deviance, devianceOfMean,
            devianceOfItemMean,
        ])
        changes.put(Self.table, Self.key, writer.bytes)
        for owner in changed.sorted() {
            guard let mean = items[owner] else { continue }
            var row = ByteWriter(capacity: 16)
            row.double(mean.weight)
            row.double(mean.units)
            changes.put(Self.itemTable, Self.key(owner), row.bytes)
        }
        changed = []
    }

    private static func key(_ owner: UInt64) -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.integer(owner)
        return writer.bytes
    }

    init(from reader: some StateReader) throws {
        func damage(_ table: StateTable, _ reason: String) -> ResponseError {
            .damagedState(table: table.name, key: "means", reason: reason)
        }
        guard let bytes = try reader.value(Self.table, Self.key) else { return }
        do {
            var row = ByteReader(bytes)
            let values = try row.doubles()
            try row.finish()
            guard values.count == 8, values.allSatisfy({ $0.isFinite && $0 >= -1e-9 }) else {
                throw damage(Self.table, "\(values.count) sums of units")
            }
            (count, bounded, all.weight, all.units) = (values[0], values[1], values[2], values[3])
            (predicted, deviance) = (values[4], values[5])
            (devianceOfMean, devianceOfItemMean) = (values[6], values[7])
            try reader.forEach(Self.itemTable) { key, value in
                var key = ByteReader(key)
                var row = ByteReader(value)
                let owner = try key.integer(UInt64.self)
                items[owner] = Mean(weight: try row.double(), units: try row.double())
                try row.finish()
            }
        } catch let error as ByteCodingError {
            throw damage(Self.itemTable, "\(error)")
        }
    }
}
