import ContinualLearning
import Events

extension Engine {
    /// The same state, set to be asked about a log instead of learning it.
    ///
    /// Counters, scores and the join begin anew: what waits in the store's own stream has nothing to
    /// do with the log's clicks and purchases.
    public func forEvaluation(keepsPredictions: Bool) -> Engine {
        var copy = self
        copy.configuration.learns = false
        copy.configuration.issuesDecisions = false
        copy.configuration.keepsPredictions = keepsPredictions
        copy.counters = Counters()
        copy.metrics = ProgressiveMetrics(heads: Label.allCases.map(\.rawValue))
        copy.stream.join = AttributionJoin(configuration: copy.configuration.effectiveJoin)
        return copy
    }
}
