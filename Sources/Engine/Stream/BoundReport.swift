/// What was left out or forgotten for a bound.
public struct BoundReport: Sendable, Codable, Equatable {
    public var items: Int
    public var itemsForgotten: Int
    public var shoppers: Int
    public var shoppersForgotten: Int
    public var vectors: Int
    public var vectorBytes: Int
    public var vectorsForgotten: Int
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
