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

    var log: EventLogger {
        EventLogger(
            level: configuration.log.level.rawValue,
            format: configuration.log.format == .json ? .json : .text)
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
        _ = try Numerics.load(
            configuration.learning.numerics == .portable ? NumericProfile.portable : .fast)
        return try BaseModel.load(directory: baseFolder)
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
        let identity = StoreIdentity(
            id: UUID().uuidString.lowercased(), base: base.fingerprint, createdMs: wallTimeMs())
        return try SnapshotStore.open(
            path: path, mode: mode, identity: identity, options: options)
    }

    var eventLimits: EventLimits {
        EventLimits(skewMaxMs: Int64(configuration.attribution.skewMaxMs))
    }

    func kafka() throws -> KafkaConfiguration {
        var kafka = KafkaConfiguration(
            brokers: configuration.kafka.brokers, topics: configuration.kafka.topics.map(\.name),
            client: Dictionary(
                configuration.kafka.client.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }))
        kafka.shards = configuration.kafka.shards
        kafka.shard = configuration.kafka.shard
        kafka.onGap = configuration.kafka.onGap == .accept ? .accept : .stop
        kafka.fetchWaitMaxMs = configuration.kafka.fetchWaitMs
        kafka.queueBytesMax = configuration.kafka.queueBytes
        kafka.connectTimeoutMs = configuration.kafka.connectTimeoutMs
        try kafka.validate()
        return kafka
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
        return engine
    }
}
