import Events
import ResponseModel

/// How many units purchases are of: learned of every purchase that tells them, before all else.
extension Engine {
    /// Learns the units of a purchase, where they are known.
    mutating func learnUnits(_ example: inout TrainingExample) throws {
        guard let units = example.units,
            let expected = try learnUnits(
                units, example.exposure, itemID: example.itemID, memoryID: example.memoryID,
                weight: example.weight)
        else { return }
        example.expectedUnits = expected
    }

    /// Predicts some units and, unless they are an anchor's, learns them.
    ///
    /// - Returns: what was expected of them; `nil` where nothing is learned.
    mutating func learnUnits(
        _ units: Int, _ exposure: Exposure, itemID: String, memoryID: String, weight: Double = 1
    ) throws -> Double? {
        guard configuration.learns else { return nil }
        let item = try stream.catalog.features(of: itemID)
        do {
            return try models.quantity.learn(
                exposure, item: item, units: units, weight: weight,
                teaches: !memory.isAnchor(memoryID))
        } catch {
            counters.skipped += 1
            return nil
        }
    }

    /// Makes up for the units that a purchase was learned with, where a refund or another purchase of the
    /// same offer changes them and the purchase is still remembered.
    ///
    /// - Returns: what was expected of the units, where they are learned only now.
    mutating func correctUnits(_ id: ExampleID, _ label: ExampleLabel) throws -> Double? {
        guard configuration.learns,
            let known = memory.learnedPurchase(TrainingExample.memoryID(id)),
            known.units.count != label.units ?? 0
        else { return nil }
        let item = try stream.catalog.features(of: known.itemId)
        do {
            if known.units.count > 0 {
                try models.quantity.correct(
                    known.exposure, item: item, from: known.units.count, to: label.units,
                    expected: Double(known.units.expected))
            } else if let units = label.units {
                return try models.quantity.learn(known.exposure, item: item, units: units)
            }
        } catch { counters.skipped += 1 }
        return nil
    }
}
