import Foundation
import Glibc
import SchemaRegistry
import Schemas
import SnapshotStore

extension Wiring {
    /// Readers of the topics that need them; `nil` where none does.
    ///
    /// - Parameter isOfLogs: whether records come from logs, whose lines may be events as they are.
    /// - Throws: `ConfigurationError` where a topic needs a registry and none is set.
    func payloads(isOfLogs: Bool = false) throws(ConfigurationError) -> Payloads? {
        let topics = configuration.kafka.topics.filter { $0.decoder != .json }
        guard let first = topics.first else { return nil }
        guard !configuration.registry.url.isEmpty else {
            throw ConfigurationError(
                place: "registry.url",
                message: "is needed: topic \(first.name) is \(first.decoder.rawValue)")
        }
        return Payloads(
            Dictionary(topics.map { ($0.name, $0.decoder) }) { first, _ in first },
            isOfLogs: isOfLogs)
    }

    /// Whether topics are read, or recommendations written, by schemas of a registry.
    var needsRegistry: Bool {
        configuration.kafka.topics.contains { $0.decoder != .json }
            || configuration.publish.format != .json
    }

    /// The registry's name in a store: its URL.
    var registryName: String {
        var name = configuration.registry.url
        while name.hasSuffix("/") { name.removeLast() }
        return name
    }

    /// Asks the registry; `nil` where nothing needs it.
    ///
    /// Each request is made once: whoever waits asks again.
    /// - Throws: `ConfigurationError` or `RegistryError` for settings that cannot be used.
    func registryClient() throws -> RegistryClient? {
        guard needsRegistry else { return nil }
        let resolved = try configuration.registry.resolved(ProcessInfo.processInfo.environment)
        return RegistryClient(try CurlTransport(resolved), attempts: 1) { milliseconds in
            usleep(UInt32(clamping: milliseconds) * 1_000)
        }
    }

    /// Schemas of a store, and of the registry where there is a client.
    func schemas(_ store: SnapshotStore, client: RegistryClient?) -> SchemaSource {
        SchemaSource(
            registry: registryName, shelf: StoreShelf(store), client: client)
    }

    /// The same; the registry's client is made when a schema is missed, and what it needs is read then.
    func schemasAsked(_ store: SnapshotStore) -> SchemaSource {
        SchemaSource(registry: registryName, shelf: StoreShelf(store)) { try self.registryClient() }
    }
}
