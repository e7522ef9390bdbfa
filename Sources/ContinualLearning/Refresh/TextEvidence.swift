import Records
import ResponseModel

/// What the remembered examples say of one text: how often it was shown, how often with success.
public struct TextEvidence: Sendable, Equatable {
    public let text: String
    /// Weighted examples, and those of them that were positive.
    public internal(set) var trials: Double
    public internal(set) var positives: Double

    /// The texts with the newest examples, in a fixed order, of the head with the most examples.
    ///
    /// - Parameters:
    ///   - first: examples from this one on count.
    ///   - texts: the text of each item that has one.
    ///   - countMax: texts taken at most.
    static func gather(
        _ memory: ReplayMemory, from first: UInt64 = 0, head: String, texts: [String: String],
        countMax: Int
    ) -> [TextEvidence] {
        var gathered: [String: (evidence: TextEvidence, newest: UInt64)] = [:]
        memory.forEach(from: first) { remembered in
            let example = remembered.example
            guard example.head == head, let text = texts[example.itemId] else { return }
            let weight = remembered.inclusionWeight * example.weight
            var entry = gathered[text] ?? (TextEvidence(text: text, trials: 0, positives: 0), 0)
            entry.evidence.trials += weight
            if example.label { entry.evidence.positives += weight }
            entry.newest = example.sequence
            gathered[text] = entry
        }
        let newest = gathered.values.sorted { $0.newest > $1.newest }.prefix(countMax)
        return newest.map(\.evidence).sorted { $0.text < $1.text }
    }
}
