import Engine
import Events
import Foundation
import Records
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
        let question = Question(
            userID: userID, itemID: itemID, price: price,
            context: context.map { Question.Circumstance($0.key, $0.value) }, isView: isView)
        return try recommend([question])[0].get()
    }

    /// The same of several questions; one that cannot be answered says why, and the others are answered.
    public func recommend(_ questions: [Question]) throws -> [Result<Explanation, InquiryError>] {
        try asked { engine, state, embedding, ms in
            try questions.map { question in
                do {
                    return .success(
                        try Explanation(
                            question, engine, reading: state, embedding: embedding, atMs: ms))
                } catch let error as InquiryError {
                    return .failure(error)
                }
            }
        }
    }

    /// Lends the snapshot's engine with its rows, at the snapshot's event time.
    func asked<R>(
        _ answer: (Engine, any StateReader, any TextEmbedding, Int64) throws -> R
    ) throws -> R {
        try store.withSnapshot(record.id) { _, state in
            try answer(engine, state, embedding, record.eventTimeMs)
        }
    }
}

/// What a shopper would be offered for an item: the question.
public struct Question: Codable, Sendable, Equatable {
    /// The shopper.
    public var userID: String
    /// The item.
    public var itemID: String
    /// The list price; the catalogue's where `nil`.
    public var price: Double?
    /// Circumstances of the visit, as a click would carry them.
    public var context: [Circumstance]
    /// Whether the shopper sees the item and has not clicked yet.
    public var isView: Bool

    /// One circumstance.
    public struct Circumstance: Codable, Sendable, Equatable {
        /// Its name.
        public var key: String
        /// What it is.
        public var value: Value

        /// Takes both as they are.
        public init(key: String, value: Value) {
            self.key = key
            self.value = value
        }

        /// From the command line: a number where it reads as one.
        public init(_ key: String, _ text: String) {
            self.init(key: key, value: Double(text).map { .number($0) } ?? .text(text))
        }
    }

    /// A text or a number, as events tell them apart.
    public enum Value: Codable, Sendable, Equatable {
        case text(String)
        case number(Double)
    }

    /// Takes everything as it is; who is asked checks it.
    public init(
        userID: String, itemID: String, price: Double? = nil, context: [Circumstance] = [],
        isView: Bool = false
    ) {
        self.userID = userID
        self.itemID = itemID
        self.price = price
        self.context = context
        self.isView = isView
    }

    fileprivate var attributes: [Event.Attribute] { context.attributes }
}

extension [Question.Circumstance] {
    /// As an event carries them.
    var attributes: [Event.Attribute] {
        sorted { $0.key < $1.key }.map { circumstance in
            switch circumstance.value {
            case .text(let text): Event.Attribute(circumstance.key, .text(text))
            case .number(let number): Event.Attribute(circumstance.key, .number(number))
            }
        }
    }
}

extension Explanation {
    /// An engine's answer; nothing of the engine changes.
    ///
    /// - Parameters:
    ///   - state: the rows that the engine does not have at hand.
    ///   - ts: the time of the visit. Unit: milliseconds since 1970.
    /// - Throws: `InquiryError` where there is nothing to answer by.
    init(
        _ question: Question, _ engine: Engine, reading state: any StateReader,
        embedding: any TextEmbedding, atMs ts: Int64
    ) throws {
        guard !question.isView || engine.knowsViews else {
            throw InquiryError.noViews(snapshot: engine.origin.snapshot)
        }
        let ids = [("a shopper", question.userID), ("an item", question.itemID)]
        for (name, id) in ids where !EventLimits.isID(id) { throw InquiryError.badID(name, id) }
        let item = try engine.item(question.itemID)
        guard let price = question.price ?? item?.price else {
            throw InquiryError.noPrice(itemID: question.itemID)
        }
        guard price.isNormal, 0...EventLimits.amountMax ~= price else {
            throw InquiryError.badPrice(price)
        }
        let shopper = try engine.shopper(question.userID, reading: state)
        var asked = OfferQuestion(
            userID: question.userID, itemID: question.itemID, price: price, atMs: ts)
        asked.context = question.attributes
        asked.isView = question.isView
        let (recommendation, demand) = try engine.inquire(
            asked, embedding: embedding, reading: state)
        self.init(
            recommendation: recommendation, title: item?.title, category: item?.category,
            cost: item?.cost, stock: item?.stock, itemKnown: item != nil,
            isLive: engine.isLive(question.userID, category: item?.category),
            clicks: shopper.clicks, purchases: shopper.purchases,
            recentItems: shopper.recentItems, demand: demand)
    }
}

extension Learner {
    /// What the state as it is now would offer, as a snapshot of it would answer. Thread: the learning
    /// thread; takes as long as one item does.
    func answer(_ question: Question) throws -> Explanation {
        try asked { engine, state, ms in
            try Explanation(
                question, engine, reading: state, embedding: running.embedding, atMs: ms)
        }
    }

    /// Lends the engine as it is, with the last commit's rows, at event time.
    func asked<R>(_ answer: (Engine, any StateReader, Int64) throws -> R) throws -> R {
        let committedMs = try store.status().eventTimeMs
        return try store.withHead { state in
            try answer(
                engine.lent(state, running.embedding), state,
                max(committedMs, commit.eventTimeMs ?? committedMs))
        }
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
    /// Whether offers on it are made to the shopper; if not, this one is none (`pricing.live`).
    public var isLive: Bool
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
        case isLive = "live"
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
    /// How many there may be of something.
    case badNumber(String, Int, from: Int, to: Int)

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
        case .badNumber(let name, let number, let least, let most):
            "\(name): it must be from \(least) to \(most), not \(number)"
        case .badID(let name, let id):
            "'\(id)' cannot be the id of \(name): 1 to \(EventLimits.idBytesMax) bytes in Unicode's normal form C, as events carry them"
        }
    }
}
