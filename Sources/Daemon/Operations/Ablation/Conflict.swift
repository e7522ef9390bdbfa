import ContinualLearning
import Engine
import Foundation
import Records

/// Learns generated logs whose words change their meaning and get it back (`ConflictStream`), with
/// adapters frozen, refreshed naively, under each guard alone, and as configured.
public final class Conflict {
    /// Names of the phases in order; where a name comes again, words are worth the same again.
    public static let phases = ConflictStream.phases

    /// How one way of learning went on one log.
    public struct Result: Sendable {
        /// Mean regret of each phase: how much log-loss a prediction cost beyond that of the truth.
        /// Units: nats an example.
        public var regret: [Double] = []
        /// Examples after each change until regret was below half of what it costs to know the
        /// phase's mean rate alone; the phase's length where that never was.
        public var recovery: [Int] = []
        /// Refreshes promoted.
        public var promoted = 0
        /// Refreshes rejected.
        public var rejected = 0

        /// Mean over the phases, which are of one length.
        public var meanRegret: Double { regret.reduce(0, +) / Double(regret.count) }
    }

    private let wiring: Wiring
    private let rows: Int
    private let items: Int

    /// - Parameters:
    ///   - rows: of each phase.
    ///   - items: new ones in each phase.
    public init(_ configuration: Configuration, rows: Int, items: Int) {
        wiring = Wiring(configuration: configuration)
        self.rows = rows
        self.items = items
    }

    /// Names of the ways of learning, in order.
    public static func names(_ configuration: Configuration) -> [String] {
        variants(configuration).map(\.name)
    }

    private static func variants(_ configuration: Configuration) -> [AblationVariant] {
        let all = AblationVariant.required.filter {
            ["default", "naive", "frozen"].contains($0.name)
        }
        return all + AblationVariant.guards(Set(configuration.guards.enabled))
    }

    /// - Parameters:
    ///   - runs: names of the ways to learn.
    ///   - seeds: each makes a log of its own.
    /// - Returns: results by name, in the order of the seeds.
    public func run(_ runs: [String], seeds: [UInt64]) throws -> [String: [Result]] {
        StopSignal.install()
        let base = try wiring.loadBase()
        let variants = Self.variants(wiring.configuration).filter { runs.contains($0.name) }
        var results: [String: [Result]] = [:]
        var bar = ProgressBar("conflict")
        var done = 0.0
        for seed in seeds {
            let stream = ConflictStream(seed: seed, rows: rows, items: items)
            let learner = try AblationLearner(stream.log, base: base, wiring: wiring)
            for variant in variants {
                let outcome = try learner.run(variant) { _, _ in
                    bar.update(
                        fraction: done / Double(seeds.count * variants.count),
                        note: "\(variant.name), seed \(seed)")
                }
                done += 1
                results[variant.name, default: []].append(stream.judge(outcome))
            }
        }
        bar.finish(note: "\(seeds.count) logs, \(variants.count) ways")
        return results
    }
}

extension ConflictStream {
    /// Examples over which regret is averaged to tell a recovery.
    static let window = 400

    func judge(_ outcome: AblationLearner.Outcome) -> Conflict.Result {
        let regrets = zip(truth, outcome.predictions).map { Self.divergence($0, $1.logit) }
        var result = Conflict.Result()
        result.promoted = outcome.counters.gatePassed
        result.rejected = outcome.counters.gateRejected
        for phase in Self.phases.indices {
            let part = phase * phaseRows..<(phase + 1) * phaseRows
            result.regret.append(regrets[part].reduce(0, +) / Double(phaseRows))
            guard phase > 0 else { continue }
            let rate =
                truth[part].reduce(0) { $0 + logistic($1) } / Double(phaseRows)
            let level = logOdds(rate)
            let ignorant =
                truth[part].reduce(0) { $0 + Self.divergence($1, level) } / Double(phaseRows)
            result.recovery.append(
                Self.recovery(Array(regrets[part]), below: ignorant / 2))
        }
        return result
    }

    /// The first example from which the mean over a window is below a bound.
    private static func recovery(_ regrets: [Double], below bound: Double) -> Int {
        guard regrets.count > window else { return regrets.count }
        var sum = regrets[..<window].reduce(0, +)
        for first in 0..<regrets.count - window {
            if sum / Double(window) < bound { return first }
            sum += regrets[first + window] - regrets[first]
        }
        return regrets.count
    }

    /// Expected log-loss of `logit` beyond that of the truth. Units: nats.
    private static func divergence(_ truth: Double, _ logit: Double) -> Double {
        let p = logistic(truth)
        func loss(_ logit: Double) -> Double {
            p * logLoss(logit: logit, label: true)
                + (1 - p) * logLoss(logit: logit, label: false)
        }
        return max(0, loss(logit) - loss(truth))
    }
}
