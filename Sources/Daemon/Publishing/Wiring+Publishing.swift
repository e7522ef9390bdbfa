import Foundation
import SchemaRegistry
import Schemas

extension Wiring {
    /// How messages are sent to a cluster.
    ///
    /// - Throws: `ConfigurationError` for settings of the registry that cannot be used.
    func publishing(cluster: String, takesOver: Bool) throws(ConfigurationError)
        -> Publisher.Settings
    {
        let publish = configuration.publish
        var settings = Publisher.Settings(
            guarantee: publish.guarantee, deadLetterTopic: publish.deadLetterTopic,
            markerTopic: publish.markerTopic, stateTopic: publish.stateTopic,
            rateMax: publish.rateMax, cluster: cluster, takesOver: takesOver,
            openMs: max(30_000, configuration.kafka.connectTimeoutMs))
        settings.registry.registers = publish.registers
        if !configuration.registry.url.isEmpty {
            settings.registry.configuration = try configuration.registry.resolved(
                ProcessInfo.processInfo.environment)
        }
        return settings
    }

    /// How recommendations are written.
    ///
    /// - Throws: `ConfigurationError` where the settings do not fit each other.
    func offerForm() throws(ConfigurationError) -> OfferForm {
        var problem: ConfigurationError?
        configuration.publish.validate(configuration.registry) { key, message in
            problem = problem ?? ConfigurationError(place: key, message: message)
        }
        if let problem { throw problem }
        do { return try OfferForm(configuration.publish) } catch {
            throw ConfigurationError(place: "publish.format", message: "\(error)")
        }
    }
}
