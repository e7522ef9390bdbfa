/// What there is to say of one key of the configuration.
public struct KeyExplanation: Codable, Sendable, Equatable {
    /// `section.key`.
    public let key: String
    /// What it is for.
    public let summary: String
    /// Completes "must be …".
    public let expects: String
    /// The value where nothing is said, as YAML.
    public let usual: String
    /// The value in this configuration, as YAML; secrets are hidden.
    public let value: String
    /// The variable of the environment that sets it.
    public let environment: String
    /// Whether a new value holds at once where the configuration is read again, or from the next start on.
    public let isLive: Bool

    enum CodingKeys: String, CodingKey {
        case key, summary, expects, value, environment
        case usual = "default"
        case isLive = "live"
    }
}

/// A key whose value differs between two configurations.
public struct KeyDifference: Codable, Sendable, Equatable {
    /// `section.key`.
    public let key: String
    /// The first one's value, as YAML; secrets are hidden.
    public let from: String
    /// The second one's value, likewise.
    public let to: String
    /// Whether a daemon takes it up when it reads the configuration again, or at its next start.
    public let isLive: Bool

    enum CodingKeys: String, CodingKey {
        case key, from, to
        case isLive = "live"
    }
}

extension Configuration {
    /// What there is to say of a key, or of all keys of a section.
    ///
    /// - Throws: `ConfigurationError` for a name that is neither, with the nearest one.
    public func explained(_ name: String) throws(ConfigurationError) -> [KeyExplanation] {
        let found = Self.settings.filter { $0.key == name || $0.key.hasPrefix(name + ".") }
        guard !found.isEmpty else {
            let known = Self.settings.map(\.key) + Self.sections.map(\.name)
            throw ConfigurationError(
                place: name,
                message: "there is no such key, and no such section"
                    + Self.suggestion(for: name, among: known))
        }
        let defaults = Configuration()
        return found.map {
            KeyExplanation(
                key: $0.key, summary: $0.summary, expects: $0.expects, usual: $0.read(defaults),
                value: $0.read(self), environment: $0.environmentName,
                isLive: $0.isLive)
        }
    }

    /// Keys whose values differ, in the order of the example file. Secrets that stand in the configuration
    /// itself are not compared.
    public func differences(to other: Configuration) -> [KeyDifference] {
        Self.settings.compactMap { setting in
            let (from, to) = (setting.read(self), setting.read(other))
            guard from != to else { return nil }
            return KeyDifference(
                key: setting.key, from: from, to: to, isLive: setting.isLive)
        }
    }
}
