/// What was left out or forgotten for a bound.
public struct BoundReport: Sendable, Codable, Equatable {
    /// Items known.
    public var items: Int
    /// Items forgotten for not being seen, or for want of room.
    public var itemsForgotten: Int
    /// Shoppers known.
    public var shoppers: Int
    /// Shoppers forgotten for the same reasons.
    public var shoppersForgotten: Int
    /// Vectors of texts kept.
    public var vectors: Int
    /// Bytes that they take.
    public var vectorBytes: Int
    /// Vectors dropped for want of room; they are encoded again when asked for.
    public var vectorsForgotten: Int
    /// Distinct context keys learned from.
    public var contextKeys: Int
    /// Context entries that were not learned from, as their keys were too many.
    public var contextEntriesLeftOut: Int
    /// The keys left out, the most used first; at most 20.
    public var contextKeysLeftOut: [String]

    enum CodingKeys: String, CodingKey {
        case items, shoppers, vectors
        case itemsForgotten = "items_forgotten"
        case shoppersForgotten = "shoppers_forgotten"
        case vectorBytes = "vector_bytes"
        case vectorsForgotten = "vectors_forgotten"
        case contextKeys = "context_keys"
        case contextEntriesLeftOut = "context_entries_left_out"
        case contextKeysLeftOut = "context_keys_left_out"
    }
}
