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
    public var events: Events
    public var examples: Int
    public var steps: Int
    public var wallSeconds: Double
    /// Events of this run by its seconds.
    public var eventsPerSecond: Double
    public var progressive: [String: ScoreReport]
    public var windows: [WindowReport]
    public var slices: [String: [String: ScoreReport]]
    public var guards: Guards
    /// What the gates of this run came to, in order, the newest thousand.
    public var judgements: [GateResult]
    public var recommendations: Recommendations
    /// Alarms by head and detector, with those of a dummy beside them.
    public var drift: [String: DriftAlarms]
    /// What discounts are found to do to purchases; left out until there was a discount.
    public var effects: EffectReport?
    /// The same to whether a view is bought, clicked or not; left out until a view had a discount.
    public var viewEffects: EffectReport?
    /// How well the shop's own discounts are predicted; left out unless they are learned.
    public var apprentice: ApprenticeReport?
    /// How well the units of purchases are predicted; left out until there were any.
    public var quantity: QuantityReport?
    /// How much is kept of what the stream brought, and what was left out or forgotten for a bound.
    public var kept: BoundReport
    public var head: String
    public var champion: String
    public var stateSHA256: String
    public var snapshots: [String]
    public var platform: String

    public struct Events: Codable, Sendable {
        public var read: Int
        public var accepted: Int
        public var deadLettered: Int
        public var duplicates: Int
        public var late: Int
        public var unattributed: Int
        public var unmatchedRefunds: Int
        public var overflowed: Int
        /// Issued decisions that are learned in place of the click they were issued to.
        public var decisions: Int
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
        /// Accepted events; together with the dead letters, all that was read.
        public var byType: [String: Int]
        public var deadLetterReasons: [String: Int]

        enum CodingKeys: String, CodingKey {
            case read, accepted, duplicates, late, unattributed, overflowed, decisions, corrected
            case refunded, hurried
            case forgottenPurchases = "forgotten_purchases"
            case latePurchases = "late_purchases"
            case ignoredInline = "ignored_inline"
            case deadLetterReasons = "dead_letter_reasons"
            case unmatchedRefunds = "unmatched_refunds"
            case deadLettered = "dead_lettered"
            case byType = "by_type"
        }
    }

    public struct Guards: Codable, Sendable {
        public var clipped: Int
        public var skipped: Int
        public var gatePassed: Int
        public var gateRejected: Int
        public var rollbacks: Int
        /// Judgements of the heads by their anchors.
        public var headsPassed: Int
        public var headsRejected: Int
        /// Of the rollbacks, those the daemon made itself, since the store began.
        public var selfRollbacks: Int
        /// Of all detectors and heads; those of the dummy do not count.
        public var driftAlarms: Int
        /// Updates that a bound let in less of: on one event, one shopper's day, one hour.
        public var bounded: Bounded
        /// Events that stand for fewer than their sampling rate or propensity says
        /// (`learning.weight_max`).
        public var weightsClipped: Int

        public struct Bounded: Codable, Sendable, Equatable {
            public var event: Int
            public var user: Int
            public var hour: Int
        }

        enum CodingKeys: String, CodingKey {
            case clipped, skipped, rollbacks, bounded
            case gatePassed = "gate_passed"
            case gateRejected = "gate_rejected"
            case driftAlarms = "drift_alarms"
            case headsPassed = "heads_passed"
            case headsRejected = "heads_rejected"
            case selfRollbacks = "self_rollbacks"
            case weightsClipped = "weights_clipped"
        }
    }

    public struct Recommendations: Codable, Sendable {
        public var published: Int
        public var ruleViolations: Int

        enum CodingKeys: String, CodingKey {
            case published
            case ruleViolations = "rule_violations"
        }
    }

    enum CodingKeys: String, CodingKey {
        case events, examples, steps, progressive, windows, slices, guards, recommendations, head
        case drift, effects, apprentice, quantity, kept, champion, snapshots, platform, judgements
        case viewEffects = "view_effects"
        case wallSeconds = "wall_seconds"
        case eventsPerSecond = "events_per_second"
        case stateSHA256 = "state_sha256"
    }

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
            byType: counters.byType,
            deadLetterReasons: counters.deadLetterReasons)
    }
}
