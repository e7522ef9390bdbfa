import Records

/// Every item heard of, and the vectors of their texts under the adapters in service.
///
/// Vectors belong to the weights: a snapshot carries those its posterior was learned on. The same
/// text is encoded once, however many items carry it.
struct ItemCatalog: Sendable {
    static let vectorTable = StateTable("vectors", .weights)
    /// Items as they were when a refresh began, where they changed since; empty for a new one.
    static let pastTable = StateTable("items past", .keyed)

    private(set) var items: [String: Item] = [:]
    private var vectors: [String: [Float]] = [:]
    private var changedItems: Set<String> = []
    private var changedTexts: Set<String> = []
    /// While items are held, those that changed since as they were; `nil` for one that was not there.
    private var past: [String: Item?]?
    private var changedPast: Set<String> = []
    /// The vector of an item without a text: it says nothing.
    let silent: [Float]

    init(dimension: Int) {
        silent = [Float](repeating: 0, count: dimension)
    }

    /// Learns of an item, or that something of it changed.
    mutating func update(_ id: String, _ change: (inout Item) -> Void) {
        var item = items[id] ?? Item(id: id)
        change(&item)
        guard item != items[id] else { return }
        if past != nil, past?.index(forKey: id) == nil {
            self.past?[id] = .some(items[id])
            changedPast.insert(id)
        }
        items[id] = item
        changedItems.insert(id)
    }

    subscript(id: String) -> Item? { items[id] }

    func vector(of item: Item) -> [Float] {
        item.text.flatMap { vectors[$0] } ?? silent
    }

    func vector(ofText text: String) -> [Float]? { vectors[text] }

    mutating func setVector(_ vector: [Float], of text: String) {
        vectors[text] = vector
        changedTexts.insert(text)
    }

    /// Keeps what is known of items now in view until `release`.
    mutating func hold() {
        release()
        past = [:]
    }

    mutating func release() {
        for id in (past ?? [:]).keys { changedPast.insert(id) }
        past = nil
    }

    /// Goes on holding, as the state that was restored did.
    mutating func resumeHold() {
        past = past ?? [:]
    }

    /// What was known of an item when items were held.
    var heldItems: @Sendable (String) -> Item? {
        { [items, past] id in
            if let then = past?[id] { return then }
            return items[id]
        }
    }

    /// All texts of items not deleted, in a fixed order.
    var texts: [String] {
        Set(items.values.compactMap { $0.deleted ? nil : $0.text }).sorted()
    }

    /// Replaces every vector, as new adapters ask for; texts without one are forgotten.
    mutating func replaceVectors(_ new: [String: [Float]]) {
        changedTexts.formUnion(vectors.keys)
        changedTexts.formUnion(new.keys)
        vectors = new
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for id in changedItems.sorted() {
            guard let item = items[id] else { continue }
            changes.put(Item.table, Array(id.utf8), item.encoded())
        }
        for id in changedPast.sorted() {
            if let then = past?[id] {
                changes.put(Self.pastTable, Array(id.utf8), then?.encoded() ?? [])
            } else {
                changes.remove(Self.pastTable, Array(id.utf8))
            }
        }
        changedPast = []
        for text in changedTexts.sorted() {
            let key = Self.key(text)
            guard let vector = vectors[text] else {
                changes.remove(Self.vectorTable, key)
                continue
            }
            var writer = ByteWriter(capacity: 4 * vector.count + text.utf8.count + 8)
            writer.string(text)
            writer.floats(vector)
            changes.put(Self.vectorTable, key, writer.bytes)
        }
        changedItems = []
        changedTexts = []
    }

    init(dimension: Int, reading state: any StateReader) throws {
        self.init(dimension: dimension)
        try state.forEach(Item.table) { key, value in
            let id = String(decoding: key, as: UTF8.self)
            items[id] = try Item(id: id, encoded: value)
        }
        try state.forEach(Self.pastTable) { key, value in
            let id = String(decoding: key, as: UTF8.self)
            past = past ?? [:]
            past?[id] = .some(value.isEmpty ? nil : try Item(id: id, encoded: value))
        }
        try state.forEach(Self.vectorTable) { _, value in
            var reader = ByteReader(value)
            let text = try reader.string()
            let vector = try reader.floats()
            try reader.finish()
            guard vector.count == dimension else {
                throw EngineError.stateMismatch(
                    "a vector of \(vector.count) numbers where the base gives \(dimension)")
            }
            vectors[text] = vector
        }
    }

    /// Texts may be longer than a key can be.
    private static func key(_ text: String) -> [UInt8] {
        Array(SHA256.hash(text).bytes.prefix(16))
    }
}
