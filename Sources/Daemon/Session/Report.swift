import ContinualLearning
import Engine
import Events
import Foundation
import Records
import ResponseModel

/// What a run did: the report of `run` and `replay`.
///
/// Event counts and scores are those of the store's whole life, so that a run that went on from an
/// earlier one tells one story; times and rates are of this run.
public struct Report: Codable, Sendable {
    /// What became of the events.
    public var events: Events
    /// Labels predicted, each counted once.
    public var examples: Int
    /// Batches learned.
    public var steps: Int
    /// How long this run took.
    public var wallSeconds: Double
    /// Events of this run by its seconds.
    public var eventsPerSecond: Double
    /// Scores of what was predicted before it was learned, by head.
    public var progressive: [String: ScoreReport]
    /// The same over time, in its order.
    public var windows: [WindowReport]
    /// The same by slice, then by head.
    public var slices: [String: [String: ScoreReport]]
    /// What the guards did.
    public var guards: Guards
    /// What the gates of this run came to, in order, the newest thousand.
    public var judgements: [GateResult]
    /// What was recommended.
    public var recommendations: Recommendations
    /// Alarms by head and detector, with those of a dummy beside them.
    public var drift: [String: DriftAlarms]
    /// What discounts are found to do to purchases; left out until there was a discount.
    public var effects: EffectReport?
    /// The same to whether a view is bought, clicked or not; left out until a view had a discount.
    public var viewEffects: EffectReport?
    /// How well the shop's own discounts are predicted; left out unless they are learned.
    public var loggingPolicy: LoggingPolicyReport?
    /// How well the units of purchases are predicted; left out until there were any.
    public var quantity: QuantityReport?
    /// How the budgets stand; empty where none is configured.
    public var budgets: [BudgetReport]
    /// How much is kept of what the stream brought, and what was left out or forgotten for a bound.
    public var kept: BoundReport
    /// The id of the head snapshot; empty where there is none.
    public var head: String
    /// The id of the champion; empty where there is none.
    public var champion: String
    /// Digest of the learned state after the last commit, and of the place in the stream that it goes on from.
    public var stateSHA256: String
    /// The same without the offsets: equal for the same events of the same topics, in whichever form they came.
    public var learnedSHA256: String
    /// Ids of all snapshots in the store.
    public var snapshots: [String]
    /// What the bits depend on: numeric profile, library and kernels.
    public var platform: String

    /// What became of the events, over the store's life.
    public struct Events: Codable, Sendable {
        /// Inputs read: events, and what could not be read as one.
        public var read: Int
        /// Events that were taken, duplicates and late ones among them.
        public var accepted: Int
        /// Inputs that could not be used.
        public var deadLettered: Int
        /// Events whose id had been seen.
        public var duplicates: Int
        /// Events too old to be learned.
        public var late: Int
        /// Purchases that no example was open for.
        public var unattributed: Int
        /// Refunds whose purchase is not known or labelled nothing.
        public var unmatchedRefunds: Int
        /// Examples closed early for want of room.
        public var overflowed: Int
        /// Issued decisions that are learned in place of the click they were issued to.
        public var decisions: Int
        /// Remembered examples whose label or units were changed later.
        public var corrected: Int
        /// Refunds that found their purchase.
        public var refunded: Int
        /// Events taken before their order was sure, for want of room.
        public var hurried: Int
        /// Purchases that refunds can no longer find, for want of room.
        public var forgottenPurchases: Int
        /// Purchases later than the lateness allows, taken all the same.
        public var latePurchases: Int
        /// Events whose item fields were not all taken over (`kafka.inline`).
        public var ignoredInline: Int
        /// What events came to that join an id to a user; `nil` where none came.
        public var identities: Identities?
        /// Accepted events; together with the dead letters, all that was read.
        public var byType: [String: Int]
        /// Dead letters by the stable name of the reason.
        public var deadLetterReasons: [String: Int]

        enum CodingKeys: String, CodingKey {
            case read, accepted, duplicates, late, unattributed, overflowed, decisions, corrected
            case refunded, hurried, identities
            case forgottenPurchases = "forgotten_purchases"
            case latePurchases = "late_purchases"
            case ignoredInline = "ignored_inline"
            case deadLetterReasons = "dead_letter_reasons"
            case unmatchedRefunds = "unmatched_refunds"
            case deadLettered = "dead_lettered"
            case byType = "by_type"
        }

        /// Events that join an id to a user, by what came of them.
        public struct Identities: Codable, Sendable, Equatable {
            /// Ids that were on their own: what was held of them is the user's now.
            public var joined: Int
            /// Ids that were another user's until then, who keeps what was.
            public var moved: Int
            /// Ids that were the user's already.
            public var known: Int
            /// Events older than what was known of their ids; nothing came of them.
            public var outdated: Int

            init?(_ counts: IdentityCounts) {
                guard counts != IdentityCounts() else { return nil }
                (joined, moved) = (counts.joined, counts.moved)
                (known, outdated) = (counts.known, counts.outdated)
            }
        }
    }

    /// What the guards did, over the store's life.
    public struct Guards: Codable, Sendable {
        /// Training steps of refreshes whose gradient was scaled down.
        public var clipped: Int
        /// Updates and training steps dropped, since a number was not usable.
        public var skipped: Int
        /// Refreshes promoted.
        public var gatePassed: Int
        /// Refreshes rejected.
        public var gateRejected: Int
        /// Snapshots in the store that no commit made: of rollbacks, rewinds and imports.
        public var rollbacks: Int
        /// Judgements by their anchors that the heads passed.
        public var headsPassed: Int
        /// Judgements that the heads failed.
        public var headsRejected: Int
        /// Of the rollbacks, those the daemon made itself, since the store began.
        public var selfRollbacks: Int
        /// Of all detectors and heads; those of the dummy do not count.
        public var driftAlarms: Int
        /// Updates reduced by a movement limit, by the limit.
        public var bounded: Bounded
        /// The shoppers with the most updates reduced by the limit of a shopper's day, since the start: an id that
        /// many guests share is among them (`attribution.shared_ids`).
        public var boundedUsers: [BoundedUser]
        /// Events that stand for fewer than their sampling rate or propensity says
        /// (`learning.weight_max`).
        public var weightsClipped: Int

        /// Updates reduced by a movement limit.
        public struct Bounded: Codable, Sendable, Equatable {
            /// By the limit of one event.
            public var event: Int
            /// By the limit of a shopper's day.
            public var user: Int
            /// By the limit of an hour.
            public var hour: Int
        }

        /// A shopper whose updates were reduced.
        public struct BoundedUser: Codable, Sendable, Equatable {
            /// The shopper's id.
            public var userID: String
            /// How often, at most.
            public var updates: Int

            enum CodingKeys: String, CodingKey {
                case updates
                case userID = "user_id"
            }
        }

        enum CodingKeys: String, CodingKey {
            case clipped, skipped, rollbacks, bounded
            case boundedUsers = "bounded_users"
            case gatePassed = "gate_passed"
            case gateRejected = "gate_rejected"
            case driftAlarms = "drift_alarms"
            case headsPassed = "heads_passed"
            case headsRejected = "heads_rejected"
            case selfRollbacks = "self_rollbacks"
            case weightsClipped = "weights_clipped"
        }
    }

    /// What was recommended.
    public struct Recommendations: Codable, Sendable {
        /// Recommendations of this run; of a daemon those that said something new.
        public var published: Int
        /// Offers deeper than the maximum, over the store's life; not 0 is a fault.
        public var ruleViolations: Int
        /// What was decided for shoppers whom no offers are made to; `nil` where nothing was.
        public var shadow: Shadow?
        /// Decisions that a deeper discount was withheld from, until a person approves; over the store's life.
        public var withheld: Int?

        enum CodingKeys: String, CodingKey {
            case published, shadow, withheld
            case ruleViolations = "rule_violations"
        }

        /// Decisions of which nothing left the daemon, over the store's life.
        public struct Shadow: Codable, Sendable {
            /// How many.
            public var decisions: Int
            /// Those of them that were for a discount.
            public var discounted: Int
            /// The mean discount of these.
            public var meanDiscount: Double
            /// What they were expected to add to the margin, in all.
            public var incrementalMargin: Double

            enum CodingKeys: String, CodingKey {
                case decisions, discounted
                case meanDiscount = "mean_discount"
                case incrementalMargin = "incremental_margin"
            }

            init?(_ counters: Counters) {
                guard counters.shadowDecisions > 0 else { return nil }
                decisions = counters.shadowDecisions
                discounted = counters.shadowDiscounted
                let depth = Double(counters.shadowDepth) / 10_000
                meanDiscount = depth / Double(max(1, discounted))
                incrementalMargin = Double(counters.shadowMargin) / 1_000
            }
        }
    }

    enum CodingKeys: String, CodingKey {
        case events, examples, steps, progressive, windows, slices, guards, recommendations, head
        case drift, effects, quantity, kept, champion, snapshots, budgets, platform, judgements
        case loggingPolicy = "apprentice"
        case viewEffects = "view_effects"
        case wallSeconds = "wall_seconds"
        case eventsPerSecond = "events_per_second"
        case stateSHA256 = "state_sha256"
        case learnedSHA256 = "learned_sha256"
    }

    /// JSON with sorted keys, indented; numbers that are not finite become null.
    public func json() throws -> String { try reportJSON(self) }

    /// Writes the JSON to `path`, whole or not at all; does nothing for `nil`.
    public func write(to path: String?) throws { try OutputFile.write(try json(), to: path) }
}

/// A report as JSON with sorted keys, so that the same report is the same text.
func reportJSON(_ report: some Encodable) throws -> String {
    try JSONText.text(report, [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
}

extension Report.Events {
    init(_ counters: Counters, _ join: JoinCounts) {
        self.init(
            read: counters.read, accepted: counters.accepted, deadLettered: counters.deadLettered,
            duplicates: counters.duplicates, late: counters.late,
            unattributed: counters.unattributed, unmatchedRefunds: counters.unmatchedRefunds,
            overflowed: counters.overflowed,
            decisions: counters.decisions, corrected: counters.corrected,
            refunded: Int(join.matchedRefunds), hurried: Int(join.hurried),
            forgottenPurchases: Int(join.forgottenPurchases),
            latePurchases: Int(join.latePurchases), ignoredInline: counters.ignoredInline,
            identities: Identities(counters.identities),
            byType: counters.byType,
            deadLetterReasons: counters.deadLetterReasons)
    }
}
