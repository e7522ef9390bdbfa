import Foundation
import SchemaRegistry

extension Configuration {
    /// Where schemas are asked for, and how.
    public struct Registry: Sendable {
        /// Where a secret is; secrets are best left in files or the environment.
        public typealias Secret = Kafka.ClientSetting.Value

        /// Empty where there is none.
        public var url = ""
        /// HTTP Basic; empty for none.
        public var user = ""
        /// Of `user`.
        public var password: Secret?
        /// A bearer token, instead of a user.
        public var token: Secret?
        /// Certificates (PEM) to trust instead of the system's; empty for the system's.
        public var authorityFile = ""
        /// The program's own certificate (PEM); empty where none is asked for.
        public var certificateFile = ""
        /// Its private key (PEM).
        public var keyFile = ""
        /// What the key is encrypted with.
        public var keyPassword: Secret?
        /// How long a request may take.
        public var timeoutMs = 5_000
        /// How long the registry may say that it does not have an id; 0: for ever.
        public var unknownAfterMs = 15 * 60_000
    }

    static let registrySettings: [Setting] = [
        .text(
            "registry.url", \.registry.url,
            "Where it is, http:// or https://, with the path it lies under: Confluent's API, which Karapace, Apicurio and Redpanda serve too. Schemas that were read once are in the store and are not asked for again."
        ),
        .text("registry.user", \.registry.user, "User of HTTP Basic authentication."),
        .secret(
            "registry.password", \.registry.password, "Password of registry.user."),
        .secret("registry.token", \.registry.token, "Bearer token, instead of a user."),
        .text(
            "registry.ca_file", \.registry.authorityFile,
            "File of certificates (PEM) to trust instead of the system's."),
        .text(
            "registry.certificate_file", \.registry.certificateFile,
            "File of a certificate (PEM) that the daemon shows to a registry that asks for one (mutual TLS)."
        ),
        .text(
            "registry.key_file", \.registry.keyFile,
            "File of the private key (PEM) of registry.certificate_file."),
        .secret(
            "registry.key_password", \.registry.keyPassword,
            "Password of registry.key_file, where it is encrypted."),
        .duration(
            "registry.timeout", \.registry.timeoutMs, 100...60_000,
            "How long a request may take; it is made again until it succeeds."),
        .duration(
            "registry.unknown_after", \.registry.unknownAfterMs, 0...(30 * 86_400_000),
            "How long records wait for an id that the registry says it does not have; after that they go to the dead letters, from where they can be sent again. A registry that does not answer, fails or refuses never counts. 0: they wait until somebody acts."
        ),
    ]
}

extension Setting {
    /// A text, or where one is; never shown.
    fileprivate static func secret(
        _ key: String, _ path: ConfigurationPath<Configuration.Registry.Secret?>, _ summary: String
    ) -> Setting {
        Setting(
            key: key, summary: summary + " A text, {file: path} or {env: NAME}; never shown.",
            expects: "a text, {file: path} or {env: NAME}",
            read: { configuration in
                switch configuration[keyPath: path] {
                case nil: "null"
                case .text: quoted("(hidden)")
                case .file(let path): "{file: \(quoted(path))}"
                case .environment(let name): "{env: \(quoted(name))}"
                }
            },
            write: { target, value in
                guard value != .null else {
                    target[keyPath: path] = nil
                    return true
                }
                target[keyPath: path] = Configuration.Registry.Secret(value: value)
                return target[keyPath: path] != nil
            })
    }
}

extension Configuration.Registry {
    /// How the registry is reached.
    ///
    /// - Throws: `ConfigurationError` with the setting, where a secret cannot be read, or there is more
    ///   than one kind of credentials.
    func resolved(_ environment: [String: String]) throws(ConfigurationError)
        -> RegistryConfiguration
    {
        var resolved = RegistryConfiguration(url: url)
        resolved.authorityFile = authorityFile.isEmpty ? nil : authorityFile
        resolved.timeoutMs = timeoutMs
        resolved.connectTimeoutMs = min(timeoutMs, resolved.connectTimeoutMs)
        resolved.certificate = try certificate(environment)
        if let token {
            guard user.isEmpty, password == nil else {
                throw ConfigurationError(
                    place: "registry.token", message: "is there beside a user: give one of them")
            }
            let text = try token.resolved(environment, place: "registry.token", isSecret: true)
            resolved.credentials = .bearer(text)
        } else if !user.isEmpty {
            guard let password else {
                throw ConfigurationError(
                    place: "registry.password", message: "is missing, and registry.user is given")
            }
            let text = try password.resolved(
                environment, place: "registry.password", isSecret: true)
            resolved.credentials = .basic(user: user, password: text)
        } else if password != nil {
            throw ConfigurationError(
                place: "registry.user", message: "is missing, and registry.password is given")
        }
        return resolved
    }

    /// - Throws: `ConfigurationError` with the setting, where one of the two files is missing or cannot be read.
    private func certificate(_ environment: [String: String]) throws(ConfigurationError)
        -> RegistryConfiguration.Certificate?
    {
        let files = [
            ("registry.certificate_file", certificateFile), ("registry.key_file", keyFile),
        ]
        guard files.contains(where: { !$0.1.isEmpty }) else {
            guard keyPassword == nil else {
                throw ConfigurationError(
                    place: "registry.key_file",
                    message: "is missing, and registry.key_password is given")
            }
            return nil
        }
        for (place, path) in files {
            guard !path.isEmpty else {
                throw ConfigurationError(
                    place: place, message: "is missing: a certificate and its key belong together")
            }
            guard FileManager.default.isReadableFile(atPath: path) else {
                throw ConfigurationError(place: place, message: "\(path) cannot be read")
            }
        }
        try SecretFile.requirePrivate(keyFile, place: "registry.key_file")
        guard url.hasPrefix("https://") else {
            throw ConfigurationError(
                place: "registry.certificate_file", message: "is of registries with https://")
        }
        return RegistryConfiguration.Certificate(
            file: certificateFile, keyFile: keyFile,
            keyPassword: try keyPassword?.resolved(
                environment, place: "registry.key_password", isSecret: true))
    }
}
