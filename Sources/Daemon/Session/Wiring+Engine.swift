import ContinualLearning
import Encoder
import Engine
import Events
import Pricing
import Records
import SnapshotStore
import Telemetry
import Tensor

/// How a run learns.
struct LearningRun {
    let engine: EngineConfiguration
    /// Whether commits and snapshots are also made by time.
    let isClocked: Bool
    /// Whether recommendations and dead letters go to the outbox.
    let publishes: Bool
}

extension Wiring {
    /// The engine on its store, ready to learn.
    ///
    /// - Parameter embedding: in the place of the encoder, or one that is made already.
    func learner(
        _ run: LearningRun, at place: Learner.Place, base: BaseModel,
        embedding made: (any TextEmbedding)? = nil, log: EventLogger
    ) throws -> Learner {
        // Batches that are cut by count alone promise the same state in every run.
        let waits = !run.isClocked || configuration.batch.lingerMs == 0
        let store = configuration.store
        return try Learner(
            place,
            Learner.Parts(
                makeEngine: EngineMaker(configuration: run.engine, base: base),
                embedding: try made ?? embedding(base),
                training: training(base, givesWay: !waits)),
            cadence: CommitPace.Cadence(
                commitEvents: store.commitEvents, snapshotEvents: store.snapshotEvents,
                commitMs: run.isClocked ? store.commitMs : nil,
                snapshotMs: run.isClocked ? store.snapshotMs : nil,
                waitsForTraining: waits, sync: store.sync, retention: retention),
            description: Learner.RunDescription(
                configuration: configuration.stored(), platform: try platform(),
                form: try offerForm(), registry: registryName,
                deadLetterTopic: configuration.publish.deadLetterTopic,
                deadLetterBytesMax: run.publishes ? try kafka().messageBytesMax : 1_000_000,
                publishes: run.publishes),
            log: log)
    }

    var retention: Retention {
        Retention(
            latest: configuration.store.keepLatest, hourly: configuration.store.keepHourly,
            daily: configuration.store.keepDaily)
    }

    /// The encoder as the engine sees it; whoever uses it says under which adapters.
    func embedding(_ base: BaseModel) throws -> EncoderEmbedding {
        let fresh = try Adapters(
            configuration: adapterConfiguration(base), base: base,
            seed: UInt64(configuration.learning.seed))
        return EncoderEmbedding(try encoder(base, adapters: fresh))
    }

    /// - Parameter givesWay: whether learning goes on meanwhile, and comes first.
    func training(_ base: BaseModel, givesWay: Bool = false) -> BackgroundTraining {
        BackgroundTraining(
            base: base, maxTokens: configuration.model.maxTokens,
            threads: configuration.learning.threads,
            prefixCacheBytes: configuration.lora.prefixCacheBytes, givesWay: givesWay,
            faultInjection: faultInjection)
    }

    /// What bits depend on: numeric profile, library, core type, kernels.
    func platform() throws -> String {
        "\(try Numerics.current().platform)"
    }

    func adapterConfiguration(_ base: BaseModel) -> AdapterConfiguration {
        let lora = configuration.lora
        return AdapterConfiguration(
            kind: lora.method, rank: lora.rank, alpha: Float(lora.alpha),
            dropout: Float(lora.dropout),
            targets: lora.targets.isEmpty ? lora.method.targets : lora.targets,
            layers: AdapterConfiguration.topLayers(
                lora.layers == 0 ? base.layerCount : lora.layers, of: base))
    }

    func refreshSchedule() -> RefreshSchedule {
        let lora = configuration.lora
        var gate = RefreshGate.Configuration()
        gate.alpha = configuration.guards.gateAlpha
        gate.margin = configuration.guards.gateHarm
        gate.refusesKnownHarm = true
        let guards = Set(configuration.guards.enabled)
        var training = RefreshConfiguration(epochs: lora.epochs, batchTexts: lora.batchTexts)
        training.folds = lora.folds
        training.ewcStrength = configuration.guards.ewcStrength
        training.distillationStrength = configuration.guards.lwfStrength
        training.averagingRate = configuration.guards.averagingRate
        var schedule = RefreshSchedule(
            events: lora.refreshEvents, judgeEvents: lora.judgeEvents, training: training,
            optimizer: AdamW.Configuration(
                learningRate: lora.learningRate, weightDecay: lora.weightDecay,
                warmupSteps: lora.warmupSteps,
                gradientClip: lora.gradientClip == 0 || !guards.contains(.clip)
                    ? nil : lora.gradientClip),
            gate: gate, gateSlices: configuration.guards.gateSlices, guards: guards)
        schedule.texts = lora.refreshTexts
        return schedule
    }

    /// Anchors count once their labels are final.
    func headGateConfiguration(
        seed: UInt64, _ join: AttributionConfiguration
    ) -> HeadGateConfiguration {
        let guards = configuration.guards
        var gate = HeadGateConfiguration()
        gate.intervalMs = Int64(guards.headGateMs)
        gate.examplesMin = guards.headGateExamples
        gate.harm = guards.headHarm
        gate.alpha = guards.gateAlpha
        gate.slices = guards.gateSlices
        gate.rollbackAfter = guards.rollbackAfter
        gate.shift = LabelShift.Configuration(
            margin: guards.shift, alpha: guards.gateAlpha, spanMs: Int64(guards.shiftWindowMs))
        gate.onShift = guards.onShift
        gate.anchors = AnchorSet.Configuration(
            every: guards.anchorEvery, count: guards.anchorExamples, ageMs: join.windowMs,
            seed: seed)
        return gate
    }

    /// How long an example waits to be learned as not bought.
    private var waitMs: Int {
        let (window, wait) = (configuration.attribution.windowMs, configuration.attribution.waitMs)
        return switch configuration.learning.delayedFeedback {
        case .fakeNegativeWeighted: 1
        case .elapsedTime: wait == 0 ? min(window, 3_600_000) : wait
        case .wait: wait == 0 ? window : wait
        }
    }

    func joinConfiguration() -> AttributionConfiguration {
        let attribution = configuration.attribution
        var join = AttributionConfiguration(
            windowMs: Int64(attribution.windowMs), waitMs: Int64(waitMs),
            clickWindowMs: Int64(attribution.clickWindowMs),
            latenessMs: Int64(attribution.latenessMs),
            refundWindowMs: Int64(attribution.refundWindowMs),
            duplicateWindowMs: Int64(attribution.duplicateWindowMs))
        join.rule = attribution.rule
        join.leapMaxMs = Int64(attribution.leapMaxMs)
        join.openMax = attribution.openMax
        join.pendingMax = attribution.pendingMax
        join.purchasesMax = attribution.purchasesMax
        join.duplicatesMax = attribution.duplicatesMax
        return join
    }

    func pricingConfiguration() -> PricingConfiguration {
        let pricing = configuration.pricing
        let exploration: Exploration =
            switch pricing.exploration {
            case .none: .none
            case .epsilonGreedy: .epsilonGreedy
            case .costBounded: .costBounded
            }
        var priced = PricingConfiguration(
            depths: pricing.depths, maximumDepth: pricing.maximumDepth,
            marginFloor: pricing.marginFloor, exploration: exploration, epsilon: pricing.epsilon,
            holdoutFraction: pricing.holdout, confidence: pricing.confidence)
        priced.offerLifetimeMs = Int64(pricing.offerLifetimeMs)
        priced.exploreCost = pricing.exploreCost
        priced.exploreMax = pricing.exploreMax
        priced.killSwitch = pricing.killSwitch
        priced.costFraction = pricing.costFraction
        priced.offerCost.made = pricing.offerCost
        priced.offerCost.redeemed = pricing.redemptionCost
        priced.audience.share = pricing.live
        priced.audience.categoryShares = pricing.liveCategories
        priced.rules = pricing.ruleSettings
        priced.rules.approval = pricing.approve.settings
        let kafka = configuration.kafka
        priced.budgets = pricing.budgets.map {
            $0.budget.share(of: kafka.shard, among: kafka.shards)
        }
        return priced
    }
}

/// Makes engines of one configuration on states of one store.
struct EngineMaker {
    let configuration: EngineConfiguration
    let base: BaseModel

    /// - Parameter present: an engine whose keyed state the state has.
    func callAsFunction(
        on state: any StateReader, keepingKeyed present: Engine? = nil
    ) throws -> Engine {
        try Engine(configuration, base: base, reading: state, keepingKeyed: present)
    }

    /// Throws: `EngineError.stateMismatch` for a state that no such engine can go on from.
    func requireFit(_ state: any StateReader) throws {
        try Engine.requireFit(configuration, base: base, reading: state)
    }
}
