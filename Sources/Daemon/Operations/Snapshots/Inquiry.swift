import Engine
import Events
import Foundation
import SnapshotStore

/// Asks a snapshot what it would offer, without changing anything.
public final class Inquiry {
    private let store: SnapshotStore
    private let record: SnapshotRecord
    private var engine: Engine
    private let embedding: EncoderEmbedding

    /// - Parameters:
    ///   - snapshot: a reference to a snapshot of the store.
    ///   - base: folder of the base; the configured one where `nil`.
    public init(store path: String, snapshot: String, base: String?) throws {
        DamageExit.install()
        store = try SnapshotStore.open(path: path, mode: .readOnly)
        let opened = try SnapshotEngine(store: store, snapshot: snapshot, base: base)
        record = opened.record
        engine = opened.engine
        embedding = opened.embedding
    }

    /// The best discount for this shopper and item, with what it rests on.
    ///
    /// - Parameters:
    ///   - price: the list price; the catalogue's where `nil`.
    ///   - context: circumstances of the visit, as a click would carry them.
    ///   - isView: whether the shopper sees the item and has not clicked yet.
    /// - Throws: `InquiryError` where there is nothing to answer by.
    public func recommend(
        userID: String, itemID: String, price: Double?,
        context: [(key: String, value: String)] = [], isView: Bool = false
    ) throws -> Explanation {
        guard !isView || engine.knowsViews else {
            throw InquiryError.noViews(snapshot: record.id)
        }
        for (name, id) in [("a shopper", userID), ("an item", itemID)] {
            guard EventLimits.isID(id) else { throw InquiryError.badID(name, id) }
        }
        let item = try engine.item(itemID)
        guard let price = price ?? item?.price else {
            throw InquiryError.noPrice(itemID: itemID)
        }
        guard price.isNormal, 0...EventLimits.amountMax ~= price else {
            throw InquiryError.badPrice(price)
        }
        let shopper = try store.withSnapshot(record.id) { _, state in
            try engine.shopper(userID, reading: state)
        }
        let attributes = context.sorted { $0.key < $1.key }.map { key, value in
            Event.Attribute(key, Double(value).map { .number($0) } ?? .text(value))
        }
        let (recommendation, demand) = try store.withSnapshot(record.id) { _, state in
            try engine.inquire(
                userID: userID, itemID: itemID, price: price, context: attributes, isView: isView,
                atMs: record.eventTimeMs, embedding: embedding, reading: state)
        }
        return Explanation(
            recommendation: recommendation, title: item?.title, category: item?.category,
            cost: item?.cost, stock: item?.stock, itemKnown: item != nil,
            clicks: shopper.clicks, purchases: shopper.purchases,
            recentItems: shopper.recentItems, demand: demand)
    }
}

/// A decision and what it rests on.
public struct Explanation: Codable, Sendable {
    /// The best discount, as it would be published.
    public var recommendation: Recommendation
    /// The item's title; `nil`: not known.
    public var title: String?
    /// The item's category; `nil`: not known.
    public var category: String?
    /// What a unit costs the shop; `nil`: not known.
    public var cost: Double?
    /// Units left; `nil`: not known.
    public var stock: Double?
    /// Whether the catalogue knows the item; if not, its id is all the model goes by.
    public var itemKnown: Bool
    /// The shopper's clicks so far.
    public var clicks: Int
    /// The shopper's purchases so far.
    public var purchases: Int
    /// Items that the shopper clicked or bought last, the latest last.
    public var recentItems: [String]
    /// Expected conversion at every depth of the grid.
    public var demand: [ExpectedDemand]

    enum CodingKeys: String, CodingKey {
        case recommendation, title, category, cost, stock, clicks, purchases, demand
        case itemKnown = "item_known"
        case recentItems = "recent_items"
    }
}

/// Why a snapshot cannot answer a question.
public enum InquiryError: Error, CustomStringConvertible, ClassifiedFailure {
    case noPrice(itemID: String)
    case badPrice(Double)
    /// Of the clicks and the purchases of views, one or both were never learned.
    case noViews(snapshot: String)
    /// What no event can carry as an id, and nothing is therefore known of.
    case badID(String, String)

    /// The question is at fault: usage.
    public var failureKind: FailureKind { .usage }

    /// What is wrong, and what to ask instead.
    public var description: String {
        switch self {
        case .noPrice(let itemID):
            "the catalogue has no price for item '\(itemID)'; give one with --price"
        case .badPrice(let price): "a price must be above 0 and at most 10^12, not \(price)"
        case .noViews(let snapshot):
            "snapshot \(snapshot) has learned no views: without impressions, or outcomes with clicked, it cannot tell what a view comes to; leave out --view to ask about a visit"
        case .badID(let name, let id):
            "'\(id)' cannot be the id of \(name): 1 to \(EventLimits.idBytesMax) bytes in Unicode's normal form C, as events carry them"
        }
    }
}
