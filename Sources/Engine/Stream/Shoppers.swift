import Records

/// What is remembered of shoppers. All of it is in the state; in memory are those that changed since the
/// last commit, and those seen lately.
struct Shoppers: Sendable {
    static let table = ShopperState.table
    static let useTable = StateTable("shoppers seen", .keyed)

    /// Since the last commit; `nil` for one that was forgotten.
    private var changed: [RowOwner: ShopperState?] = [:]
    private var recent: RecentRows<RowOwner, ShopperState>
    private(set) var uses = LastUse(useTable, isOwned: true)
    /// Forgotten since the last commit for not being seen.
    private var unseen: [RowOwner] = []

    init(bounds: EngineBounds) {
        recent = RecentRows(bytesMax: bounds.shopperCacheBytes)
    }

    /// - Parameter state: the last commit's, where a shopper not in memory is read from.
    func find(_ userID: String, in state: (any StateReader)?) throws -> ShopperState {
        try find(RowOwner(user: userID), in: state) ?? ShopperState()
    }

    private func find(_ owner: RowOwner, in state: (any StateReader)?) throws -> ShopperState? {
        if let own = changed[owner] { return own }
        if let known = recent.peek(owner) { return known }
        return try state?.value(Self.table, owner.bytes).map(ShopperState.init(encoded:))
    }

    /// Takes what was done, which counts as seen; noted once in a while.
    ///
    /// - Parameter atMs: the stream's time, `UsePlace.unknownMs` before there is any.
    mutating func set(_ userID: String, _ shopper: ShopperState, atMs: Int64, everyMs: Int64) {
        let owner = RowOwner(user: userID)
        var shopper = shopper
        if let place = shopper.use {
            if place.atMs == UsePlace.unknownMs
                ? atMs != place.atMs : atMs - place.atMs >= everyMs
            {
                uses.remove(place)
                shopper.use = uses.append(owner.bytes, atMs: atMs)
            }
        } else {
            shopper.use = uses.append(owner.bytes, atMs: atMs)
        }
        changed[owner] = .some(shopper)
    }

    mutating func forget(_ userID: String, in state: (any StateReader)?) throws {
        let owner = RowOwner(user: userID)
        if let place = try find(owner, in: state)?.use { uses.remove(place) }
        changed[owner] = .some(nil)
        recent.remove(owner)
    }

    /// Forgets the shopper not seen for longest, where `isGone` says so of the time it was.
    mutating func forgetOldest(
        in state: (any StateReader)?, nowMs: Int64, where isGone: (_ seenMs: Int64) -> Bool
    ) throws -> LastUse.Outcome {
        guard let bytes = try uses.oldest(in: state) else { return .none }
        let owner = RowOwner(bytes: bytes)
        let shopper = try owner.flatMap { try find($0, in: state) }
        let outcome = uses.settle(oldest: bytes, at: shopper?.use, nowMs: nowMs, where: isGone)
        guard let owner, var shopper else { return outcome }
        switch outcome {
        case .none, .kept(nil): break
        case .kept(let place?):
            shopper.use = place
            changed[owner] = .some(shopper)
        case .forgotten:
            changed[owner] = .some(nil)
            recent.remove(owner)
            unseen.append(owner)
        }
        return outcome
    }

    /// The shoppers forgotten for not being seen since this was asked last.
    mutating func takeUnseen() -> [RowOwner] {
        defer { unseen = [] }
        return unseen
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for (owner, shopper) in changed.sorted(by: { $0.key < $1.key }) {
            if let shopper {
                changes.put(Self.table, owner.bytes, shopper.encoded(), owner: owner)
                recent.put(owner, shopper, bytes: shopper.bytes)
            } else {
                changes.remove(Self.table, owner.bytes)
            }
        }
        changed = [:]
        uses.collectChanges(into: &changes)
    }

    /// - Parameter clock: `nil` for a state of an earlier version, whose shoppers all count as seen when
    ///   first asked.
    init(
        bounds: EngineBounds, reading state: any StateReader, clock: inout ByteReader?
    ) throws {
        self.init(bounds: bounds)
        if var reader = clock {
            try uses.readClock(&reader)
            clock = reader
            return
        }
        var owners: [(RowOwner, ShopperState)] = []
        try state.forEach(Self.table) { key, value in
            guard let owner = RowOwner(bytes: key) else { return }
            owners.append((owner, try ShopperState(encoded: value)))
        }
        // Rows come in the order of numbers that differ from store to store.
        for (owner, known) in owners.sorted(by: { $0.0 < $1.0 }) {
            var shopper = known
            shopper.use = uses.append(owner.bytes, atMs: UsePlace.unknownMs)
            changed[owner] = .some(shopper)
        }
    }
}
