/// What item fields inside a click, a purchase or an outcome may say of an item.
///
/// Whoever may send a click would else set costs and stocks for every shopper: what hard rules rest on
/// comes from `item` events.
public enum InlineFields: String, Sendable, Hashable, CaseIterable {
    /// Texts of which nothing is known yet.
    case texts
    /// Everything, as an `item` event would; but what was deleted stays so.
    case all
    case none
}

/// `InlineFields` by topic.
public struct InlinePolicy: Sendable, Hashable {
    /// Of topics that are not named.
    public var standard = InlineFields.texts
    /// Of single topics, by name; these go before `standard`.
    public var topics: [String: InlineFields] = [:]

    /// Texts of which nothing is known yet, from every topic.
    public init() {}

    subscript(topic: String) -> InlineFields { topics[topic] ?? standard }
}
