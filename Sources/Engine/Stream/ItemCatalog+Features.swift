import Encoder
import Events
import ResponseModel

/// What the heads see of items: their names, and the vectors of their texts. The encoder is lent for the
/// time of a step.
extension ItemCatalog {
    /// What the heads see of an item; of one never heard of, its id alone.
    mutating func features(of itemID: String) throws -> ItemFeatures {
        let item = try find(itemID)
        var vector = silent
        if let text = item?.text { vector = try self.vector(of: text) }
        return ItemFeatures(
            id: itemID, category: item?.category, brand: item?.brand, vector: vector)
    }

    /// The same under other vectors than those at hand.
    func features(of itemID: String, under vector: (Item) -> [Float]) throws -> ItemFeatures {
        let item = try peek(itemID) ?? Item(id: itemID)
        return ItemFeatures(
            id: itemID, category: item.category, brand: item.brand, vector: vector(item))
    }

    /// What is known of an item and what the heads see of it; nothing is remembered of having looked.
    func look(
        at itemID: String, with embedding: any TextEmbedding
    ) throws -> (item: Item?, features: ItemFeatures) {
        let item = try peek(itemID)
        var vector = silent
        if let text = item?.text {
            vector = try vectors.peek(text) ?? embedding.vectors(of: [text]).first ?? silent
        }
        return (
            item,
            ItemFeatures(
                id: itemID, category: item?.category, brand: item?.brand, vector: vector)
        )
    }

    /// A text's vector, encoded now unless it is known.
    private mutating func vector(of text: String) throws -> [Float] {
        if let known = vectors.use(text) { return known }
        try encode([text])
        return vectors.peek(text) ?? silent
    }

    /// Encodes, at one go, the texts that a batch will ask for.
    mutating func prepare(_ batch: [EngineInput], _ policy: InlinePolicy) throws {
        var preview: [String: Item] = [:]
        var missing: Set<String> = []
        for input in batch {
            guard case .success(let event) = input.event, let itemID = event.itemID else {
                continue
            }
            var item = try preview[itemID] ?? find(itemID) ?? Item(id: itemID)
            if case .item(let update) = event.body {
                item.merge(update)
                preview[itemID] = item
                continue
            }
            if let inline = event.offer?.item {
                item.merge(inline: inline, policy[input.record.position.topic])
                preview[itemID] = item
            }
            if let text = item.text, vectors.peek(text) == nil { missing.insert(text) }
        }
        try encode(missing.sorted())
    }

    /// The vectors of some texts by text, those that were forgotten encoded anew.
    mutating func vectors(of texts: Set<String>) throws -> [String: [Float]] {
        let missing = texts.filter { vectors.use($0) == nil }
        try encode(missing.sorted())
        var known: [String: [Float]] = [:]
        for text in texts { known[text] = vectors.peek(text) }
        return known
    }

    private mutating func encode(_ texts: [String]) throws {
        guard !texts.isEmpty else { return }
        for (text, vector) in zip(texts, try encoder.vectors(of: texts)) {
            vectors.set(vector, of: text)
        }
    }

    /// Has the encoder use other adapters.
    func use(_ adapters: Adapters) throws { try encoder.use(adapters) }

    /// The vectors of texts under the adapters that the encoder uses now; none is kept.
    func encoded(_ texts: [String]) throws -> [[Float]] { try encoder.vectors(of: texts) }

    private var encoder: any TextEmbedding {
        guard let embedding else { preconditionFailure("texts are encoded in a step alone") }
        return embedding
    }
}

/// The categories of items, each looked up once.
struct CategoryIndex {
    private var known: [String: String?] = [:]

    mutating func category(of itemID: String, _ catalog: ItemCatalog) throws -> String? {
        if let known = known[itemID] { return known }
        let category = try catalog.peek(itemID)?.category
        known[itemID] = .some(category)
        return category
    }
}
