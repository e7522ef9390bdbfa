import Records
import SnapshotStore

/// What an objection to personalised prices is asked for by, where no event carries it.
public struct ObjectionRequest: Codable, Sendable {
    /// The shopper's id, as events carry it.
    public var userID: String
    /// Why, for the record.
    public var reason: String
    /// Who asks, for the record.
    public var who: String

    /// - Throws: `RequestError.badRequest` for what is no id, and without a reason.
    public init(userID: String, reason: String, who: String) throws {
        self.userID = userID
        self.reason = reason
        self.who = who
        try check()
    }

    /// What comes by the socket was made by any program.
    func check() throws {
        try ShopperHoldings.requireID(userID)
        try RequestError.require(reason: reason)
    }
}

/// What an objection did, as `--json` prints it. The shopper's id is not in it.
public struct ObjectionOutcome: Codable, Sendable {
    /// The commit that has it.
    public var sequence: UInt64
    /// Whether the shopper had not objected before.
    public var isNew: Bool
    /// Offers that stood and were ended.
    public var ended: Int
    /// What is left elsewhere, a sentence each.
    public var left: [String]

    enum CodingKeys: String, CodingKey {
        case sequence, ended, left
        case isNew = "new"
    }

    /// - Parameter topic: where recommendations are published.
    init(info: CommitInfo, isNew: Bool, ended: Int, topic: String, hasStates: Bool) {
        sequence = info.sequence
        self.isNew = isNew
        self.ended = ended
        left = [
            "\(topic): recommendations that were delivered before lie there; a shop that still shows one must end it"
                + (hasStates ? ", as the topic of standing offers says" : "")
        ]
    }
}
