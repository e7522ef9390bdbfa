import ContinualLearning
import Events
import Records

/// Rows of the engine's state that are read from bytes alone, without a base.
package enum EngineRowKind: CaseIterable, Sendable {
    case shopper, item, counters, headGate, labelWatch, delays, gate, levels, suspects

    /// Reads the bytes as a row of the kind; what comes of it is dropped.
    ///
    /// - Throws: for bytes that are none; never traps.
    package func read(_ bytes: [UInt8]) throws {
        switch self {
        case .shopper: _ = try ShopperState(encoded: bytes)
        case .item: _ = try Item(id: "i", encoded: bytes)
        case .counters: _ = try Counters(encoded: bytes)
        case .headGate: _ = try HeadGate(encoded: bytes)
        case .labelWatch: _ = try LabelWatch(row: bytes)
        case .delays: _ = try PurchaseDelays(windowMs: 86_400_000, encoded: bytes)
        case .gate: _ = try RefreshGate(bytes: bytes)
        case .levels:
            var reader = ByteReader(bytes)
            _ = try LevelHistory(from: &reader)
        case .suspects:
            var reader = ByteReader(bytes)
            _ = try [SuspectLabels](from: &reader)
        }
    }

    /// What a fresh engine keeps, to begin with.
    package var seed: [UInt8]? {
        switch self {
        case .shopper: ShopperState().encoded()
        case .counters: Counters().encoded()
        case .headGate: HeadGate().encoded
        default: nil
        }
    }
}
