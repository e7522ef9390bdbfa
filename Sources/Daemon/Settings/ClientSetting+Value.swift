import Foundation
import KafkaStream

extension Configuration.Kafka.ClientSetting {
    /// What may be shown and stored of it: secrets never leave the process.
    var shown: String {
        switch value {
        case .file(let path): "{file: \(quoted(path))}"
        case .environment(let name): "{env: \(quoted(name))}"
        case .text(let text):
            quoted(KafkaConfiguration.isSecret(key) ? "(hidden)" : text)
        }
    }

    /// The value itself.
    ///
    /// - Throws: naming the key and where the value should be, never the value.
    func resolved(_ environment: [String: String]) throws(ConfigurationError) -> String {
        try value.resolved(
            environment, place: "kafka.client.\(key)", isSecret: SecretFile.holdsSecret(key))
    }
}

extension Configuration.Kafka.ClientSetting.Value {
    /// The value itself.
    ///
    /// - Parameter place: the setting.
    /// - Throws: naming the setting and where the value should be, never the value.
    func resolved(_ environment: [String: String], place: String, isSecret: Bool)
        throws(ConfigurationError) -> String
    {
        switch self {
        case .text(let text): return text
        case .environment(let name):
            guard let text = environment[name] else {
                throw ConfigurationError(
                    place: place, message: "the environment has no variable \(name)")
            }
            return text
        case .file(let path):
            if isSecret { try SecretFile.requirePrivate(path, place: place) }
            guard let data = FileManager.default.contents(atPath: path),
                let text = String(validating: data, as: UTF8.self)
            else {
                throw ConfigurationError(
                    place: place, message: "the file \(path) cannot be read as text")
            }
            // Editors and `echo` end a file with a line break that is no part of a password.
            return String(text.last?.isNewline == true ? text.dropLast() : text[...])
        }
    }
}

extension Configuration.Kafka.ClientSetting.Value {
    init?(value: ConfigurationValue) {
        switch value {
        case .scalar(let text): self = .text(text)
        case .map(let pairs):
            guard pairs.count == 1, case .scalar(let text) = pairs[0].value, !text.isEmpty else {
                return nil
            }
            switch pairs[0].key {
            case "file": self = .file(text)
            case "env": self = .environment(text)
            default: return nil
            }
        default: return nil
        }
    }
}
