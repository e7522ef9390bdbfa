import Engine
import Schemas

extension Configuration.Kafka.Topic {
    private static let keys: Set<String> = [
        "name", "type", "every_shard", "inline", "ignore_types", "tombstones", "mapping", "preset",
        "currency", "decoder",
    ]

    /// A name, or a map of what is to be known of the topic; `nil` for anything else.
    init?(value: ConfigurationValue) {
        switch value {
        case .scalar(let text) where !text.isEmpty:
            self.init(name: text, type: nil)
        case .map(let pairs):
            let entries = Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
            guard entries.count == pairs.count, Self.keys.isSuperset(of: entries.keys),
                case .scalar(let name)? = entries["name"], !name.isEmpty
            else { return nil }
            self.init(name: name)
            for (key, value) in entries
            where key != "name" && !TopicMapping.keys.contains(key) {
                guard set(key, value) else { return nil }
            }
            if !TopicMapping.keys.isDisjoint(with: entries.keys) {
                guard let mapping = TopicMapping(entries) else { return nil }
                self.mapping = mapping
            }
        default: return nil
        }
    }

    private mutating func set(_ key: String, _ value: ConfigurationValue) -> Bool {
        switch (key, value) {
        case ("type", .scalar(let text)): type = text
        case ("every_shard", .scalar(let text)):
            guard let flag = Bool(text) else { return false }
            everyShard = flag
        case ("inline", .scalar(let text)):
            guard let fields = InlineFields(rawValue: text) else { return false }
            inline = fields
        case ("tombstones", .scalar(let text)):
            guard let choice = Configuration.Kafka.Tombstones(rawValue: text) else { return false }
            tombstones = choice
        case ("decoder", .scalar(let text)):
            guard let format = PayloadFormat(rawValue: text) else { return false }
            decoder = format
        case ("ignore_types", .scalar(let text)) where !text.isEmpty: ignoreTypes = [text]
        case ("ignore_types", .list(let items)):
            ignoreTypes = items.compactMap { item in
                if case .scalar(let text) = item, !text.isEmpty { text } else { nil }
            }
            return ignoreTypes.count == items.count && items.count <= 1_000
        default: return false
        }
        return true
    }

    /// As YAML.
    var written: String {
        var parts = ["name: \(quoted(name))"]
        if let type { parts.append("type: \(quoted(type))") }
        if everyShard { parts.append("every_shard: true") }
        if let inline { parts.append("inline: \(inline.rawValue)") }
        if !ignoreTypes.isEmpty {
            parts.append("ignore_types: [\(ignoreTypes.map(quoted).joined(separator: ", "))]")
        }
        if let tombstones { parts.append("tombstones: \(tombstones.rawValue)") }
        if let mapping { parts.append(mapping.written) }
        if decoder != .json { parts.append("decoder: \(decoder.rawValue)") }
        return parts.count == 1 ? quoted(name) : "{\(parts.joined(separator: ", "))}"
    }
}
