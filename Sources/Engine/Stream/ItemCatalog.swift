import ContinualLearning
import Records

/// What is known of items. All of it is in the state; in memory are those that changed since the last
/// commit, and those used lately.
///
/// What is found does not depend on what is at hand, only on the state.
struct ItemCatalog {
    /// Items as they were when a refresh began, where they changed since; empty for a new one.
    static let pastTable = StateTable("items past", .keyed)
    static let useTable = StateTable("items seen", .keyed)

    /// The last commit's rows, during a step.
    private var state: (any StateReader)?
    /// The encoder, during a step.
    private(set) var embedding: (any TextEmbedding)?
    /// Since the last commit; `nil` for one that was forgotten.
    private var changed: [String: Item?] = [:]
    private var recent: RecentRows<String, Item>
    /// All of them, where an engine is asked about its state alone.
    private var all: [String: Item]?
    private(set) var uses = LastUse(useTable, isOwned: false)
    private(set) var count = 0
    /// While a refresh is under way, the items it was begun with as it saw them.
    private(set) var held: [String: RebuildItem]?
    /// Those of them that changed since.
    private var past: Set<String> = []
    private var changedPast: [String: [UInt8]?] = [:]
    var vectors: TextVectors
    /// The vector of an item without a text: it says nothing.
    let silent: [Float]

    init(dimension: Int, bounds: EngineBounds) {
        silent = [Float](repeating: 0, count: dimension)
        recent = RecentRows(bytesMax: bounds.catalogCacheBytes)
        vectors = TextVectors()
    }

    /// Lends what a step reads from.
    mutating func attach(_ state: any StateReader, _ embedding: any TextEmbedding) {
        self.state = state
        self.embedding = embedding
    }

    mutating func detach() {
        state = nil
        embedding = nil
    }

    // MARK: Items

    /// What is known of an item, which counts as used where it came to hand.
    mutating func find(_ id: String) throws -> Item? {
        if let own = changed[id] { return own }
        if let known = all?[id] ?? recent.find(id) { return known }
        guard let item = try stored(id) else { return nil }
        recent.put(id, item, bytes: item.bytes)
        return item
    }

    /// The same, and leaves what is at hand as it is: for looking at many.
    func peek(_ id: String) throws -> Item? {
        if let own = changed[id] { return own }
        return try all?[id] ?? recent.peek(id) ?? stored(id)
    }

    private func stored(_ id: String) throws -> Item? {
        try state.flatMap { try Item.stored(id, in: $0) }
    }

    /// Learns of an item, or that something of it changed.
    mutating func update(_ id: String, _ change: (inout Item) -> Void) throws {
        let known = try find(id)
        var item = known ?? Item(id: id)
        change(&item)
        guard item != known else { return }
        keepPast(id, known)
        if known == nil { count += 1 }
        changed[id] = .some(item)
    }

    /// Notes that an item was seen, once in a while.
    mutating func see(_ id: String, atMs: Int64, everyMs: Int64) throws {
        guard var item = try find(id) else { return }
        if let place = item.use {
            if place.atMs == UsePlace.unknownMs ? atMs == place.atMs : atMs - place.atMs < everyMs {
                return
            }
            uses.remove(place)
        }
        item.use = uses.append(Array(id.utf8), atMs: atMs)
        changed[id] = .some(item)
    }

    /// Forgets the item not seen for longest, where `isGone` says so of the time it was.
    ///
    /// - Returns: whether one was looked at that may be followed by others.
    mutating func forgetOldest(
        nowMs: Int64, where isGone: (_ seenMs: Int64) -> Bool
    ) throws -> LastUse.Outcome {
        guard let bytes = try uses.oldest(in: state) else { return .none }
        let id = String(decoding: bytes, as: UTF8.self)
        let item = try find(id)
        let outcome = uses.settle(oldest: bytes, at: item?.use, nowMs: nowMs, where: isGone)
        guard var item else { return outcome }
        switch outcome {
        case .none, .kept(nil): break
        case .kept(let place?):
            item.use = place
            changed[id] = .some(item)
        case .forgotten:
            keepPast(id, item)
            changed[id] = .some(nil)
            recent.remove(id)
            count -= 1
        }
        return outcome
    }

    // MARK: Hold

    /// Keeps what a refresh sees of items in view until `release`.
    mutating func hold(_ items: [String: RebuildItem]) {
        release()
        held = items
    }

    mutating func release() {
        for id in past { changedPast[id] = .some(nil) }
        past = []
        held = nil
    }

    private mutating func keepPast(_ id: String, _ item: Item?) {
        guard held?[id] != nil, past.insert(id).inserted else { return }
        changedPast[id] = item?.encoded() ?? []
    }

    /// Goes on holding, as the state that was restored did.
    ///
    /// - Parameter ids: of the items that the refresh was begun with.
    mutating func resumeHold(_ ids: Set<String>, reading state: any StateReader) throws {
        var items: [String: RebuildItem] = [:]
        for id in ids {
            let key = Array(id.utf8)
            let row = try state.value(Self.pastTable, key)
            if row != nil { past.insert(id) }
            let then = try row ?? state.value(Item.table, key)
            let item = try then.flatMap { $0.isEmpty ? nil : try Item(id: id, encoded: $0) }
            items[id] = RebuildItem(item)
        }
        held = items
    }

    // MARK: State

    mutating func collectChanges(into changes: inout StateChanges) {
        for (id, item) in changed.sorted(by: { $0.key < $1.key }) {
            if let item {
                changes.put(Item.table, Array(id.utf8), item.encoded())
                recent.put(id, item, bytes: item.bytes)
            } else {
                changes.remove(Item.table, Array(id.utf8))
            }
        }
        changed = [:]
        for (id, row) in changedPast.sorted(by: { $0.key < $1.key }) {
            if let row {
                changes.put(Self.pastTable, Array(id.utf8), row)
            } else {
                changes.remove(Self.pastTable, Array(id.utf8))
            }
        }
        changedPast = [:]
        uses.collectChanges(into: &changes)
        vectors.collectChanges(into: &changes)
    }

    func writeClock(_ writer: inout ByteWriter) {
        writer.integer(Int64(count))
        uses.writeClock(&writer)
    }

    /// - Parameters:
    ///   - clock: `nil` for a state of an earlier version, whose items all count as seen when first asked.
    init(
        dimension: Int, bounds: EngineBounds, reading state: any StateReader,
        clock: inout ByteReader?, vectorClock: [UInt8]?
    ) throws {
        self.init(dimension: dimension, bounds: bounds)
        vectors = try TextVectors(dimension: dimension, reading: state, clock: vectorClock)
        if var reader = clock {
            count = Int(try reader.integer(Int64.self))
            try uses.readClock(&reader)
            clock = reader
            return
        }
        try state.forEach(Item.table) { key, value in
            let id = String(decoding: key, as: UTF8.self)
            var item = try Item(id: id, encoded: value)
            item.use = uses.append(key, atMs: UsePlace.unknownMs)
            changed[id] = .some(item)
            count += 1
        }
    }

    /// Takes all items to hand: for an engine that is asked without its state.
    mutating func loadAll(reading state: any StateReader) throws {
        var items: [String: Item] = [:]
        try state.forEach(Item.table) { key, value in
            let id = String(decoding: key, as: UTF8.self)
            items[id] = try Item(id: id, encoded: value)
        }
        all = items
    }
}

extension RebuildItem {
    init(_ item: Item?) {
        self.init(category: item?.category, brand: item?.brand, text: item?.text)
    }
}
