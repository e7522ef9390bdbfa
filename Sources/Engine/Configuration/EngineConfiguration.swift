import ContinualLearning
import Encoder
import Events
import Pricing
import ResponseModel

/// What the deterministic step depends on, besides its state and its input.
public struct EngineConfiguration: Sendable {
    /// Of all that is drawn at random: hold-outs, exploration, adapters, refreshes.
    public var seed: UInt64
    /// Priors and bounds of the heads for clicks and purchases.
    public var head: HeadConfiguration
    /// Rank, layers and targets of the adapters.
    public var adapters: AdapterConfiguration
    /// When adapters are refreshed, and how a candidate is trained and judged.
    public var refresh: RefreshSchedule
    /// How many examples are remembered, and how they are sampled.
    public var memory: ReplayMemory.Configuration
    /// Windows, waits and bounds of the join of events with what follows them.
    public var join: AttributionConfiguration
    /// Which discounts may be offered, and how one is chosen.
    public var pricing: PricingConfiguration
    /// Whether shoppers see what is decided. In a replay of a log they saw the log's own offers, so
    /// its clicks are learned as logged, and decisions are only what would have been published.
    public var issuesDecisions = true
    /// Whether impressions ask for offers as clicks do, decided over views.
    public var offersAtViews = false
    /// Whether a step's output has the predictions that were held against labels.
    public var keepsPredictions = false
    /// How much is kept of what a stream brings.
    public var bounds = EngineBounds()
    /// What a drift detector's alarm does.
    public var onDrift = DriftResponse.alarm
    /// Whether the merchant's own discounts are learned.
    public var learnsMerchant = false
    /// Whether decisions are the merchant's, as they were learned, instead of what earns most.
    public var followsMerchant = false
    /// How many exposures one example stands for, at most: the inverse of a sampling rate or a propensity.
    public var weightMax = 1_000.0
    /// What item fields inside clicks and purchases may say of items.
    public var inline = InlinePolicy()
    /// The judgement of the heads by the hour, and the examples kept from learning for it.
    public var headGate = HeadGateConfiguration()
    /// Whether anything is learned. Without, a step predicts what it would have learned, decides
    /// nothing and remembers nothing: for asking how good a state is on a log.
    public var learns = true
    /// Where the wait is as long as the window, all of them are `wait`.
    public var delayedFeedback = DelayedFeedback.wait

    /// How adapters are trained, under the assumptions that the heads make of texts.
    var training: RefreshConfiguration {
        var training = refresh.training
        training.prior = TextPrior(head)
        return training
    }

    /// Without learning there is no hurry: an example is asked about once its label is known.
    var effectiveJoin: AttributionConfiguration {
        var join = join
        if !learns { join.waitMs = join.windowMs }
        return join
    }

    /// Takes each field as it is; all others have their defaults.
    public init(
        seed: UInt64, head: HeadConfiguration, adapters: AdapterConfiguration,
        refresh: RefreshSchedule, memory: ReplayMemory.Configuration,
        join: AttributionConfiguration, pricing: PricingConfiguration
    ) {
        self.seed = seed
        self.head = head
        self.adapters = adapters
        self.refresh = refresh
        self.memory = memory
        self.join = join
        self.pricing = pricing
    }
}
