import Engine
import Events
import Pricing
import Records
import SnapshotStore

/// What a shopper, or one of whom nothing is known, would be shown: the question, as it is asked of a daemon.
public struct RankingRequest: Codable, Sendable {
    /// The shopper; `nil` for one of whom nothing is known.
    public var userID: String?
    /// The items to choose from; where empty, those that the shopper and others looked at last.
    public var itemIDs: [String]
    /// Offers, at most.
    public var count: Int
    /// Offers of one category, at most; `nil`: any number.
    public var perCategory: Int?
    /// Offers of one brand, at most; `nil`: any number.
    public var perBrand: Int?
    /// Circumstances of the visit, as a click would carry them.
    public var context: [Question.Circumstance]
    /// Whether the items are seen and not clicked yet.
    public var isView: Bool

    /// Takes everything as it is; who is asked checks it.
    public init(
        userID: String?, itemIDs: [String] = [], count: Int, perCategory: Int? = nil,
        perBrand: Int? = nil, context: [Question.Circumstance] = [], isView: Bool = false
    ) {
        self.userID = userID
        self.itemIDs = itemIDs
        self.count = count
        self.perCategory = perCategory
        self.perBrand = perBrand
        self.context = context
        self.isView = isView
    }

    /// What an engine answers; nothing of it changes.
    ///
    /// - Parameters:
    ///   - state: the rows that the engine does not have at hand.
    ///   - ts: the time of the visit. Unit: milliseconds since 1970.
    /// - Throws: `InquiryError` where there is nothing to answer by.
    func answer(
        _ engine: Engine, reading state: any StateReader, embedding: any TextEmbedding,
        atMs ts: Int64
    ) throws -> Ranking {
        guard !isView || engine.knowsViews else {
            throw InquiryError.noViews(snapshot: engine.origin.snapshot)
        }
        if let userID, !EventLimits.isID(userID) { throw InquiryError.badID("a shopper", userID) }
        for itemID in itemIDs where !EventLimits.isID(itemID) {
            throw InquiryError.badID("an item", itemID)
        }
        let most = RankingQuestion.candidatesMax
        guard itemIDs.count <= most else {
            throw InquiryError.badNumber("items", itemIDs.count, from: 0, to: most)
        }
        let numbers: [(String, Int?)] = [
            ("count", count), ("per_category", perCategory), ("per_brand", perBrand),
        ]
        for case (let name, let number?) in numbers where !(1...most).contains(number) {
            throw InquiryError.badNumber(name, number, from: 1, to: most)
        }
        var question = RankingQuestion(
            userID: userID,
            slate: Slate(count: count, perCategory: perCategory, perBrand: perBrand))
        question.itemIDs = itemIDs
        question.context = context.attributes
        question.isView = isView
        return try engine.rank(question, atMs: ts, embedding: embedding, reading: state)
    }
}

extension Inquiry {
    /// The offers worth showing together, as a daemon with the snapshot's state would answer.
    ///
    /// - Throws: `InquiryError` where there is nothing to answer by.
    public func rank(_ request: RankingRequest) throws -> Ranking {
        try asked { engine, state, embedding, ms in
            try request.answer(engine, reading: state, embedding: embedding, atMs: ms)
        }
    }
}

extension Learner {
    /// What the state as it is now would show. Thread: the learning thread; takes as long as the candidates do.
    func rank(_ request: RankingRequest) throws -> Ranking {
        try asked { engine, state, ms in
            try request.answer(engine, reading: state, embedding: running.embedding, atMs: ms)
        }
    }
}
