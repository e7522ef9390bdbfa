import ContinualLearning
import Encoder
import Engine
import Events
import KafkaStream
import Schemas
import Telemetry
import Tensor

/// Everything that can be set, with its default. Keys, ranges and explanations: `settings`.
public struct Configuration: Sendable {
    /// The language model.
    public var model = Model()
    /// Its adapters, and when they are refreshed.
    public var lora = LoRA()
    /// Sizes of the response heads.
    public var heads = Heads()
    /// How much is remembered and with what it is computed.
    public var learning = Learning()
    /// What guards against forgetting and false labels.
    public var guards = Guards()
    /// How purchases are joined with offers.
    public var attribution = Attribution()
    /// Which discounts may be offered, and how one is chosen.
    public var pricing = Pricing()
    /// How events are cut into batches.
    public var batch = Batch()
    /// Where events come from.
    public var kafka = Kafka()
    /// Where schemas come from.
    public var registry = Registry()
    /// Where recommendations go.
    public var publish = Publish()
    /// Where the state is kept.
    public var store = Store()
    /// The HTTP interface.
    public var http = HTTP()
    /// What is said, and how.
    public var log = Log()

    /// The defaults.
    public init() {}

    /// The frozen language model.
    public struct Model: Sendable {
        /// Folder of the encoder; empty: the default one in the cache.
        public var base = ""
        /// Tokens read of an item's text; the rest is cut.
        public var maxTokens = 48
    }

    /// The adapters on it, and how they are refreshed.
    public struct LoRA: Sendable {
        /// How an adapter changes its layer.
        public var method = AdapterConfiguration.Kind.lora
        /// Rank of the adapters.
        public var rank = 8
        /// Updates count alpha / rank.
        public var alpha = 16.0
        /// 0: all.
        public var layers = 0
        /// The projections that have adapters; empty: all that `method` can change.
        public var targets: [AdapterTarget] = []
        /// Share of inputs left out in training.
        public var dropout = 0.0
        /// Cache for the frozen layers' output; 0: off. Changes speed alone.
        public var prefixCacheBytes = 256 << 20
        /// Examples between two refreshes, at most; 0: no refreshes.
        public var refreshEvents = 50_000
        /// 0: texts do not count.
        public var refreshTexts = 400
        /// Fresh examples on which a refreshed model is judged.
        public var judgeEvents = 300
        /// Of AdamW.
        public var learningRate = 0.0003
        /// Of AdamW.
        public var weightDecay = 0.01
        /// Steps until the learning rate is reached.
        public var warmupSteps = 20
        /// Largest norm of a gradient; 0: no bound.
        public var gradientClip = 1.0
        /// Passes over the texts, at most.
        public var epochs = 4
        /// Texts of a training step.
        public var batchTexts = 64
        /// Trainings of a refresh, each without a part of the texts. 1: one on all of them.
        public var folds = 2
    }

    /// How learning goes, and how it uses the machine.
    public struct Learning: Sendable {
        /// Threads of the encoder. Changes speed alone.
        public var threads = 2
        /// The best kernels of this machine, or the same bits on every AVX machine.
        public var numerics = NumericProfile.fast
        /// When an offer is learned whose outcome is not known yet.
        public var delayedFeedback = DelayedFeedback.elapsedTime
        /// Whether the shop's own discounts are learned as well.
        public var merchant = false
        /// How many examples one may count for.
        public var weightMax = 1_000.0
        /// Items in memory; the rest are in the store. Changes speed alone.
        public var catalogCacheBytes = 64 << 20
        /// The same of shoppers.
        public var shopperCacheBytes = 64 << 20
        /// Vectors of texts kept; those not used for longest are encoded again.
        public var vectorCacheBytes = 128 << 20
        /// Of all that is drawn at random.
        public var seed = 1
    }

    /// What keeps learning from forgetting and from harm.
    public struct Guards: Sendable {
        /// Examples kept in replay memory.
        public var replayExamples = 200_000
        /// Of these, how many of the newest are all kept; older ones are a sample.
        public var replayRecent = 50_000
        /// Chance of a wrong verdict of the gate, over all its slices.
        public var gateAlpha = 0.01
        /// Share of the log-loss by which a refresh may be worse.
        public var gateHarm = 0.005
        /// Categories judged one by one, the largest first; 0: all together only.
        public var gateSlices = 8
        /// What follows when predictions get worse than they say they are.
        public var onDrift = DriftResponse.alarm
        /// Examples that a head learns before the next three limits hold.
        public var moveAfter = 5_000
        /// Logits by which an event may move its own prediction; 0: no bound.
        public var eventMove = 1.0
        /// Logits by which a shopper's day may move what is predicted for others; 0: no bound.
        public var userMove = 1.0
        /// Logits by which an hour may move, in net, what is predicted; 0: no bound.
        public var hourMove = 2.0
        /// One example in so many is an anchor, predicted and never learned; 0: none.
        public var anchorEvery = 100
        /// Anchors kept, the newest.
        public var anchorExamples = 20_000
        /// Event time between two judgements of the heads; 0: never.
        public var headGateMs = 3_600_000
        /// Examples between two judgements, at least.
        public var headGateExamples = 10_000
        /// Share of the anchors' log-loss by which heads and refreshes may be worse.
        public var headHarm = 0.02
        /// Rejections without a pass after which the weights go back; 0: never.
        public var rollbackAfter = 3
        /// Share by which a category's positives may differ from what was predicted.
        public var shift = 0.05
        /// Event time within which a shift counts as sudden.
        public var shiftWindowMs = 7 * 86_400_000
        /// What else follows when labels have shifted.
        public var onShift = ShiftResponse.hold
        /// Guards of a refresh in force.
        public var enabled = Guard.defaults
        /// How firmly the guard ewc holds weights.
        public var ewcStrength = 1.0
        /// How much the served model's word counts for the guard lwf.
        public var lwfStrength = 1.0
        /// What one step counts in the mean of the guard averaging.
        public var averagingRate = 0.02
    }

    /// How events are joined. All times are event time, but for `idleAfterMs`.
    public struct Attribution: Sendable {
        /// A purchase so long after the offer counts for it.
        public var windowMs = 24 * 3_600_000
        /// An offer not taken for so long is learned as not taken. 0: the window; for elapsed_time
        /// an hour of it at most. Not used for fake_negative_weighted, which learns at once.
        public var waitMs = 0
        /// Which offer a purchase without a recommendation id counts for.
        public var rule = AttributionConfiguration.Rule.lastClick
        /// How far behind the newest event one may be and still be learned.
        public var latenessMs = 10 * 60_000
        /// An event further ahead of its timestamp or the clock is a dead letter.
        public var skewMaxMs = 5 * 60_000
        /// An event further ahead closes no windows until others agree.
        public var leapMaxMs = 3_600_000
        /// A click so long after an impression counts for it.
        public var clickWindowMs = 30 * 60_000
        /// A refund so long after its purchase corrects what was learned.
        public var refundWindowMs = 30 * 86_400_000
        /// How long an event id is remembered.
        public var duplicateWindowMs = 24 * 3_600_000
        /// A partition silent for so long no longer holds windows open.
        public var idleAfterMs = 30_000
        /// Offers that wait for an outcome; beyond, the oldest close early.
        public var openMax = 200_000
        /// Events held back for the lateness; beyond, the oldest are taken early.
        public var pendingMax = 100_000
        /// Event ids remembered, at most.
        public var duplicatesMax = 500_000
        /// Purchases remembered for their refunds, at most.
        public var purchasesMax = 200_000
        /// User ids that many guests share.
        public var sharedIDs = ["guest", "anonymous"]
    }

    /// Which discounts may be offered, and how one is chosen.
    public struct Pricing: Sendable {
        /// Discounts to choose from, as fractions of the list price; rising, 0 first.
        public var depths = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
        /// No discount is deeper.
        public var maximumDepth = 0.5
        /// Margin that must remain, as a fraction of the list price.
        public var marginFloor = 0.0
        /// What a decision is to reach.
        public var aim = Aim.margin
        /// How depths are tried that the model does not prefer.
        public var exploration = Exploration.costBounded
        /// Of cost-bounded: the share of margin that trying may cost.
        public var exploreCost = 0.0008
        /// Of cost-bounded: the share of decisions that try, at most.
        public var exploreMax = 0.2
        /// Money that each discounted offer costs, taken or not.
        public var offerCost = 0.0
        /// Money that each purchase at a discounted price costs beside the discount.
        public var redemptionCost = 0.0
        /// Of epsilon-greedy: the share of decisions drawn from the grid.
        public var epsilon = 0.05
        /// How sure a discount must be to earn more; `nil`: what is expected decides.
        public var confidence: Double? = nil
        /// Share of shoppers who never get a discount.
        public var holdout = 0.05
        /// Share of shoppers whom offers are made to.
        public var live = 1.0
        /// The same in categories that have a share of their own.
        public var liveCategories: [String: Double] = [:]
        /// How long an offer stands.
        public var offerLifetimeMs = 24 * 3_600_000
        /// Cost assumed where none is known, of the list price; `nil`: no discount there.
        public var costFraction: Double? = nil
        /// List prices only, at once.
        public var killSwitch = false
        /// Whether impressions ask for offers as clicks do.
        public var atViews = false
        /// What reductions are measured against.
        public var prior = Prior()
        /// The sales channel that is priced; empty: prices of every channel count.
        public var channel = ""
        /// Further hard rules; by default none is set.
        public var rules = Rules()
        /// When a person is asked; by default never.
        public var approve = Approve()
        /// How much may be given away; by default there is no limit.
        public var budgets: [BudgetEntry] = []
    }

    /// How events are cut into batches.
    public struct Batch: Sendable {
        /// Events in a batch, at most.
        public var events = 500
        /// How long a batch waits to fill; 0: cut by count alone.
        public var lingerMs = 20
    }

    /// Where events come from.
    public struct Kafka: Sendable {
        /// Bootstrap servers, host:port, separated by commas.
        public var brokers = "localhost:9092"
        /// Topics to consume, each once.
        public var topics = [Topic(name: "events", type: nil)]
        /// Daemons that share the partitions.
        public var shards = 1
        /// This daemon's number, from 0.
        public var shard = 0
        /// What item fields inside other events may say of an item.
        public var inline = InlineFields.texts
        /// How the producers choose a partition by the key.
        public var partitioner = KeyPartitioner.murmur2
        /// Group under which offsets are shown to lag monitors; never read back.
        public var group = "tidemark"
        /// How often to look for new partitions.
        public var discoveryMs = 30_000
        /// Further settings of librdkafka.
        public var client: [ClientSetting] = []
        /// Fetched records that may wait to be learned.
        public var queueBytes = 64 << 20
        /// How long a broker may hold a fetch that has nothing to give.
        public var fetchWaitMs = 100
        /// How long to try to reach the brokers at the start.
        public var connectTimeoutMs = 10_000
        /// What follows when records are gone, or the cluster is another.
        public var onGap = KafkaConfiguration.GapPolicy.stop

        /// What a key without a value says.
        public enum Tombstones: String, Sendable, CaseIterable {
            /// The item that the key names is no longer offered.
            case deleteItem = "delete_item"
            /// Nothing.
            case ignore
        }

        /// One topic, and how its records are read.
        public struct Topic: Sendable, Equatable {
            /// The topic.
            public var name: String
            /// The type of payloads that name none.
            public var type: String?
            /// Whether every shard reads all of it.
            public var everyShard = false
            /// What its clicks and purchases may say of items; `nil`: what `kafka.inline` says.
            public var inline: InlineFields?
            /// Types of payloads that are passed over.
            public var ignoreTypes: [String] = []
            /// `nil`: as is usual for the topic.
            public var tombstones: Tombstones?
            /// How its records become events; `nil`: they are events.
            public var mapping: TopicMapping?
            /// What its payloads are.
            public var decoder = PayloadFormat.json

            /// A key names an item where the topic's records are events; in a shop's own topic it
            /// may name anything.
            public var tombstonesTaken: Tombstones {
                tombstones ?? (mapping == nil ? .deleteItem : .ignore)
            }

            /// The other fields have their defaults.
            public init(
                name: String, type: String? = nil, everyShard: Bool = false,
                inline: InlineFields? = nil
            ) {
                self.name = name
                self.type = type
                self.everyShard = everyShard
                self.inline = inline
            }
        }

        /// A setting of librdkafka, passed through.
        public struct ClientSetting: Sendable, Equatable {
            /// librdkafka's name of the setting.
            public var key: String
            /// What it is set to.
            public var value: Value

            /// Where the value is; secrets are best left in files or the environment.
            public enum Value: Sendable, Equatable {
                case text(String)
                case file(String)
                case environment(String)
            }
        }
    }

    /// The store: commits, snapshots, retention.
    public struct Store: Sendable {
        /// The folder.
        public var path = "tidemark-store"
        /// Largest size of the store.
        public var bytesMax = 64 << 30
        /// Whether a commit waits until the disk has it.
        public var sync = true
        /// Events between two commits, at most.
        public var commitEvents = 2_000
        /// Time between two commits while events come, at most; not in a replay.
        public var commitMs = 100
        /// Events between two snapshots, at most.
        public var snapshotEvents = 20_000
        /// Time between two snapshots while events come, at most; not in a replay.
        public var snapshotMs = 5 * 60_000
        /// Newest snapshots that stay.
        public var keepLatest = 48
        /// Hours of which a snapshot is kept.
        public var keepHourly = 48
        /// Days of which a snapshot is kept.
        public var keepDaily = 30
        /// What is kept to take shoppers and items back to other snapshots.
        public var undoBytesMax = 4 << 30
        /// Items kept; those not seen for longest are forgotten.
        public var itemsMax = 5_000_000
        /// Shoppers kept likewise.
        public var shoppersMax = 10_000_000
        /// Event time without an event after which an item is forgotten.
        public var keepItemsMs = 1_100 * 86_400_000
        /// The same of shoppers, without a click or purchase.
        public var keepShoppersMs = 400 * 86_400_000
    }

    /// Log lines, on standard error.
    public struct Log: Sendable {
        /// What is less urgent is left out.
        public var level = LogLevel.info
        /// Text or JSON.
        public var format = LogFormat.text
    }
}
