import ContinualLearning
import Engine
import Events
import Foundation
import Records
import SnapshotStore

/// All that a store holds of one shopper, as `shopper show` prints it.
public struct ShopperHoldings: Encodable, Sendable {
    /// One row, with what it is about.
    public struct Row: Encodable, Sendable {
        /// The store's table.
        public let table: String
        /// What rows of the table hold of a shopper.
        public let about: String
        /// As the store has it, in hexadecimal.
        public let key: String
        /// As the store has it, in base 64.
        public let value: String
    }

    /// A message that waits to be published.
    public struct Message: Encodable, Sendable {
        /// Where it goes.
        public let topic: String
        /// Its value, where that is text; in base 64 otherwise; `nil` for a tombstone.
        public let value: String?
    }

    /// An offer that was made and may still stand.
    public struct Offer: Encodable, Sendable {
        /// The item that was offered.
        public let itemID: String
        /// Its list price then.
        public let listPrice: Double
        /// As a fraction of it.
        public let discount: Double
        /// Until when it stands, by event time.
        public let expiresAt: String

        enum CodingKeys: String, CodingKey {
            case discount
            case itemID = "item_id"
            case listPrice = "list_price"
            case expiresAt = "expires_at"
        }
    }

    /// An example that is remembered: an exposure of the shopper, and what became of it.
    public struct Example: Encodable, Sendable {
        /// The event or decision that it came from.
        public let id: String
        /// What it teaches: `click`, `purchase` and the like.
        public let head: String
        /// The item that was shown.
        public let itemID: String
        /// When, by event time.
        public let at: String
        /// The list price.
        public let price: Double
        /// As a fraction of it.
        public let discount: Double
        /// Whether it was clicked or bought.
        public let label: Bool

        enum CodingKeys: String, CodingKey {
            case id, head, at, price, discount, label
            case itemID = "item_id"
        }

        init(_ example: MemoryExample) {
            id = example.exampleId
            head = example.head
            itemID = example.itemId
            at = Timestamp.text(ms: example.exposure.tsMs)
            price = example.exposure.price
            discount = example.exposure.discount
            label = example.label
        }
    }

    /// The shopper that the id stands for: the id itself, unless it was joined to another one.
    public let userID: String
    /// Further ids that were joined to the shopper.
    public let otherIDs: [String]
    /// What stands for the shopper in the table of keys.
    public let pseudonym: String
    /// Whether there is anything.
    public let isKnown: Bool
    /// Since when the shopper objects to personalised prices; `nil` for one who does not. It is kept apart from all
    /// else, and outlives an erasure.
    public let objectedSince: String?
    /// Clicks since the shopper became known.
    public let clicks: Int
    /// Purchases likewise.
    public let purchases: Int
    /// The newest of them, by event time; `nil` before any.
    public let lastSeen: String?
    /// Items that were clicked or bought last, the latest last.
    public let recentItems: [String]
    /// Offers, the latest last.
    public let offers: [Offer]
    /// Examples that are remembered, for training or for judging.
    public let examples: [Example]
    /// Messages that wait to be published.
    public let messages: [Message]
    /// Every row, those that the fields above come from among them.
    public let rows: [Row]

    enum CodingKeys: String, CodingKey {
        case pseudonym, clicks, purchases, offers, examples, messages, rows
        case userID = "user_id"
        case otherIDs = "other_ids"
        case isKnown = "known"
        case objectedSince = "objected_since"
        case lastSeen = "last_seen"
        case recentItems = "recent_items"
    }

    /// - Throws: `RequestError.badRequest` for what is no id; `StoreError`, and what damaged rows say.
    public init(of id: String, in store: SnapshotStore) throws {
        try Self.requireID(id)
        let identity = try store.withHead { try Engine.identity(of: id, reading: $0) }
        let userID = identity.userID
        let owner = RowOwner(user: userID)
        let held = try store.holdings(of: owner)
        self.userID = userID
        otherIDs = identity.otherIDs
        pseudonym = owner.bytes.hex
        isKnown = !held.rows.isEmpty || !held.messages.isEmpty
        let shopper = try held.rows.first { $0.table == ShopperState.table }
            .map { try ShopperState(encoded: $0.value) }
        clicks = shopper?.clicks ?? 0
        purchases = shopper?.purchases ?? 0
        lastSeen = shopper.flatMap { $0.lastSeenMs > 0 ? Timestamp.text(ms: $0.lastSeenMs) : nil }
        recentItems = shopper?.recentItems ?? []
        objectedSince = try store.withHead { try Engine.objectedMs(userID, reading: $0) }
            .map { Timestamp.text(ms: $0) }
        // Of who has objected none stands any more.
        offers = (objectedSince == nil ? shopper?.offers ?? [] : []).map {
            Offer(
                itemID: $0.itemID, listPrice: $0.listPrice, discount: $0.discount,
                expiresAt: Timestamp.text(ms: $0.expiresMs))
        }
        examples = try Self.examples(of: userID, held, store)
        messages = held.messages.map { message in
            Message(
                topic: message.topic,
                value: message.value.map {
                    String(validating: $0, as: UTF8.self) ?? Data($0).base64EncodedString()
                })
        }
        rows = held.rows.map {
            Row(
                table: $0.table.name, about: Self.about($0.table.name), key: $0.key.hex,
                value: Data($0.value).base64EncodedString())
        }
    }

    /// - Complexity: reads all of replay memory, where there is one of the shopper's.
    private static func examples(
        of userID: String, _ held: OwnerHoldings, _ store: SnapshotStore
    ) throws -> [Example] {
        let tables = [ReplayMemory.table, AnchorSet.table].filter { table in
            held.rows.contains { $0.table == table }
        }
        guard !tables.isEmpty else { return [] }
        return try store.withHead { state in
            var found: [Example] = []
            for table in tables {
                var configuration = ReplayMemory.Configuration()
                configuration.table = table
                try ReplayMemory.restore(configuration: configuration, from: state)?.forEach {
                    if $0.example.exposure.user == userID { found.append(Example($0.example)) }
                }
            }
            return found
        }
    }

    static func requireID(_ userID: String) throws {
        guard EventLimits.isID(userID) else { throw InquiryError.badID("a shopper", userID) }
    }

    private static func about(_ table: String) -> String {
        switch table {
        case "shoppers": "clicks, purchases, last items, offers"
        case "shoppers seen": "when the shopper was seen last"
        case "join.open": "an offer or click whose outcome is waited for"
        case "join.pending": "an event that waits until none older can come"
        case "join.purchases", "join.sold": "a purchase that a refund may find"
        case "replay": "an example that is remembered for training"
        case "anchors": "an example that is predicted and never learned"
        case "offers", "offer_states", "offer_ends": "an offer that was published"
        case "identities":
            "the other ids that the shopper is known by, or the shopper that the id was joined to"
        case "rules of shoppers": "offers that rules count"
        case let name where name.hasSuffix(".users"): "what was learned of the shopper's answers"
        default: "state about the shopper"
        }
    }
}
