import Records

/// A discount that was offered and still stands.
public struct HeldOffer: Sendable, Equatable {
    public let itemID: String
    /// As the join knows it.
    public let decisionID: String
    public let listPrice: Double
    public let discount: Double
    public let propensity: Double
    public let explored: Bool
    public let expiresMs: Int64
}

/// What is remembered of one shopper: what was done, and which offers stand.
public struct ShopperState: Sendable, Equatable {
    /// Both lists are bounded; the oldest entry gives way.
    static let recentMax = 8
    static let offersMax = 32

    public private(set) var clicks = 0
    public private(set) var purchases = 0
    public private(set) var lastSeenMs: Int64 = 0
    public private(set) var recentItems: [String] = []
    public private(set) var offers: [HeldOffer] = []

    init() {}

    mutating func clicked(_ itemID: String, atMs ts: Int64) {
        clicks += 1
        seen(itemID, atMs: ts)
    }

    mutating func purchased(_ itemID: String, atMs ts: Int64) {
        purchases += 1
        seen(itemID, atMs: ts)
    }

    private mutating func seen(_ itemID: String, atMs ts: Int64) {
        lastSeenMs = max(lastSeenMs, ts)
        recentItems.removeAll { $0 == itemID }
        recentItems.append(itemID)
        if recentItems.count > Self.recentMax { recentItems.removeFirst() }
    }

    /// The offer of this item that stands at `ts`.
    func offer(of itemID: String, atMs ts: Int64) -> HeldOffer? {
        offers.first { $0.itemID == itemID && $0.expiresMs > ts }
    }

    mutating func hold(_ offer: HeldOffer, atMs ts: Int64) {
        offers.removeAll { $0.itemID == offer.itemID || $0.expiresMs <= ts }
        offers.append(offer)
        if offers.count > Self.offersMax { offers.removeFirst() }
    }
}

extension ShopperState {
    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.integer(Int64(clicks))
        writer.integer(Int64(purchases))
        writer.integer(lastSeenMs)
        writer.array(recentItems) { $0.string($1) }
        writer.array(offers) { writer, offer in
            writer.string(offer.itemID)
            writer.string(offer.decisionID)
            writer.double(offer.listPrice)
            writer.double(offer.discount)
            writer.double(offer.propensity)
            writer.bool(offer.explored)
            writer.integer(offer.expiresMs)
        }
        return writer.bytes
    }

    init(encoded bytes: [UInt8]) throws(ByteCodingError) {
        var reader = ByteReader(bytes)
        clicks = Int(try reader.integer(Int64.self))
        purchases = Int(try reader.integer(Int64.self))
        lastSeenMs = try reader.integer()
        recentItems = try reader.array { r throws(ByteCodingError) in try r.string() }
        offers = try reader.array { r throws(ByteCodingError) in
            HeldOffer(
                itemID: try r.string(), decisionID: try r.string(),
                listPrice: try r.double(), discount: try r.double(),
                propensity: try r.double(), explored: try r.bool(), expiresMs: try r.integer())
        }
        try reader.finish()
    }
}

/// The shoppers that the current work touches; the rest stay in the store until asked for.
struct Shoppers: Sendable {
    static let table = StateTable("shoppers", .keyed, keys: .owner)
    /// How many clean ones are kept in memory between commits.
    private static let residentMax = 100_000

    private var resident: [String: ShopperState] = [:]
    private var changed: Set<String> = []

    /// - Parameter state: the last commit's, where a shopper not in memory is read from.
    func find(_ userID: String, in state: any StateReader) throws -> ShopperState {
        if let known = resident[userID] { return known }
        let row = try state.value(Self.table, Self.key(userID))
        return try row.map(ShopperState.init(encoded:)) ?? ShopperState()
    }

    mutating func set(_ userID: String, _ shopper: ShopperState) {
        resident[userID] = shopper
        changed.insert(userID)
    }

    mutating func forget(_ userID: String) {
        resident[userID] = ShopperState()
        changed.insert(userID)
    }

    mutating func collectChanges(into changes: inout StateChanges) {
        for userID in changed.sorted() {
            guard let shopper = resident[userID] else { continue }
            if shopper == ShopperState() {
                changes.remove(Self.table, Self.key(userID))
            } else {
                changes.put(
                    Self.table, Self.key(userID), shopper.encoded(), owner: RowOwner(user: userID))
            }
        }
        changed = []
        if resident.count > Self.residentMax { resident = [:] }
    }

    /// A user id may be longer than a key can be.
    static func key(_ userID: String) -> [UInt8] {
        RowOwner(user: userID).bytes
    }
}
