/// Which environment variables are keys of the configuration, which are somebody else's, and which are
/// neither: a misspelt key must not be passed over.
enum EnvironmentNames {
    static let prefix = "TIDEMARK_"

    /// Variables of this project that are no keys: of its scripts and of its tests.
    static let others: Set<String> = [
        "TIDEMARK_MODEL", "TIDEMARK_HOME", "TIDEMARK_FUZZ", "TIDEMARK_CRASH_KILLS",
        "TIDEMARK_CRASH_SEED", "TIDEMARK_CRASH_STORMS", "TIDEMARK_CRASH_ORDERS",
        "TIDEMARK_EVENT_VERDICTS", "TIDEMARK_JOIN_EVENTS", "TIDEMARK_PARITY",
        "TIDEMARK_PARITY_EXPORT", "TIDEMARK_READER_SECONDS", "TIDEMARK_THOROUGH",
        "TIDEMARK_TORN_STATES", "TIDEMARK_VERIFY_EVENTS",
    ]
    private static let otherPrefixes = ["TIDEMARK_TEST_", "TIDEMARK_FUZZ_"]

    /// An error for each variable with our prefix that nothing knows.
    ///
    /// Known are, beside the keys, those that `kafka.client` names as `{env: NAME}`.
    static func unknown(
        in environment: [String: String], for configuration: Configuration
    ) -> [ConfigurationError] {
        let keys = Set(Configuration.settings.map(\.environmentName))
        let named = Set(
            configuration.kafka.client.compactMap { setting in
                if case .environment(let name) = setting.value { name } else { nil }
            })
        return environment.filter { name, value in
            name.hasPrefix(prefix) && !keys.contains(name) && !named.contains(name)
                && !others.contains(name) && !otherPrefixes.contains(where: name.hasPrefix)
                && !isServiceLink(name, value)
        }.keys.sorted().map { name in
            ConfigurationError(
                place: "environment \(name)",
                message: "no key of the configuration has this name"
                    + Configuration.suggestion(for: name, among: keys.sorted()))
        }
    }

    /// Whether Kubernetes (or Docker) made the variable, because a service is called `tidemark` or
    /// begins with it: it is nobody's setting.
    ///
    /// Source: Kubernetes, "Service", environment variables; Docker, legacy container links.
    static func isServiceLink(_ name: String, _ value: String) -> Bool {
        if name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT") { return true }
        let schemes = ["tcp://", "udp://", "sctp://"]
        if name.hasSuffix("_PORT"), schemes.contains(where: value.hasPrefix) { return true }
        // TIDEMARK_PORT_9464_TCP, and with _PROTO, _PORT or _ADDR behind.
        let parts = name.split(separator: "_", omittingEmptySubsequences: false)
        return parts.indices.dropFirst(2).contains { index in
            parts[index - 1] == "PORT" && UInt16(parts[index]) != nil
                && index + 1 < parts.count && ["TCP", "UDP", "SCTP"].contains(parts[index + 1])
        }
    }
}
