import Records
import ResponseModel

/// What the remembered examples say of one text: how often it was shown, how often with success.
public struct TextEvidence: Sendable, Equatable {
    /// As the encoder reads it.
    public let text: String
    /// Weighted examples, and those of them that were positive.
    public internal(set) var trials: Double
    /// Weighted examples that were positive.
    public internal(set) var positives: Double
    /// When the oldest of them was. Units: hours since 1970.
    public internal(set) var bornHours: Double

    /// Takes each field as it is.
    package init(text: String, trials: Double, positives: Double, bornHours: Double) {
        self.text = text
        self.trials = trials
        self.positives = positives
        self.bornHours = bornHours
    }

    /// The texts of one head with the newest examples, in the order in which they came.
    ///
    /// - Parameters:
    ///   - first: examples from this one on count, those from `end` on do not.
    ///   - texts: the text of each item that has one.
    ///   - countMax: texts taken at most.
    static func gather(
        _ memory: ReplayMemory, from first: UInt64 = 0, below end: UInt64 = .max, head: String,
        texts: [String: String], countMax: Int, isSuspect: (MemoryExample) -> Bool
    ) -> [TextEvidence] {
        var gathered: [String: (evidence: TextEvidence, newest: UInt64)] = [:]
        memory.forEach(from: first) { remembered in
            let example = remembered.example
            guard example.sequence < end, example.head == head, let text = texts[example.itemId],
                !isSuspect(example)
            else { return }
            let weight = remembered.inclusionWeight * example.weight
            let hours = Double(example.exposure.tsMs) / 3.6e6
            var entry =
                gathered[text]
                ?? (TextEvidence(text: text, trials: 0, positives: 0, bornHours: hours), 0)
            entry.evidence.bornHours = min(entry.evidence.bornHours, hours)
            entry.evidence.trials += weight
            if example.label { entry.evidence.positives += weight }
            entry.newest = example.sequence
            gathered[text] = entry
        }
        let newest = gathered.values.sorted { $0.newest > $1.newest }.prefix(countMax)
        return newest.map(\.evidence).sorted { ($0.bornHours, $0.text) < ($1.bornHours, $1.text) }
    }

    /// The logit of the response rate over some texts, finite also where all or none responded.
    static func logit(_ texts: [TextEvidence]) -> Double {
        let trials = texts.reduce(0) { $0 + $1.trials }
        let rate = (texts.reduce(0) { $0 + $1.positives } + 0.5) / (trials + 1)
        return logOdds(rate)
    }
}
