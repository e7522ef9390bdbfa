import ResponseModel

/// A posterior that learned replay memory again under other vectors.
public struct RebuiltHead: Sendable {
    public internal(set) var head: ResponseHead
    /// What it predicted of the newest examples, each before it learned it.
    public internal(set) var fresh: [FreshPrediction] = []
}

/// One example that a refresh had not seen: what was served for it, and what the candidate says.
public struct FreshPrediction: Sendable {
    public let itemID: String
    public let user: String
    public let label: Bool
    public let weight: Double
    public let servedLogit: Double
    public let logit: Double
}

extension ReplayMemory {
    /// Learns the memory's examples again, in their order, with a fresh head.
    ///
    /// An example that stands for several of the stream is learned with that weight.
    /// - Parameters:
    ///   - head: one that has learned nothing; only examples of its name are taken.
    ///   - first: examples from this one on are learned.
    ///   - sequence: examples from this one on are predicted, too.
    ///   - features: what the head sees of an item now.
    public func rebuild(
        _ head: ResponseHead, from first: UInt64 = 0, freshFrom sequence: UInt64,
        features: (String) -> ItemFeatures
    ) throws -> RebuiltHead {
        var rebuilt = RebuiltHead(head: head)
        var known: [String: ItemFeatures] = [:]
        try forEach(from: first) { remembered in
            let example = remembered.example
            guard example.head == head.name else { return }
            let item = known[example.itemId] ?? features(example.itemId)
            known[example.itemId] = item
            let prediction = try rebuilt.head.learn(
                example.exposure, item: item, label: example.label,
                weight: example.weight * remembered.inclusionWeight)
            guard example.sequence >= sequence else { return }
            rebuilt.fresh.append(
                FreshPrediction(
                    itemID: example.itemId, user: example.exposure.user, label: example.label,
                    weight: example.weight, servedLogit: example.servedLogit,
                    logit: prediction.logit))
        }
        return rebuilt
    }
}
