import ContinualLearning
import Events
import ResponseModel

/// How many units purchases are of.
extension Engine {
    /// Learns the units of a purchase, where they are known.
    mutating func learnUnits(
        _ example: inout TrainingExample, _ embedding: any TextEmbedding
    ) throws {
        guard let units = example.units,
            let expected = try learnUnits(
                units, example.exposure, itemID: example.itemID, memoryID: example.memoryID,
                weight: example.weight, embedding)
        else { return }
        example.expectedUnits = expected
    }

    /// Predicts some units and, unless they are an anchor's, learns them.
    ///
    /// - Returns: what was expected of them; `nil` where nothing is learned.
    mutating func learnUnits(
        _ units: Int, _ exposure: Exposure, itemID: String, memoryID: String, weight: Double = 1,
        _ embedding: any TextEmbedding
    ) throws -> Double? {
        guard configuration.learns else { return nil }
        let item = try features(of: itemID, embedding)
        do {
            return try quantity.learn(
                exposure, item: item, units: units, weight: weight,
                teaches: !anchors.isAnchor(memoryID))
        } catch {
            counters.skipped += 1
            return nil
        }
    }

    /// Makes up for the units that a purchase was learned with, where a refund or another purchase of the
    /// same offer changes them and the purchase is still remembered.
    ///
    /// - Returns: what was expected of the units, where they are learned only now.
    mutating func correctUnits(
        _ id: ExampleID, _ label: ExampleLabel, _ embedding: any TextEmbedding
    ) throws -> Double? {
        let memoryID = TrainingExample.memoryID(id)
        guard configuration.learns, !anchors.isAnchor(memoryID),
            let known = memory.example(memoryID, head: Label.purchase.rawValue),
            known.units != label.units ?? 0
        else { return nil }
        let item = try features(of: known.itemId, embedding)
        do {
            if known.units > 0 {
                try quantity.correct(
                    known.exposure, item: item, from: known.units, to: label.units,
                    expected: Double(known.expectedUnits))
            } else if let units = label.units {
                return try quantity.learn(known.exposure, item: item, units: units)
            }
        } catch { counters.skipped += 1 }
        return nil
    }
}
