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
    public var model = Model()
    public var lora = LoRA()
    public var heads = Heads()
    public var learning = Learning()
    public var guards = Guards()
    public var attribution = Attribution()
    public var pricing = Pricing()
    public var batch = Batch()
    public var kafka = Kafka()
    public var registry = Registry()
    public var publish = Publish()
    public var store = Store()
    public var http = HTTP()
    public var log = Log()

    public init() {}

    public struct Model: Sendable {
        public var base = ""
        public var maxTokens = 48
    }

    public struct LoRA: Sendable {
        public var rank = 8
        public var alpha = 16.0
        /// 0: all.
        public var layers = 0
        public var targets = AdapterTarget.allCases
        public var dropout = 0.0
        public var prefixCacheBytes = 256 << 20
        public var refreshEvents = 50_000
        /// 0: texts do not count.
        public var refreshTexts = 400
        public var judgeEvents = 300
        public var learningRate = 0.0003
        public var weightDecay = 0.01
        public var warmupSteps = 20
        public var gradientClip = 1.0
        public var epochs = 4
        public var batchTexts = 64
        public var folds = 2
    }

    public struct Heads: Sendable {
        public var slots = 128
        public var denseEffects = 192
        public var tailPages = 1 << 17
        public var contextKeys = 64
    }

    public struct Learning: Sendable {
        public var threads = 2
        public var numerics = NumericProfile.fast
        public var delayedFeedback = DelayedFeedback.elapsedTime
        public var merchant = false
        public var weightMax = 1_000.0
        public var catalogCacheBytes = 64 << 20
        public var shopperCacheBytes = 64 << 20
        public var vectorCacheBytes = 128 << 20
        public var seed = 1
    }

    public struct Guards: Sendable {
        public var replayExamples = 200_000
        public var replayRecent = 50_000
        public var gateAlpha = 0.01
        public var gateHarm = 0.005
        public var gateSlices = 8
        public var onDrift = DriftResponse.alarm
        public var moveAfter = 5_000
        public var eventMove = 1.0
        public var userMove = 1.0
        public var hourMove = 2.0
        public var anchorEvery = 100
        public var anchorExamples = 20_000
        public var headGateMs = 3_600_000
        public var headGateExamples = 10_000
        public var headHarm = 0.02
        public var rollbackAfter = 3
        public var shift = 0.05
        public var shiftWindowMs = 7 * 86_400_000
        public var onShift = ShiftResponse.hold
        public var enabled = Guard.defaults
        public var ewcStrength = 1.0
        public var lwfStrength = 1.0
        public var averagingRate = 0.02
    }

    public struct Attribution: Sendable {
        public var windowMs = 24 * 3_600_000
        public var waitMs = 0
        public var rule = AttributionConfiguration.Rule.lastClick
        public var latenessMs = 10 * 60_000
        public var skewMaxMs = 5 * 60_000
        public var leapMaxMs = 3_600_000
        public var clickWindowMs = 30 * 60_000
        public var refundWindowMs = 30 * 86_400_000
        public var duplicateWindowMs = 24 * 3_600_000
        public var idleAfterMs = 30_000
        public var openMax = 200_000
        public var pendingMax = 100_000
        public var duplicatesMax = 500_000
        public var purchasesMax = 200_000
    }

    public struct Pricing: Sendable {
        public var depths = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]
        public var maximumDepth = 0.5
        public var marginFloor = 0.0
        public var aim = Aim.margin
        public var exploration = Exploration.costBounded
        public var exploreCost = 0.0008
        public var exploreMax = 0.2
        public var epsilon = 0.05
        public var confidence: Double? = nil
        public var holdout = 0.05
        public var offerLifetimeMs = 24 * 3_600_000
        public var costFraction: Double? = nil
        public var killSwitch = false
        public var atViews = false

        public enum Aim: String, Sendable, CaseIterable {
            case margin, merchant
        }

        public enum Exploration: String, Sendable, CaseIterable {
            case costBounded = "cost-bounded"
            case epsilonGreedy = "epsilon-greedy"
            case none
        }
    }

    public struct Batch: Sendable {
        public var events = 500
        public var lingerMs = 20
    }

    public struct Kafka: Sendable {
        public var brokers = "localhost:9092"
        public var topics = [Topic(name: "events", type: nil)]
        public var shards = 1
        public var shard = 0
        public var inline = InlineFields.texts
        public var partitioner = KeyPartitioner.murmur2
        public var group = "tidemark"
        public var discoveryMs = 30_000
        public var client: [ClientSetting] = []
        public var queueBytes = 64 << 20
        public var fetchWaitMs = 100
        public var connectTimeoutMs = 10_000
        public var onGap = KafkaConfiguration.GapPolicy.stop

        /// What a key without a value says.
        public enum Tombstones: String, Sendable, CaseIterable {
            /// The item that the key names is no longer offered.
            case deleteItem = "delete_item"
            /// Nothing.
            case ignore
        }

        public struct Topic: Sendable, Equatable {
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
            public var key: String
            public var value: Value

            /// Where the value is; secrets are best left in files or the environment.
            public enum Value: Sendable, Equatable {
                case text(String)
                case file(String)
                case environment(String)
            }
        }
    }

    public struct Publish: Sendable {
        public var topic = "discount-recommendations"
        public var deadLetterTopic = "tidemark-dead-letters"
        public var guarantee = Guarantee.atLeastOnce
        public var markerTopic = "tidemark-markers"
        public var rateMax = 0
        public var outboxMax = 1_000_000

        public enum Guarantee: String, Sendable, CaseIterable {
            case atLeastOnce = "at_least_once"
            case exactlyOnce = "exactly_once"
        }
    }

    public struct Store: Sendable {
        public var path = "tidemark-store"
        public var bytesMax = 64 << 30
        public var sync = true
        public var commitEvents = 2_000
        public var commitMs = 100
        public var snapshotEvents = 20_000
        public var snapshotMs = 5 * 60_000
        public var keepLatest = 48
        public var keepHourly = 48
        public var keepDaily = 30
        public var undoBytesMax = 4 << 30
        public var itemsMax = 5_000_000
        public var shoppersMax = 10_000_000
        public var keepItemsMs = 1_100 * 86_400_000
        public var keepShoppersMs = 400 * 86_400_000
    }

    public struct HTTP: Sendable {
        public var enabled = false
        public var host = "localhost"
        public var port = 9464
        public var tokenFile = ""
        public var readyLag = 1_000
        public var brokerGraceMs = 30_000
        public var stallAfterMs = 5 * 60_000
        public var connectionsMax = 256
        public var requestTimeoutMs = 10_000
        public var idleTimeoutMs = 75_000
    }

    public struct Log: Sendable {
        public var level = LogLevel.info
        public var format = LogFormat.text
    }
}
