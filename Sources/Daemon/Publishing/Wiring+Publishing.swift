extension Wiring {
    /// How messages are sent to a cluster.
    func publishing(cluster: String, takesOver: Bool) -> Publisher.Settings {
        Publisher.Settings(
            guarantee: configuration.publish.guarantee,
            deadLetterTopic: configuration.publish.deadLetterTopic,
            markerTopic: configuration.publish.markerTopic,
            rateMax: configuration.publish.rateMax, cluster: cluster, takesOver: takesOver,
            openMs: max(30_000, configuration.kafka.connectTimeoutMs))
    }
}
