import Foundation
import KafkaStream
import SchemaRegistry
import Schemas
import SnapshotStore

/// Has the schemas of recommendations registered, and waits where the registry does not answer: learning
/// goes on meanwhile.
///
/// Thread: the publishing thread.
final class SchemaClerk {
    /// How the registry is asked.
    struct Registry: Sendable {
        /// `nil` where none is set.
        var configuration: RegistryConfiguration?
        /// Whether what is not there is registered.
        var registers = true
    }

    private let outgoing: OutgoingSchemas
    private let registry: Registry
    private let store: SnapshotStore
    private let desk: PublishingDesk
    private let voice: PublishingVoice
    private var client: RegistryClient?
    private var kinds: [[UInt8]: SchemaBundle.Kind] = [:]
    /// Between two requests, doubled each time.
    private static let pauseMs = 200...5_000

    init(
        _ outgoing: OutgoingSchemas, _ registry: Registry, store: SnapshotStore,
        desk: PublishingDesk, voice: PublishingVoice
    ) {
        self.outgoing = outgoing
        self.registry = registry
        self.store = store
        self.desk = desk
        self.voice = voice
    }

    /// Waits until all that this run writes by is registered.
    ///
    /// - Returns: `false` when the time for publishing is over before that.
    func prepare() throws -> Bool {
        for need in outgoing.needs {
            guard try meet(need) else { return false }
        }
        return true
    }

    /// Messages with their frames, up to the first that cannot have one before the time is over.
    func finished(_ messages: [OutboxMessage]) throws -> [OutboxMessage] {
        var finished: [OutboxMessage] = []
        for message in messages {
            guard let need = outgoing.need(of: message) else {
                finished.append(message)
                continue
            }
            desk.note(waiting: message.sequence)
            guard try meet(need), let kind = kinds[need.digest] else { return finished }
            finished.append(outgoing.finished(message, kind))
        }
        return finished
    }

    private func meet(_ need: OutgoingSchemas.Need) throws -> Bool {
        if outgoing.isMet(need) { return true }
        guard let schema = try desk.withStore({ try outgoing.schema(of: need, store) }) else {
            throw PublishingError.noSchema(topic: need.topic)
        }
        kinds[need.digest] = schema.kind
        if let id = try desk.withStore({ try outgoing.recall(need, store) }),
            try isStillThere(id, schema, need)
        {
            outgoing.meet(need, withRecalled: id)
            return true
        }
        var pauseMs = Self.pauseMs.lowerBound
        while true {
            do {
                let id = try ask(schema, need)
                try desk.withStore { try outgoing.meet(need, with: id, store) }
                voice.registered()
                return true
            } catch let error as RegistryError {
                voice.waits(need.topic, "\(error)")
            }
            let endMs = monotonicMs() + Int64(pauseMs)
            while monotonicMs() < endMs {
                if desk.isTimeUp { return false }
                desk.pause(.milliseconds(endMs - monotonicMs()))
            }
            pauseMs = min(2 * pauseMs, Self.pauseMs.upperBound)
        }
    }

    /// Whether the id that an earlier run was given can go on being used. A registry that was made anew has lost it,
    /// or has given it to another schema; one that does not answer is believed to have it.
    private func isStillThere(
        _ id: UInt32, _ schema: SchemaBundle, _ need: OutgoingSchemas.Need
    ) throws -> Bool {
        guard registry.configuration != nil else { return true }
        do throws(RegistryError) {
            return try asked().id(
                of: schema, under: OutgoingSchemas.subject(need.topic), registers: false) == id
        } catch {
            if case .unknown = error { return false }
            return true
        }
    }

    private func asked() throws(RegistryError) -> RegistryClient {
        guard let configuration = registry.configuration else {
            throw .settings("registry.url is not set, and messages of an earlier run need it")
        }
        if let client { return client }
        let made = RegistryClient(try CurlTransport(configuration), attempts: 1) { _ in }
        client = made
        return made
    }

    private func ask(_ schema: SchemaBundle, _ need: OutgoingSchemas.Need) throws(RegistryError)
        -> UInt32
    {
        try asked().id(
            of: schema, under: OutgoingSchemas.subject(need.topic), registers: registry.registers)
    }
}
