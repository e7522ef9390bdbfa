import Records

/// A discount that was offered and still stands.
public struct HeldOffer: Sendable, Equatable {
    /// The item that was offered.
    public let itemID: String
    /// As the join knows it.
    public let decisionID: String
    /// The list price that was decided on; at another one the offer does not hold.
    public let listPrice: Double
    /// Fraction of the list price.
    public let discount: Double
    /// Probability with which it was chosen.
    public let propensity: Double
    /// Whether it comes from the exploring draw.
    public let explored: Bool
    /// Event time from which it no longer stands. Units: milliseconds since 1970.
    public let expiresMs: Int64
}

/// What is remembered of one shopper: what was done, and which offers stand.
public struct ShopperState: Sendable, Equatable {
    /// Where a store keeps it.
    public static let table = StateTable("shoppers", .keyed, keys: .owner)

    /// Both lists are bounded; the oldest entry gives way.
    static let recentMax = 8
    static let offersMax = 32

    /// Clicks taken since the shopper became known; duplicates are not.
    public private(set) var clicks = 0
    /// Purchases likewise.
    public private(set) var purchases = 0
    /// Newest click or purchase, in milliseconds since 1970; 0 before any.
    public private(set) var lastSeenMs: Int64 = 0
    /// Items clicked or bought, the latest last; eight at most.
    public private(set) var recentItems: [String] = []
    /// Offers made, the latest last; those that expired may be among them.
    public private(set) var offers: [HeldOffer] = []
    /// When the shopper was seen last, as far as being forgotten goes.
    var use: UsePlace?

    init() {}

    /// What it takes in memory, about.
    var bytes: Int {
        offers.reduce(recentItems.reduce(256) { $0 + 32 + $1.utf8.count }) {
            $0 + 144 + $1.itemID.utf8.count
        }
    }

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

    /// Takes over what was done and offered under another id. Of two offers of an item the shopper's own
    /// one holds.
    mutating func takeOver(_ other: ShopperState, atMs ts: Int64) {
        clicks += other.clicks
        purchases += other.purchases
        // The items of whoever was seen last come last.
        let (earlier, later) = lastSeenMs <= other.lastSeenMs ? (self, other) : (other, self)
        lastSeenMs = later.lastSeenMs
        let items = earlier.recentItems.filter { !later.recentItems.contains($0) }
        recentItems = (items + later.recentItems).suffix(Self.recentMax)
        var standing = offers
        for offer in other.offers where offer.expiresMs > ts {
            if let place = standing.firstIndex(where: { $0.itemID == offer.itemID }) {
                guard standing[place].expiresMs <= ts else { continue }
                standing.remove(at: place)
            }
            standing.append(offer)
        }
        if standing.count > Self.offersMax {
            standing.removeAll { $0.expiresMs <= ts }
        }
        offers = standing.suffix(Self.offersMax)
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
        if let use { use.write(to: &writer) }
        return writer.bytes
    }

    /// Reads a row of the table; throws for bytes that are none.
    public init(encoded bytes: [UInt8]) throws(ByteCodingError) {
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
        if reader.remaining > 0 { use = try UsePlace(from: &reader) }
        try reader.finish()
    }
}
