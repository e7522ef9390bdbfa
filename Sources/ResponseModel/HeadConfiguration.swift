/// Prior variances, time constants and bounds of a head. One setting serves every log.
///
/// Variances are of logits. The groups' own prior variances are in `DenseGroup` and `TailGroup`;
/// those of the tail are re-estimated as the stream goes.
public struct HeadConfiguration: Sendable, Hashable {
    /// Prior mean and variance of the intercept: a response rate of 3 %, give or take a factor of
    /// three. Beside the departments' own variance this is what keeps the head cautious about the
    /// level of a department it has not seen, when it has seen few.
    public var interceptMean = -3.5
    /// Prior variance of the intercept.
    public var interceptVariance = 1.0
    /// Stationary variance of the drift.
    public var driftVariance = 0.02
    /// Time in which the drift forgets: a move falls by a factor of e in it. Units: hours.
    public var driftHours = 1000.0
    /// Prior variance of each text weight that learning starts from; it is estimated again as the stream
    /// goes.
    public var textVariance = 0.12
    /// Standard deviation that the logarithm of that estimate is expected to have about the first one's;
    /// 0: it is not estimated.
    public var textDeviation = 1.5
    /// Prior variance of an item's own effect.
    public var itemVariance = 0.06
    /// Prior variance of what items born at about the same time share.
    public var birthVariance = 0.05
    /// Distance of births over which that falls by a factor of e. Units: hours.
    public var birthHours = 96.0
    /// Prior variance of what items of like text born at about the same time share.
    public var localVariance = 0.1
    /// Distance of texts (1 less their cosine) over which that falls by a factor of e.
    public var localLength = 0.3
    /// Distance of births over which that falls by a factor of e. Units: hours.
    public var localHours = 24.0
    /// Items born longer ago than this tell a new one nothing beyond the text weights.
    public var birthHorizonHours = 288.0
    /// Factor on all prior variances of effects.
    public var scale = 1.0

    /// Items with a slot in the core at one time; the least recently used one gives way.
    public var slotCountMax = 128
    /// Dense effects in the core; later ones live in the tail.
    public var denseCountMax = 192
    /// Flags of an exposure's context that are looked at, in the order of their keys; at most 10, by their
    /// crosses with each other.
    public var flagCountMax = 8
    /// Pages (of eight effects) of the tail; the least recently seen owner gives way.
    public var tailPageCountMax = 1 << 17
    /// Pages of one owner; its later effects stay at their prior.
    public var ownerPageCountMax = 512

    /// Events a block of deferred covariance updates takes at most.
    public var blockEventCount = 512
    /// Events between two estimates of the tail's prior variances.
    public var priorEventCount = 2000
    /// Events before the first estimate of the text weights' prior variance; each further one comes after
    /// half as many again as there were by then.
    public var textEventCount = 64
    /// Weight, in effects, of a group's first prior variance in these estimates.
    public var priorStrength = 5.0

    /// Where labels are numbers and their likelihood is the squared error, the variance about their
    /// prediction that learning starts from; nil: labels are chances, the likelihood is logistic.
    public var squared: Double?
    /// Whether logits are served as labels have shown that they are to be read (`LogitCalibration`).
    public var calibrates = false

    /// How far events may move predictions.
    public var bounds = MoveBounds()

    /// The defaults, meant for every log.
    public init() {}

    /// The drift moves between blocks only, so a block must not last long beside its memory.
    var blockHours: Double { driftHours / 20 }
}
