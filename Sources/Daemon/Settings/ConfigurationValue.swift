import Yams

/// A value as it was written, before it is known what it should be.
indirect enum ConfigurationValue: Equatable {
    case scalar(String)
    case list([ConfigurationValue])
    case map([Entry])
    case null

    struct Entry: Equatable {
        let key: String
        let value: ConfigurationValue
    }

    /// What an error calls it.
    var described: String {
        switch self {
        case .scalar(let text): "'\(text)'"
        case .list: "a list"
        case .map: "a map"
        case .null: "nothing"
        }
    }

    init(_ node: Node) {
        switch node {
        case .scalar(let scalar):
            let plainNull = scalar.style == .plain || scalar.style == .any
            self =
                plainNull && ["", "~", "null"].contains(scalar.string)
                ? .null : .scalar(scalar.string)
        case .sequence(let sequence):
            self = .list(sequence.map(ConfigurationValue.init))
        case .mapping(let mapping):
            self = .map(
                mapping.map { Entry(key: $0.key.string ?? "", value: ConfigurationValue($0.value)) }
            )
        case .alias:
            self = .null
        }
    }

    /// Reads the value of a flag or an environment variable, which may be any YAML value.
    init(text: String, place: String) throws(ConfigurationError) {
        do {
            self =
                try YAMLText(text, place: place).compose().map(ConfigurationValue.init)
                ?? .scalar("")
        } catch {
            // What is broken may hold a password.
            throw ConfigurationError(place: place, message: "not a YAML value")
        }
    }
}
