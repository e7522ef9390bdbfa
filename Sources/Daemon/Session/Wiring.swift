import ContinualLearning
import Encoder
import Engine
import Events
import Foundation
import KafkaStream
import Pricing
import Records
import ResponseModel
import SnapshotStore
import Telemetry
import Tensor

/// Makes the parts that a configuration describes.
struct Wiring {
    let configuration: Configuration
    let faultInjection: FaultInjection
    /// Whatever is told goes through this one, which counts it.
    let log: EventLogger

    init(configuration: Configuration, faultInjection: FaultInjection = .none) {
        self.configuration = configuration
        self.faultInjection = faultInjection
        log = EventLogger(level: configuration.log.level, format: configuration.log.format)
    }

    /// The folder of the base: the configured one, or where `deploy/fetch-model` puts the default.
    var baseFolder: String {
        if !configuration.model.base.isEmpty { return configuration.model.base }
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
        return cache + "/tidemark/all-MiniLM-L6-v2"
    }

    func loadBase() throws -> BaseModel {
        guard FileManager.default.fileExists(atPath: baseFolder) else {
            throw ConfigurationError(
                place: "model.base",
                message:
                    "there is no folder \(baseFolder); deploy/fetch-model fetches the default base")
        }
        // Before anything is computed: a process keeps the profile it began with.
        _ = try Numerics.load(configuration.learning.numerics)
        let base = try BaseModel.load(directory: baseFolder)
        // The heads take vectors of length one; of any other every click would be refused.
        guard base.pooling.isNormalized else {
            throw ConfigurationError(
                place: "model.base",
                message:
                    "\(baseFolder)/modules.json must end in a module Normalize: without it the base's vectors have any length, and only those of length 1 are learned from"
            )
        }
        return base
    }

    func encoder(_ base: BaseModel, adapters: Adapters) throws -> TextEncoder {
        try TextEncoder(
            base: base, adapters: adapters, maxTokens: configuration.model.maxTokens,
            threads: configuration.learning.threads,
            prefixCacheBytes: configuration.lora.prefixCacheBytes)
    }

    func openStore(path: String, base: BaseModel, mode: SnapshotStore.Mode) throws -> SnapshotStore
    {
        DamageExit.install()
        var options = SnapshotStore.Options()
        options.bytesMax = configuration.store.bytesMax
        options.undoBytesMax = configuration.store.undoBytesMax
        // What an earlier version learned cannot be learned on: nothing of it is changed.
        options.oldestFormat = StoreIdentity.oldestReadable
        let identity = StoreIdentity(
            id: UUID().uuidString.lowercased(), base: base.fingerprint, createdMs: wallTimeMs())
        let store: SnapshotStore
        do {
            store = try SnapshotStore.open(
                path: path, mode: mode, identity: identity, options: options)
        } catch StoreError.olderFormat(let path, _, _) {
            throw EarlierStateError(path: path)
        }
        if try store.status().migratedAt != nil {
            try store.close()
            throw EarlierStateError(path: path)
        }
        return store
    }

    var eventLimits: EventLimits {
        EventLimits(
            skewMaxMs: Int64(configuration.attribution.skewMaxMs),
            sharedIDs: Set(configuration.attribution.sharedIDs))
    }

    func kafka() throws -> KafkaConfiguration { try configuration.kafkaConfiguration() }

    /// Decodes records of the brokers as this configuration has it.
    func streamDecoding() throws -> Decoding {
        let types = try defaultTypes()
        let rules = try configuration.kafka.topics.map { topic in
            (
                topic.name,
                Decoding.Rules(
                    type: types[topic.name], ignored: Set(topic.ignoreTypes),
                    tombstones: topic.tombstonesTaken, mapping: try topic.usableMapping(),
                    isShared: configuration.kafka.shards > 1 && topic.everyShard)
            )
        }
        return Decoding(
            limits: eventLimits, rules: Dictionary(rules) { first, _ in first },
            payloads: try payloads())
    }

    /// Decodes logs: lines are events, but for captured records of topics that have a mapping or a decoder.
    func logDecoding() throws(ConfigurationError) -> Decoding {
        var rules: [String: Decoding.Rules] = [:]
        for topic in configuration.kafka.topics {
            guard let mapping = try topic.usableMapping() else { continue }
            rules[topic.name] = Decoding.Rules(
                tombstones: topic.tombstonesTaken, mapping: mapping)
        }
        return Decoding(
            limits: eventLimits, rules: rules, payloads: try payloads(isOfLogs: true))
    }

    /// Types that topics give to payloads without one.
    func defaultTypes() throws -> [String: EventType] {
        var types: [String: EventType] = [:]
        for topic in configuration.kafka.topics {
            guard let name = topic.type else { continue }
            guard let type = EventType(rawValue: name) else {
                throw ConfigurationError(
                    place: "kafka.topics",
                    message:
                        "topic '\(topic.name)' defaults to type '\(name)', which is none of "
                        + EventType.allCases.map(\.rawValue).joined(separator: ", "))
            }
            types[topic.name] = type
        }
        return types
    }

    func requireAim() throws(ConfigurationError) {
        guard configuration.pricing.aim == .margin || configuration.learning.merchant else {
            throw ConfigurationError(
                place: "pricing.aim", message: "merchant needs learning.merchant: true")
        }
    }

    func engineConfiguration(_ base: BaseModel) throws -> EngineConfiguration {
        guard configuration.lora.layers <= base.layerCount else {
            throw ConfigurationError(
                place: "lora.layers",
                message:
                    "must be at most \(base.layerCount), the layers of the base, not \(configuration.lora.layers)"
            )
        }
        var head = HeadConfiguration()
        head.slotCountMax = configuration.heads.slots
        head.denseCountMax = configuration.heads.denseEffects
        head.tailPageCountMax = configuration.heads.tailPages
        head.calibrates = configuration.heads.calibrated
        func bound(_ logits: Double) -> Double { logits > 0 ? logits : .infinity }
        head.bounds.after = UInt64(configuration.guards.moveAfter)
        head.bounds.event = bound(configuration.guards.eventMove)
        head.bounds.user = bound(configuration.guards.userMove)
        head.bounds.hour = bound(configuration.guards.hourMove)
        let seed = UInt64(configuration.learning.seed)
        let join = joinConfiguration()
        if let problem = join.problem {
            throw ConfigurationError(place: "attribution", message: problem)
        }
        var engine = EngineConfiguration(
            seed: seed, head: head, adapters: adapterConfiguration(base),
            refresh: refreshSchedule(),
            memory: ReplayMemory.Configuration(
                capacity: configuration.guards.replayExamples,
                recent: configuration.guards.replayRecent, seed: seed),
            join: join, pricing: pricingConfiguration())
        engine.delayedFeedback = configuration.learning.delayedFeedback
        engine.onDrift = configuration.guards.onDrift
        try requireAim()
        engine.learnsMerchant = configuration.learning.merchant
        engine.followsMerchant = configuration.pricing.aim == .merchant
        engine.weightMax = configuration.learning.weightMax
        engine.inline.standard = configuration.kafka.inline
        for topic in configuration.kafka.topics {
            if let inline = topic.inline { engine.inline.topics[topic.name] = inline }
        }
        engine.offersAtViews = configuration.pricing.atViews
        engine.headGate = headGateConfiguration(seed: seed, join)
        engine.bounds = try bounds()
        return engine
    }
}

extension Wiring {
    /// Throws: where items and shoppers would be forgotten while their offers still stand.
    private func bounds() throws -> EngineBounds {
        let store = configuration.store
        let spans = [
            ("attribution.window", configuration.attribution.windowMs),
            ("pricing.offer_lifetime", configuration.pricing.offerLifetimeMs),
        ]
        for (name, span) in spans where min(store.keepItemsMs, store.keepShoppersMs) <= span {
            throw ConfigurationError(
                place: store.keepItemsMs <= span ? "store.keep_items" : "store.keep_shoppers",
                message: "must be longer than \(name)")
        }
        let rules = configuration.pricing.ruleSettings
        guard !rules.asksShopper || Int64(store.keepShoppersMs) > rules.longestPeriodMs else {
            throw ConfigurationError(
                place: "store.keep_shoppers",
                message: "must be longer than the longest period of pricing.rules")
        }
        var bounds = EngineBounds()
        bounds.catalogCacheBytes = configuration.learning.catalogCacheBytes
        bounds.shopperCacheBytes = configuration.learning.shopperCacheBytes
        bounds.vectorBytes = configuration.learning.vectorCacheBytes
        bounds.itemsMax = store.itemsMax
        bounds.shoppersMax = store.shoppersMax
        bounds.keepItemsMs = Int64(store.keepItemsMs)
        bounds.keepShoppersMs = Int64(store.keepShoppersMs)
        bounds.contextKeysMax = configuration.heads.contextKeys
        bounds.contextRefused = Set(configuration.heads.contextRefused)
        return bounds
    }
}

extension Configuration {
    /// Settings of librdkafka that name a file with a private key.
    private static let keyFiles: Set<String> = [
        "ssl.key.location", "ssl.keystore.location", "sasl.kerberos.keytab",
    ]

    /// What the step depends on, as the daemon would have it on this base.
    public func engine(_ base: BaseModel) throws -> EngineConfiguration {
        try Wiring(configuration: self).engineConfiguration(base)
    }

    /// The part that says how to reach the brokers and what to read, checked.
    public func kafkaConfiguration() throws -> KafkaConfiguration {
        var client: [String: String] = [:]
        for setting in kafka.client {
            let value = try setting.resolved(ProcessInfo.processInfo.environment)
            client[setting.key] = value
            if Self.keyFiles.contains(setting.key), !value.isEmpty {
                try SecretFile.requirePrivate(value, place: "kafka.client.\(setting.key)")
            }
        }
        var configuration = KafkaConfiguration(
            brokers: kafka.brokers, topics: kafka.topics.map(\.name), client: client)
        configuration.shards = kafka.shards
        configuration.shard = kafka.shard
        configuration.wholeTopics = Set(kafka.topics.filter(\.everyShard).map(\.name))
        configuration.partitioner = kafka.partitioner
        configuration.monitorGroup = kafka.group
        configuration.discoveryIntervalMs = kafka.discoveryMs
        configuration.onGap = kafka.onGap
        configuration.fetchWaitMaxMs = kafka.fetchWaitMs
        configuration.queueBytesMax = kafka.queueBytes
        configuration.connectTimeoutMs = kafka.connectTimeoutMs
        try configuration.validate()
        return configuration
    }
}

/// A store whose learned state was written by a version before owners had keys.
public struct EarlierStateError: Error, CustomStringConvertible, ClassifiedFailure {
    let path: String

    /// The store does not fit this version: bad data.
    public var failureKind: FailureKind { .badData }

    /// Which store it is, and the way out.
    public var description: String {
        "the store at \(path) was learned by an early build of Tidemark 0.1.0, whose model this one cannot go on with; "
            + "it was left as it is. Learn into another store.path; a copy of this one can be read once a command that writes, "
            + "as 'snapshots tag', has brought it to the present format"
    }
}
