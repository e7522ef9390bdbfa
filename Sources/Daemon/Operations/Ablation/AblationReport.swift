import ContinualLearning
import Foundation

/// What each part of learning is worth on a log.
///
/// In every matrix, row i is after learning phase i and column j the rows of phase j kept apart.
public struct AblationReport: Codable, Sendable {
    /// Names of the phases, in the order they begin; `all` where the log has none.
    public var phases: [String]
    /// Rows learned from, by phase.
    public var learned: [Int]
    /// Rows kept apart and scored, by phase; all 0 where the log has no phases.
    public var heldOut: [Int]
    /// By the variant's name.
    public var runs: [String: Run]
    /// What the bits depend on: numeric profile, library and kernels.
    public var platform: String

    /// `nil` for what the rows do not determine, as where all labels are of one kind.
    public struct Run: Codable, Sendable {
        /// What the variant is, in a line.
        public var summary: String
        /// Normalized entropy, by phase learned and phase scored.
        public var ne: [[Double?]]
        /// Area under the curve likewise.
        public var auc: [[Double?]]
        /// Expected calibration error likewise.
        public var ece: [[Double?]]
        /// Mean NE over all phases after the last one.
        public var finalMeanNE: Double?
        /// Mean AUC over all phases after the last one.
        public var finalMeanAUC: Double?
        /// How much the AUC of the earlier phases changed, on average, from when they had just been
        /// learned until the end; below zero is forgetting.
        public var bwtAUC: Double?
        /// How much better than chance the AUC of a phase is before it is learned, on average.
        public var fwtAUC: Double?
        /// The largest rise of a learned phase's NE at any later moment.
        public var worstDropNE: Double?
        /// Mean NE of the phases not yet seen, after the first one.
        public var unseenMeanNE: Double?
        /// Largest NE of these phases.
        public var unseenWorstNE: Double?
        /// What was predicted before it was learned.
        public var progressive: ScoreReport
        /// Refreshes promoted in the run.
        public var gatePassed: Int
        /// Refreshes rejected in the run.
        public var gateRejected: Int
        /// NE less that of `default`, on the rows kept apart after the last phase; where there are
        /// none, of what was predicted before it was learned. `nil` for `default` itself, and where
        /// the rows are not the same.
        public var againstDefault: PairedReport?
        /// How long the run took.
        public var wallSeconds: Double

        enum CodingKeys: String, CodingKey {
            case summary, ne, auc, ece, progressive
            case finalMeanNE = "final_mean_ne"
            case finalMeanAUC = "final_mean_auc"
            case bwtAUC = "bwt_auc"
            case fwtAUC = "fwt_auc"
            case worstDropNE = "worst_drop_ne"
            case unseenMeanNE = "unseen_mean_ne"
            case unseenWorstNE = "unseen_worst_ne"
            case gatePassed = "gate_passed"
            case gateRejected = "gate_rejected"
            case againstDefault = "against_default"
            case wallSeconds = "wall_seconds"
        }
    }

    enum CodingKeys: String, CodingKey {
        case phases, learned, runs, platform
        case heldOut = "held_out"
    }

    /// JSON with sorted keys, indented; numbers that are not finite become null.
    public func json() throws -> String { try reportJSON(self) }

    /// Writes the JSON to `path`, whole or not at all; does nothing for `nil`.
    public func write(to path: String?) throws { try OutputFile.write(try json(), to: path) }
}

extension AblationReport.Run {
    init(
        _ summary: String, _ outcome: AblationLearner.Outcome, against: PairedReport?,
        wallSeconds: Double
    ) {
        self.summary = summary
        ne = outcome.scores.map { $0.map(\.normalizedEntropy) }
        auc = outcome.scores.map { $0.map(\.auc) }
        ece = outcome.scores.map { $0.map(\.ece) }
        progressive = outcome.progressive
        gatePassed = outcome.counters.gatePassed
        gateRejected = outcome.counters.gateRejected
        againstDefault = against
        self.wallSeconds = wallSeconds
        let last = ne.count - 1
        finalMeanNE = Self.mean(ne[last])
        finalMeanAUC = Self.mean(auc[last])
        bwtAUC = Self.mean(
            (0..<last).map { j in Self.difference(auc[last][j], auc[j][j]) })
        fwtAUC = Self.mean(
            (0..<last).map { i in Self.difference(auc[i][i + 1], 0.5) })
        worstDropNE =
            (0..<last).flatMap { j in
                (j + 1...last).compactMap { i in Self.difference(ne[i][j], ne[j][j]) }
            }.max()
        unseenMeanNE = last > 0 ? Self.mean(Array(ne[0].dropFirst())) : nil
        unseenWorstNE = last > 0 ? ne[0].dropFirst().compactMap { $0 }.max() : nil
    }

    /// `nil` for no values, and where one of them is not known.
    private static func mean(_ values: [Double?]) -> Double? {
        let known = values.compactMap { $0 }
        guard !known.isEmpty, known.count == values.count else { return nil }
        return known.reduce(0, +) / Double(known.count)
    }

    private static func difference(_ a: Double?, _ b: Double?) -> Double? {
        guard let a, let b else { return nil }
        return a - b
    }
}
