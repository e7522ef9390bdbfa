import ContinualLearning
import Records
import ResponseModel

/// The room of what is remembered: learned examples, and the anchors, which are kept from learning for the
/// heads to be judged by.
struct ExampleMemory {
    var replay: ReplayMemory
    var anchors: AnchorSet

    init(_ configuration: EngineConfiguration) {
        replay = ReplayMemory(configuration: configuration.memory)
        anchors = AnchorSet(configuration: configuration.headGate.anchors)
    }

    /// Whether an example is kept from learning, for the heads to be judged by.
    func isAnchor(_ memoryID: String) -> Bool { anchors.isAnchor(memoryID) }

    /// Keeps a learned example in replay memory, and an anchor among the anchors.
    mutating func insert(_ example: MemoryExample, category: String?) {
        if isAnchor(example.exampleId) {
            anchors.memory.insert(example, category: category)
        } else {
            replay.insert(example, category: category)
        }
    }

    /// Rewrites what is remembered of an example; returns whether anything is.
    @discardableResult
    mutating func rewrite(
        _ memoryID: String, _ head: Label, label: Bool, units: Int = 0,
        expectedUnits: Float? = nil, weight: Double?
    ) -> Bool {
        isAnchor(memoryID)
            ? anchors.memory.correct(
                exampleId: memoryID, head: head.rawValue, label: label, units: units,
                expectedUnits: expectedUnits, weight: weight)
            : replay.correct(
                exampleId: memoryID, head: head.rawValue, label: label, units: units,
                expectedUnits: expectedUnits, weight: weight)
    }

    /// A purchase that was learned and is still remembered.
    func learnedPurchase(_ memoryID: String) -> MemoryExample? {
        isAnchor(memoryID) ? nil : replay.example(memoryID, head: Label.purchase.rawValue)
    }

    mutating func erase(user: String) {
        _ = replay.remove(user: user)
        _ = anchors.memory.remove(user: user)
    }

    mutating func move(user old: String, to new: String) {
        replay.move(user: old, to: new)
        anchors.memory.move(user: old, to: new)
    }

    /// What is known of the items that are remembered.
    func items(_ catalog: ItemCatalog) throws -> [String: RebuildItem] {
        var items: [String: RebuildItem] = [:]
        try replay.forEach { remembered in
            let id = remembered.example.itemId
            if items[id] == nil { items[id] = RebuildItem(try catalog.peek(id)) }
        }
        return items
    }

    /// The items that a refresh under way was begun with.
    var heldItemIDs: Set<String> {
        var ids: Set<String> = []
        replay.forEachHeld { ids.insert($0.example.itemId) }
        return ids
    }

    /// The texts that the judging of a refresh asks for: of the examples that came in since it began, and of
    /// the anchors.
    func judgedTexts(_ catalog: ItemCatalog) throws -> Set<String> {
        var texts: Set<String> = []
        var known: Set<String> = []
        func take(_ id: String) throws {
            guard known.insert(id).inserted else { return }
            if let text = try catalog.peek(id)?.text { texts.insert(text) }
        }
        try replay.forEachFresh { try take($0.example.itemId) }
        try replay.forEachConverted { try take($0.example.itemId) }
        try anchors.memory.forEach { try take($0.example.itemId) }
        return texts
    }

    /// The texts of the anchors that count at a time.
    func anchorTexts(_ catalog: ItemCatalog, atMs nowMs: Int64) throws -> Set<String> {
        var texts: Set<String> = []
        var known: Set<String> = []
        for label in Label.allCases {
            try anchors.forEach(of: label.rawValue, atMs: nowMs) { example in
                guard known.insert(example.itemId).inserted else { return }
                if let text = try catalog.peek(example.itemId)?.text { texts.insert(text) }
            }
        }
        return texts
    }

    /// The categories with the most remembered examples.
    func largestCategories(_ countMax: Int, _ catalog: ItemCatalog) throws -> [String] {
        var counts: [String: Int] = [:]
        var categories = CategoryIndex()
        try replay.forEach { remembered in
            if let category = try categories.category(of: remembered.example.itemId, catalog) {
                counts[category, default: 0] += 1
            }
        }
        return largest(countMax, counts)
    }

    /// The categories with the most anchors, of those that have enough to be judged.
    func anchorCategories(
        _ gate: HeadGateConfiguration, _ catalog: ItemCatalog, atMs nowMs: Int64
    ) throws -> [String] {
        var counts: [String: Int] = [:]
        var categories = CategoryIndex()
        for label in Label.allCases {
            try anchors.forEach(of: label.rawValue, atMs: nowMs) { example in
                if let category = try categories.category(of: example.itemId, catalog) {
                    counts[category, default: 0] += 1
                }
            }
        }
        return largest(gate.slices, counts.filter { $0.value >= gate.gate.examplesMin })
    }
}

extension ExampleMemory {
    private static let marksKey = Array("replay memory".utf8)

    mutating func collectChanges(into changes: inout StateChanges) {
        replay.collectChanges(into: &changes)
        if anchors.configuration.every > 0 { anchors.memory.collectChanges(into: &changes) }
        var marks = ByteWriter(capacity: 32)
        replay.mark.write(to: &marks)
        anchors.memory.mark.write(to: &marks)
        changes.put(EngineTables.weights, Self.marksKey, marks.bytes)
    }

    /// - Parameter present: the same room, whose rows are the state's already; `nil` where all is read.
    mutating func restore(from state: any StateReader, keepingKeyed present: ExampleMemory?) throws
    {
        if let present {
            self = present
            return
        }
        replay =
            try ReplayMemory.restore(configuration: replay.configuration, from: state) ?? replay
        anchors = try AnchorSet(configuration: anchors.configuration, from: state)
    }

    /// After a rollback of the weights: where replay memory ended that they had learned, where examples of
    /// later are remembered. Anchors of that time go, as their labels are no better than the others.
    mutating func markGoneBackTo(_ state: any StateReader) throws -> UInt64? {
        guard let row = try state.value(EngineTables.weights, Self.marksKey) else { return nil }
        var reader = ByteReader(row)
        let (learned, kept) = (
            try ReplayMemory.Mark(from: &reader), try ReplayMemory.Mark(from: &reader)
        )
        if anchors.memory.hasPassed(kept) { anchors.memory.remove(from: kept.inserted) }
        return replay.hasPassed(learned) ? learned.inserted : nil
    }
}
