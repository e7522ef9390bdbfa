import Events
import Records
import SnapshotStore

/// What `erase` is asked for.
public struct ErasureRequest: Codable, Sendable {
    /// The shopper's id, as events carry it.
    public var userID: String
    /// What the store held of the shopper when it was asked for, as who asks has counted it.
    public var held: [OwnerHoldings.Count]
    /// Why, for the record.
    public var reason: String
    /// Who asks, for the record.
    public var who: String

    /// Counts what the store holds of the shopper.
    ///
    /// - Throws: `RequestError.badRequest` for what is no id, and without a reason.
    /// - Complexity: looks at the beginning of every row of the state; a daemon goes on meanwhile.
    public init(userID: String, in store: SnapshotStore, reason: String, who: String) throws {
        self.userID = userID
        self.reason = reason
        self.who = who
        held = []
        try require()
        held = try store.holdings(of: RowOwner(user: userID)).counts
    }

    /// - Throws: `RequestError.badRequest` for what is no id, and without a reason.
    func require() throws {
        try ShopperHoldings.requireID(userID)
        try RequestError.require(reason: reason)
    }
}

/// What an erasure did, and what it could not reach, as `--json` prints it. The shopper's id is not in it.
public struct ErasureOutcome: Codable, Sendable {
    /// The commit that the shopper's key was destroyed in.
    public var sequence: UInt64
    /// Events of the shopper up to this time are not learned any more. Unit: milliseconds since 1970.
    public var throughMs: Int64
    /// What there was of the shopper at the last commit before, by table; empty for a shopper who was not
    /// known.
    public var gone: [OwnerHoldings.Count]
    /// Snapshots that hold nothing readable of the shopper any more.
    public var snapshots: Int
    /// What is left elsewhere, a sentence each.
    public var left: [String]

    enum CodingKeys: String, CodingKey {
        case sequence, gone, snapshots, left
        case throughMs = "through_ms"
    }

    /// - Parameters:
    ///   - read: topics that events come from.
    ///   - written: topics that the daemon writes to.
    init(
        _ request: ErasureRequest, info: CommitInfo, throughMs: Int64, snapshots: Int,
        read: [String], written: [String]
    ) {
        sequence = info.sequence
        self.throughMs = throughMs
        gone = request.held
        self.snapshots = snapshots
        left = [
            "topics that are read (\(read.joined(separator: ", "))): events of the shopper lie there as long as the topics keep them",
            "topics that are written (\(written.joined(separator: ", "))): recommendations and dead letters likewise",
            "dead letters that wait to be published: whose they are is not known",
            "captured logs, reports, predictions and backups of the store: erase again after a restore",
            "what the shopper taught of items, categories and contexts: it is an aggregate",
            "bytes of the destroyed key in free pages of the store's file, until 'tidemark snapshots prune' writes it anew",
        ]
    }
}

extension Configuration {
    /// Topics that the daemon writes to.
    var writtenTopics: [String] {
        var topics = [publish.topic, publish.deadLetterTopic]
        if !publish.stateTopic.isEmpty { topics.append(publish.stateTopic) }
        return topics
    }
}
