import ResponseModel

/// What the heads see of an item, apart from its vector.
public struct RebuildItem: Sendable {
    /// `nil` where nobody has said.
    public let category: String?
    /// `nil` where nobody has said.
    public let brand: String?
    /// What its vector is made of; `nil` gives it the silent vector.
    public let text: String?

    /// Takes each field as it is.
    public init(category: String?, brand: String?, text: String?) {
        self.category = category
        self.brand = brand
        self.text = text
    }
}

/// The posteriors learned again from what replay memory holds, under a refresh's vectors.
///
/// A value with all it needs: it is run beside learning, and again after a restart.
public struct Rebuild: Sendable {
    private let memory: ReplayMemory
    private let first: UInt64
    private let heads: [ResponseHead]
    private let silent: [Float]
    private let item: @Sendable (String) -> RebuildItem

    /// - Parameters:
    ///   - memory: a held one; what came in since is not looked at.
    ///   - first: examples from this one on are learned.
    ///   - heads: that have learned nothing.
    ///   - silent: the vector of an item without a text.
    ///   - item: what is known of an item.
    public init(
        _ memory: ReplayMemory, from first: UInt64, heads: [ResponseHead], silent: [Float],
        item: @escaping @Sendable (String) -> RebuildItem
    ) {
        self.memory = memory
        self.first = first
        self.heads = heads
        self.silent = silent
        self.item = item
    }

    /// The texts of all items in it.
    var texts: Set<String> {
        var seen: Set<String> = []
        var texts: Set<String> = []
        memory.forEachHeld(from: first) { remembered in
            let id = remembered.example.itemId
            if seen.insert(id).inserted, let text = item(id).text { texts.insert(text) }
        }
        return texts
    }

    /// Learns the examples in their order; one that stands for several of the stream with that weight.
    ///
    /// - Returns: the heads by name.
    func run(
        _ vectors: [String: [Float]], isCancelled: () -> Bool
    ) throws -> [String: ResponseHead] {
        var rebuilt = Dictionary(uniqueKeysWithValues: heads.map { ($0.name, $0) })
        var known: [String: ItemFeatures] = [:]
        var count = 0
        try memory.forEachHeld(from: first) { remembered in
            let example = remembered.example
            count += 1
            if count % 256 == 0, isCancelled() { throw RefreshCancelled() }
            // Taken out and put back, so that its storage is not copied.
            guard var head = rebuilt.removeValue(forKey: example.head) else { return }
            defer { rebuilt[example.head] = head }
            let features = known[example.itemId] ?? features(example.itemId, vectors)
            known[example.itemId] = features
            _ = try head.learn(
                example.exposure, item: features, label: example.label,
                weight: example.weight * remembered.inclusionWeight)
        }
        return rebuilt
    }

    private func features(_ id: String, _ vectors: [String: [Float]]) -> ItemFeatures {
        let item = item(id)
        return ItemFeatures(
            id: id, category: item.category, brand: item.brand,
            vector: item.text.flatMap { vectors[$0] } ?? silent)
    }
}

/// One example that a refresh had not seen: what was served for it, and what the candidate says.
public struct FreshPrediction: Sendable {
    /// The item that was shown.
    public let itemID: String
    /// The shopper.
    public let user: String
    /// What came of it.
    public let label: Bool
    /// The weight it is learned with.
    public let weight: Double
    /// What was served, before the label was known.
    public let servedLogit: Double
    /// What the candidate says, before it learned the label.
    public let logit: Double
}

extension ReplayMemory {
    /// Teaches a head, rebuilt from what is held, what came in since, in its order.
    ///
    /// - Parameters:
    ///   - features: what the head sees of an item now.
    ///   - conversionWeight: where labels are learned before they are final, the weight of a purchase
    ///     by an example held as not bought, whose chance the head puts at so much.
    /// - Returns: what it predicted of each, before it learned it.
    public func learnFresh(
        _ head: inout ResponseHead, features: (String) throws -> ItemFeatures,
        conversionWeight: ((Double) -> Double)?
    ) throws -> [FreshPrediction] {
        var predictions: [FreshPrediction] = []
        let name = head.name
        try forEachFresh { remembered in
            let example = remembered.example
            guard example.head == name else { return }
            let prediction = try head.learn(
                example.exposure, item: try features(example.itemId), label: example.label,
                weight: example.weight)
            predictions.append(
                FreshPrediction(
                    itemID: example.itemId, user: example.exposure.user, label: example.label,
                    weight: example.weight, servedLogit: example.servedLogit,
                    logit: prediction.logit))
        }
        guard let conversionWeight else { return predictions }
        try forEachConverted { remembered in
            let example = remembered.example
            guard example.head == name else { return }
            let item = try features(example.itemId)
            let chance = try head.predict(example.exposure, item: item).probability
            _ = try head.learn(
                example.exposure, item: item, label: true,
                weight: conversionWeight(chance) * remembered.inclusionWeight)
        }
        return predictions
    }
}
