import Engine
import Foundation
import Telemetry

/// What a daemon is asked to do while it runs.
public enum ControlRequest: Codable, Sendable {
    case status
    /// Takes a snapshot now; its keyed state is kept too, so that it can always be gone back to.
    case snapshot(tags: [String], who: String)
    case tag(reference: String, name: String, who: String)
    case untag(name: String, who: String)
    case rollback(RollbackRequest)
    /// Stops a part until it is resumed, also through restarts.
    case pause(PausedPart, reason: String, who: String)
    case resume(PausedPart, reason: String, who: String)
    /// What would be offered now; nothing is changed.
    case recommend(Question)
    /// Which offers would be shown together now; nothing is changed.
    case rank(RankingRequest)
    /// Forgets a shopper.
    case erase(ErasureRequest)
    /// Reads the configuration again.
    case reload(who: String)
    /// Has the log be told other lines.
    case logLevel(LogLevel, reason: String, who: String)
    /// A shopper wants no personalised prices.
    case object(ObjectionRequest)
    /// A person's word about deep discounts of an item.
    case approve(ApprovalRequest)
}

/// What `rollback` is asked for, on a store or of a daemon.
public struct RollbackRequest: Codable, Sendable {
    /// The snapshot to go back to: an id, a tag, or whatever else a store resolves.
    public var reference: String
    /// Whether the whole learned state goes back, and its stream is learned again.
    public var rewind: Bool
    /// `topic:partition:from-to`, both ends included.
    public var skips: [String]
    /// Whether only to tell what would happen.
    public var dryRun: Bool
    /// Why, for the record.
    public var reason: String
    /// Who asks, for the record.
    public var who: String

    /// Takes each field as it is; `skipRanges` checks the ranges.
    public init(
        reference: String, rewind: Bool, skips: [String] = [], dryRun: Bool = false,
        reason: String, who: String
    ) {
        self.reference = reference
        self.rewind = rewind
        self.skips = skips
        self.dryRun = dryRun
        self.reason = reason
        self.who = who
    }

    /// - Throws: `RequestError.badRequest` for a range that is none.
    public func skipRanges() throws -> OffsetRanges {
        var ranges = OffsetRanges()
        for text in skips {
            guard let range = OffsetRanges(text) else {
                throw RequestError.badRequest(
                    "--skip \(text): expected topic:partition:from-to, both ends included")
            }
            ranges.formUnion(range)
        }
        guard skips.isEmpty || rewind else {
            throw RequestError.badRequest(
                "--skip goes with --rewind: only what is learned again can be skipped")
        }
        return ranges
    }
}

/// What came of a request.
public enum ControlReply: Codable, Sendable {
    case status(LearnerStatus)
    /// The snapshot that was taken, named or tagged.
    case snapshot(id: String)
    case untagged(name: String)
    case rollback(RollbackOutcome)
    /// What stands still from now on.
    case paused(PauseState)
    case explanation(Explanation)
    case ranking(Ranking)
    case erased(ErasureOutcome)
    case reloaded(ReloadOutcome)
    case logLevel(LogLevel)
    case objected(ObjectionOutcome)
    /// What is known of the item from now on.
    case answered(ApprovalView.Entry)
    /// A key that came before with another request; what to say of it.
    case keyReused(String)
    /// The exit code that a command ends with, and what it says.
    case failed(code: Int32, message: String)
}

/// Where a running daemon stands.
public struct LearnerStatus: Codable, Sendable {
    /// Where one partition stands.
    public struct Partition: Codable, Sendable {
        /// Its topic.
        public var topic: String
        /// Its number in the topic, from 0.
        public var partition: Int32
        /// The next offset to learn.
        public var next: Int64
        /// Records that the brokers have and that are not learned; nil while no broker can say.
        public var lag: Int64?
        /// Where publishing begins again, while a rewind is being learned again.
        public var publishesFrom: Int64?

        enum CodingKeys: String, CodingKey {
            case topic, partition, next, lag
            case publishesFrom = "publishes_from"
        }
    }

    /// The daemon's process id.
    public var process: Int32
    /// The daemon's own version.
    public var version: String
    /// The id of the snapshot that recommendations refer to.
    public var head: String
    /// The store's lineage: the first part of each recommendation's id.
    public var lineage: Int
    /// Hexadecimal digest of all that is learned, as of the last commit.
    public var stateSHA256: String
    /// Inputs read in the store's life, dead letters among them.
    public var events: Int
    /// Labels predicted in the store's life, each counted once.
    public var examples: Int
    /// Offers given in the store's life.
    public var recommendations: Int
    /// Messages that are committed and not known to have arrived.
    public var outbox: Int
    /// Whether records are being learned again after a rewind.
    public var relearning: Bool
    /// The partitions that this daemon reads.
    public var partitions: [Partition]
    /// Records never learned, each range as `topic:partition:from-to`.
    public var skips: [String]
    /// The brokers as the consumer's client sees them.
    public var brokers: [Broker]
    /// Why messages are not published; nil while they are.
    public var publishingError: String?
    /// Why nothing is learned, where a record's schema is waited for; else `nil`.
    public var waitingFor: String?
    /// What stands still because a person wants it to.
    public var paused: PauseState
    /// How the budgets stand; `nil` of a daemon that does not say.
    public var budgets: [BudgetReport]?
    /// The librdkafka that the daemon runs on.
    public var librdkafka: String

    /// How one broker stands.
    public struct Broker: Codable, Sendable {
        /// `host:port`.
        public var address: String
        /// `up`, `down`, or `unused` while nothing is asked of it.
        public var state: String
        /// For how long. Unit: milliseconds.
        public var stateMs: Int64
        /// The last error while it is down; else `nil`.
        public var error: String?

        enum CodingKeys: String, CodingKey {
            case address, state, error
            case stateMs = "state_ms"
        }
    }

    enum CodingKeys: String, CodingKey {
        case brokers, librdkafka, paused, budgets
        case publishingError = "publishing_error"
        case waitingFor = "waiting_for"
        case process, version, head, lineage, events, examples, recommendations, outbox
        case relearning, partitions, skips
        case stateSHA256 = "state_sha256"
    }
}

/// Why a request could not be answered.
public enum RequestError: Error, CustomStringConvertible, ClassifiedFailure {
    case badRequest(String)
    case stopping
    /// The learning thread was at one long step for as long as the request could wait.
    case busy
    /// The brokers no longer have what a rewind would learn again.
    case eventsGone(partition: String, needed: Int64, first: Int64)
    /// What a daemon answered, with the exit code it gave.
    case refused(code: Int32, String)
    case noDaemon(store: String)

    /// - Throws: `badRequest` for a change that nobody says the reason of.
    static func require(reason: String) throws(RequestError) {
        guard !reason.isEmpty else {
            throw .badRequest("a reason is required: the audit must say why")
        }
    }

    /// Of `refused` the kind that the daemon's exit code names; a bug where it names none.
    public var failureKind: FailureKind {
        switch self {
        case .badRequest: .usage
        case .stopping, .busy, .noDaemon: .unavailable
        case .eventsGone: .badData
        case .refused(let code, _): FailureKind(rawValue: code) ?? .bug
        }
    }

    /// What is wrong, and what a person can do, in a sentence.
    public var description: String {
        switch self {
        case .badRequest(let reason): reason
        case .stopping: "the daemon is stopping; nothing was changed"
        case .busy:
            "the daemon is at one long step and has not come to this; nothing was changed, ask again"
        case .eventsGone(let partition, let needed, let first):
            "the rewind would learn \(partition) again from offset \(needed), but the brokers begin at \(first): what lies between would be lost; rewind to a later snapshot, or set kafka.on_gap: accept"
        case .refused(_, let message): message
        case .noDaemon(let store): "no daemon has the store at \(store) open"
        }
    }
}
