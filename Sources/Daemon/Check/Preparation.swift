import Encoder
import Engine
import Events
import Foundation
import KafkaStream
import Pricing
import Records
import SnapshotStore

/// What a configuration has to fulfil before anything is learned: one list of steps, which `run` takes
/// and ends at the first that fails, and which `check` takes and tells of each.
///
/// Nothing is changed by it on disk, and nobody is asked for anything over a network.
struct Preparation {
    /// What the steps make, each for those behind it and for the daemon.
    struct Parts {
        fileprivate(set) var kafka: KafkaConfiguration?
        fileprivate(set) var decoding: Decoding?
        fileprivate(set) var base: BaseModel?
        fileprivate(set) var engine: EngineConfiguration?
        fileprivate(set) var embedding: EncoderEmbedding?
    }

    struct Step: Sendable {
        let what: String
        /// - Returns: what there is to say; `nil` for nothing, and where it cannot be looked at, because
        ///   a step before it has failed.
        let take: @Sendable (Wiring, inout Parts) throws -> String?
    }

    /// Everything that the steps make.
    struct Whole {
        let kafka: KafkaConfiguration
        let decoding: Decoding
        let base: BaseModel
        let engine: EngineConfiguration
        let embedding: EncoderEmbedding
    }

    /// Throws: what the first step says that fails.
    static func requireAll(_ wiring: Wiring) throws -> Whole {
        var parts = Parts()
        for step in steps { _ = try step.take(wiring, &parts) }
        guard let kafka = parts.kafka, let decoding = parts.decoding, let base = parts.base,
            let engine = parts.engine, let embedding = parts.embedding
        else { preconditionFailure("a step that made nothing did not fail") }
        return Whole(
            kafka: kafka, decoding: decoding, base: base, engine: engine, embedding: embedding)
    }

    static let steps = [
        Step(what: "kafka") { wiring, parts in
            let kafka = try wiring.kafka()
            parts.kafka = kafka
            return "topics \(kafka.topics.joined(separator: ", ")) of \(kafka.brokers)"
        },
        Step(what: "kafka.topics") { wiring, parts in
            parts.decoding = try wiring.streamDecoding()
            return "the types they default to are known"
        },
        Step(what: "mappings") { wiring, _ in
            let mapped = wiring.configuration.kafka.topics.compactMap { topic in
                topic.mapping?.summary.map { "topic '\(topic.name)' by \($0)" }
            }
            return mapped.isEmpty ? nil : mapped.joined(separator: ", ")
        },
        Step(what: "registry") { wiring, _ in
            guard try wiring.registryClient() != nil else { return "not needed" }
            return wiring.configuration.registry.url
        },
        Step(what: "publish") { wiring, _ in
            let publish = wiring.configuration.publish
            var topics = [
                ("publish.topic", publish.topic),
                ("publish.dead_letter_topic", publish.deadLetterTopic),
            ]
            if publish.guarantee == .exactlyOnce {
                topics.append(("publish.marker_topic", publish.markerTopic))
            }
            if !publish.stateTopic.isEmpty {
                topics.append(("publish.state_topic", publish.stateTopic))
            }
            _ = try wiring.offerForm()
            for (key, topic) in topics {
                try KafkaConfiguration.validate(topic: topic, key: key)
            }
            return topics.map(\.1).joined(separator: ", ")
        },
        Step(what: "attribution") { wiring, _ in
            if let problem = wiring.joinConfiguration().problem {
                throw ConfigurationError(place: "attribution", message: problem)
            }
            // What the bounds afford is told apart.
            return nil
        },
        Step(what: "pricing") { wiring, _ in
            try wiring.pricingConfiguration().validate()
            try wiring.requireAim()
            return "depths and rules are in range"
        },
        Step(what: "http") { wiring, _ in
            let http = wiring.configuration.http
            guard let server = try wiring.control(StatusBoard(), nil) else { return "not served" }
            let place = "\(http.host) port \(http.port)"
            guard let identity = server.place.tls?.identity else { return place }
            return place
                + ", TLS with a certificate until \(Timestamp.text(ms: identity.endsMs))"
                + (identity.asksClients ? ", clients must show one, too" : "")
        },
        Step(what: "base") { wiring, parts in
            let base = try wiring.loadBase()
            parts.base = base
            return
                "\(wiring.baseFolder), \(base.layerCount) layers, hidden size \(base.hiddenSize), SHA-256 \(base.fingerprint)"
        },
        Step(what: "model") { wiring, parts in
            guard let base = parts.base else { return nil }
            parts.embedding = try wiring.embedding(base)
            return "adapters of rank \(wiring.configuration.lora.rank) fit the base"
        },
        Step(what: "learning") { wiring, parts in
            guard let base = parts.base else { return nil }
            parts.engine = try wiring.engineConfiguration(base)
            return "heads, memory and guards are in range"
        },
        Step(what: "store.path") { wiring, _ in
            try StorePlace.require(wiring.configuration.store.path)
        },
    ]
}
