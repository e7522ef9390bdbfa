/// How much the engine keeps, in memory and in its state, whatever a stream brings.
///
/// Caches change speed and never bits. The other bounds are part of what is learned: a replay needs the
/// same ones.
public struct EngineBounds: Sendable, Hashable {
    /// Items of the catalogue at hand in memory; the rest are read from the state. A cache.
    public var catalogCacheBytes = 64 << 20
    /// Shoppers likewise. A cache.
    public var shopperCacheBytes = 64 << 20
    /// Vectors of texts, in memory and in the state; those not used for longest are encoded again.
    public var vectorBytes = 128 << 20
    /// Items in the state; those not seen for longest give way.
    public var itemsMax = 5_000_000
    /// Shoppers likewise.
    public var shoppersMax = 10_000_000
    /// Event time without an event after which an item is forgotten.
    public var keepItemsMs: Int64 = 1_100 * 86_400_000
    /// Event time without a purchase or a request for an offer after which a shopper is forgotten.
    public var keepShoppersMs: Int64 = 400 * 86_400_000
    /// Distinct context keys that are learned from.
    public var contextKeysMax = 64
    /// Context keys that are never learned from.
    public var contextRefused: Set<String> = []

    /// The defaults.
    public init() {}
}
