import Events
import Records

/// The room of what comes in: the join of events with what follows them, what is known of items and
/// shoppers, who was erased, and how late labels are.
struct EventStream {
    var join: AttributionJoin
    var catalog: ItemCatalog
    var contextKeys: ContextKeys
    /// How long after their openings purchases come.
    var delays: PurchaseDelays
    /// How long after their showing offers are clicked.
    var clickDelays: PurchaseDelays
    private(set) var shoppers: Shoppers
    private(set) var identities = Identities()
    private var erasures = Erasures()
    private let bounds: EngineBounds
    /// The last commit's rows, during a step.
    private var state: (any StateReader)?

    /// Items and shoppers looked at in a step, each.
    private static let forgetMax = 2_000

    init(_ configuration: EngineConfiguration, dimension: Int) {
        bounds = configuration.bounds
        catalog = ItemCatalog(dimension: dimension, bounds: bounds)
        shoppers = Shoppers(bounds: bounds)
        contextKeys = ContextKeys(
            countMax: bounds.contextKeysMax, refused: bounds.contextRefused)
        join = AttributionJoin(configuration: configuration.effectiveJoin)
        delays = PurchaseDelays(windowMs: configuration.join.windowMs)
        clickDelays = PurchaseDelays(windowMs: configuration.join.clickWindowMs)
    }

    /// Lends what a step reads from: the last commit's rows, and the encoder.
    mutating func attach(_ state: any StateReader, _ embedding: any TextEmbedding) {
        self.state = state
        catalog.attach(state, embedding)
    }

    mutating func detach() {
        state = nil
        catalog.detach()
    }

    /// The stream's time, by which the unseen are forgotten: no one clock moves it.
    private var seenMs: Int64 { join.watermarkMs ?? UsePlace.unknownMs }

    // MARK: Items and shoppers

    mutating func see(_ itemID: String) throws {
        try catalog.see(itemID, atMs: seenMs, everyMs: bounds.keepItemsMs / 16)
    }

    func shopper(_ userID: String) throws -> ShopperState {
        try shoppers.find(userID, in: state)
    }

    mutating func set(_ userID: String, _ shopper: ShopperState) {
        shoppers.set(userID, shopper, atMs: seenMs, everyMs: bounds.keepShoppersMs / 16)
    }

    /// Forgets items and shoppers that were not seen for as long as is configured, and those seen longest
    /// ago where there are too many.
    mutating func forgetUnseen(_ counters: inout Counters) throws {
        guard let nowMs = join.watermarkMs else { return }
        let bounds = bounds
        for _ in 0..<Self.forgetMax {
            let isSurplus = catalog.uses.count > bounds.itemsMax
            let outcome = try catalog.forgetOldest(nowMs: nowMs) {
                $0 < nowMs - bounds.keepItemsMs || isSurplus
            }
            if outcome == .none { break }
            if outcome == .forgotten { counters.itemsForgotten += 1 }
        }
        for _ in 0..<Self.forgetMax {
            let isSurplus = shoppers.uses.count > bounds.shoppersMax
            let outcome = try shoppers.forgetOldest(in: state, nowMs: nowMs) {
                $0 < nowMs - bounds.keepShoppersMs || isSurplus
            }
            if outcome == .none { break }
            if outcome == .forgotten { counters.shoppersForgotten += 1 }
        }
    }

    /// The shoppers forgotten for not being seen since this was asked last; ids that were joined to them are
    /// on their own again.
    mutating func takeUnseen() throws -> [RowOwner] {
        let unseen = shoppers.takeUnseen()
        for owner in unseen { try identities.forget(owner, in: state) }
        return unseen
    }

    // MARK: Identities

    /// An event as one of the shopper that its user's id stands for.
    mutating func resolved(_ event: Event) throws -> Event {
        guard let userID = event.userID else { return event }
        let shopper = try identities.shopper(userID, in: state)
        return shopper.utf8.elementsEqual(userID.utf8) ? event : event.of(shopper: shopper)
    }

    /// The shopper that an id stands for, for whoever only asks.
    func shopperID(_ id: String, in state: (any StateReader)?) throws -> String {
        try identities.peek(id, in: state)
    }

    /// All ids of the shopper that an id stands for, the shopper's own first.
    func ids(of id: String) throws -> [String] { try ids(of: id, in: state) }

    /// The same, for whoever only asks.
    func ids(of id: String, in state: (any StateReader)?) throws -> [String] {
        let shopper = try identities.peek(id, in: state)
        return [shopper] + (try identities.ids(of: shopper, in: state))
    }

    /// Joins an id to a shopper. What was done and offered under the id, where it was on its own, is the
    /// shopper's from now on.
    ///
    /// - Parameter outputs: examples that close for want of room.
    mutating func join(
        _ id: String, to userID: String, atMs ms: Int64, into outputs: inout [JoinOutput]
    ) throws -> Identities.Outcome {
        let outcome = try identities.join(id, to: userID, atMs: ms, in: state)
        guard outcome == .joined else { return outcome }
        let guest = try shoppers.find(id, in: state)
        var shopper = try shoppers.find(userID, in: state)
        shopper.takeOver(guest, atMs: ms)
        try shoppers.forget(id, in: state)
        set(userID, shopper)
        join.move(shopper: id, to: userID, into: &outputs)
        return outcome
    }

    // MARK: Erasure

    /// Forgets history, offers and open joins of a user. Events from before the erasure are not taken any
    /// more, however late they come and however often they are read again.
    ///
    /// - Returns: the ids that the shopper was known by, the one that is given first.
    mutating func erase(_ userID: String, atMs ts: Int64) throws -> [String] {
        let ids = try self.ids(of: userID)
        for id in ids {
            try erasures.add(id, atMs: ts, in: state)
            try shoppers.forget(id, in: state)
            join.erase(userID: id)
        }
        try identities.forget(RowOwner(user: userID), in: state)
        return ids
    }

    /// The shopper to be erased.
    mutating func shopperID(_ id: String) throws -> String {
        try identities.shopper(id, in: state)
    }

    /// Whether the event is from before its user was erased.
    func isErased(_ event: Event) throws -> Bool { try erasures.covers(event, in: state) }

    /// When the user was erased whom a guest turns out to be, where the guest's past is still there.
    ///
    /// - Returns: `nil` for a guest who is joined to somebody else, or erased already.
    mutating func erasedMs(of userID: String, knownAs guest: String, atMs ms: Int64) throws
        -> Int64?
    {
        guard try erasures.covering(guest, atMs: ms, in: state) == nil,
            try shopperID(guest).utf8.elementsEqual(guest.utf8)
        else { return nil }
        return try erasures.covering(userID, atMs: ms, in: state)
    }

    // MARK: Context

    /// An event with the context entries that are learned from.
    ///
    /// - Returns: with it, for the first time that one was left out, which key that was.
    mutating func keepingContext(of event: Event) -> (Event, leftOut: String?) {
        guard let context = event.offer?.context, !context.isEmpty else { return (event, nil) }
        let before = contextKeys.leftOut
        let admitted = contextKeys.admit(context)
        let kept = admitted.count < context.count ? event.keepingContext { _ in admitted } : event
        let isFirst = before == 0 && contextKeys.leftOut > 0
        return (kept, isFirst ? contextKeys.mostLeftOut(1).first ?? "" : nil)
    }

    /// What is kept, and what was left out for a bound.
    func report(_ counters: Counters) -> BoundReport {
        BoundReport(
            items: catalog.count, itemsForgotten: counters.itemsForgotten,
            shoppers: shoppers.uses.count, shoppersForgotten: counters.shoppersForgotten,
            vectors: catalog.vectors.count, vectorBytes: catalog.vectors.bytes,
            vectorsForgotten: catalog.vectors.forgotten, contextKeys: contextKeys.count,
            contextEntriesLeftOut: contextKeys.leftOut,
            contextKeysLeftOut: contextKeys.mostLeftOut(20))
    }
}

extension EventStream {
    private static let usesKey = Array("uses".utf8)
    private static let vectorClockKey = Array("vector clock".utf8)
    private static let contextKeysKey = Array("context keys".utf8)
    private static let delaysKey = Array("purchase delays".utf8)
    private static let clickDelaysKey = Array("click delays".utf8)

    mutating func collectChanges(into changes: inout StateChanges) {
        erasures.collectChanges(into: &changes)
        identities.collectChanges(into: &changes)
        catalog.collectChanges(into: &changes)
        shoppers.collectChanges(into: &changes)
        var clock = ByteWriter(capacity: 64)
        clock.integer(1 as UInt8)
        catalog.writeClock(&clock)
        shoppers.uses.writeClock(&clock)
        changes.put(EngineTables.state, Self.usesKey, clock.bytes)
        if let row = catalog.vectors.changedClock() {
            changes.put(EngineTables.weights, Self.vectorClockKey, row)
        }
        if let row = contextKeys.changedRow() {
            changes.put(EngineTables.state, Self.contextKeysKey, row)
        }
        join.collectChanges(into: &changes)
        changes.put(EngineTables.state, Self.delaysKey, delays.encoded())
        changes.put(EngineTables.state, Self.clickDelaysKey, clickDelays.encoded())
    }

    /// - Parameter present: the same room, whose keyed rows are the state's already; `nil` where all is read.
    mutating func restore(
        _ configuration: EngineConfiguration, from state: any StateReader,
        keepingKeyed present: EventStream?
    ) throws {
        var clock = try state.value(EngineTables.state, Self.usesKey).map(ByteReader.init)
        if var reader = clock {
            guard try reader.integer(UInt8.self) == 1 else {
                throw ByteCodingError.badValue(at: 0, "uses of another version")
            }
            clock = reader
        }
        catalog = try ItemCatalog(
            dimension: catalog.silent.count, bounds: bounds, reading: state, clock: &clock,
            vectorClock: try state.value(EngineTables.weights, Self.vectorClockKey))
        shoppers = try Shoppers(bounds: bounds, reading: state, clock: &clock)
        try clock?.finish()
        identities = try Identities(reading: state)
        if let row = try state.value(EngineTables.state, Self.contextKeysKey) {
            contextKeys = try ContextKeys(
                countMax: bounds.contextKeysMax, refused: bounds.contextRefused, row: row)
        }
        join =
            try present?.join
            ?? AttributionJoin(configuration: configuration.effectiveJoin, from: state)
        if let row = try state.value(EngineTables.state, Self.delaysKey) {
            delays = try PurchaseDelays(windowMs: configuration.join.windowMs, encoded: row)
        }
        if let row = try state.value(EngineTables.state, Self.clickDelaysKey) {
            clickDelays = try PurchaseDelays(
                windowMs: configuration.join.clickWindowMs, encoded: row)
        }
    }
}
