import Engine
import SnapshotStore

extension Report {
    /// The report of a run, after its last commit.
    ///
    /// - Parameters:
    ///   - eventsRead: events of this run.
    ///   - published: recommendations of this run.
    init(
        _ learner: Learner, eventsRead: Int, published: Int, wallSeconds: Double, platform: String
    ) throws {
        let counters = learner.engine.counters
        let scores = learner.engine.scores
        let drift = learner.engine.driftAlarms
        let snapshots = try learner.store.snapshots()
        self.init(
            events: Events(counters, learner.engine.joinCounts), examples: counters.examples,
            steps: counters.batches,
            wallSeconds: wallSeconds,
            eventsPerSecond: wallSeconds > 0 ? Double(eventsRead) / wallSeconds : 0,
            progressive: scores.progressive, windows: scores.windows, slices: scores.slices,
            guards: Guards(
                clipped: counters.clipped, skipped: counters.skipped,
                gatePassed: counters.gatePassed, gateRejected: counters.gateRejected,
                rollbacks: snapshots.count { $0.record.cause != .commit },
                headsPassed: counters.headPassed, headsRejected: counters.headRejected,
                selfRollbacks: counters.selfRollbacks,
                driftAlarms: drift.values.reduce(0) { $0 + $1.pageHinkley + $1.adwin },
                bounded: .init(
                    event: counters.boundedEvents, user: counters.boundedUsers,
                    hour: counters.boundedHours),
                boundedUsers: learner.engine.boundedShoppers.most(10).map {
                    .init(userID: $0.userID, updates: $0.updates)
                },
                weightsClipped: counters.clippedWeights),
            judgements: learner.judgements,
            recommendations: Recommendations(
                published: published, ruleViolations: counters.ruleViolations,
                shadow: Report.Recommendations.Shadow(counters),
                withheld: counters.withheldDecisions > 0 ? counters.withheldDecisions : nil),
            drift: drift, effects: learner.engine.effects, viewEffects: learner.engine.viewEffects,
            loggingPolicy: learner.engine.agreement, quantity: learner.engine.quantities,
            budgets: try learner.budgets(), kept: learner.engine.bounded,
            head: snapshots.first(where: \.isHead)?.record.id ?? "",
            champion: snapshots.first(where: \.isChampion)?.record.id ?? "",
            stateSHA256: learner.stateDigest.hex,
            learnedSHA256: try learner.store.status().learnedDigest.hex,
            snapshots: snapshots.map(\.record.id), platform: platform)
    }
}
