import ContinualLearning

/// When the heads are judged by their anchors, and what follows.
public struct HeadGateConfiguration: Sendable {
    /// Event time between two judgements; 0: never.
    public var intervalMs: Int64 = 0
    /// Examples between two judgements, at least.
    public var examplesMin = 10_000
    /// Harm, as a share of the log-loss, above which heads are rejected.
    public var harm = 0.02
    /// Chance of a wrong verdict, over all judgements since the last promotion and all slices.
    public var alpha = 0.01
    /// Categories judged one by one.
    public var slices = 8
    /// Rejections, with no pass between, after which the weights go back to the champion; 0: never.
    /// Each further time before a pass it takes twice as many.
    public var rollbackAfter = 3
    /// Which examples are anchors; by default none is, and then the heads are not judged.
    public var anchors = AnchorSet.Configuration()
    /// When labels count as shifted.
    public var shift = LabelShift.Configuration()
    /// What follows when labels have shifted.
    public var onShift = ShiftResponse.hold

    /// By default the heads are not judged.
    public init() {}

    /// With a fixed set of anchors evidence does not grow by waiting, so nothing is decided for want
    /// of it. Small categories would need too long to show as little harm as all together.
    var gate: RefreshGate.Configuration {
        RefreshGate.Configuration(
            margin: harm, sliceMargin: 4 * harm, alpha: alpha, examplesMax: .max)
    }
}
