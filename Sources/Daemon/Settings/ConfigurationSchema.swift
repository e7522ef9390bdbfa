import Foundation
import Records

extension Configuration {
    /// A JSON Schema (draft 2020-12) of the configuration's file, for editors: which keys there are, what they
    /// are for and what their values look like. What several keys must be together only `check` can tell.
    public static func schema() throws -> Data {
        let defaults = Configuration()
        var properties: [String: SchemaNode] = [:]
        for section in sections {
            var members: [String: SchemaNode] = [:]
            var groups: [String: [String: SchemaNode]] = [:]
            for setting in settings where setting.section == section.name {
                let node = setting.node(usual: setting.read(defaults))
                if let group = setting.group {
                    groups[String(group), default: [:]][String(setting.lastName)] = node
                } else {
                    members[String(setting.name)] = node
                }
            }
            for (group, inner) in groups { members[group] = SchemaNode(map: inner) }
            var node = SchemaNode(map: members)
            node.description = section.summary
            properties[section.name] = node
        }
        var root = SchemaNode(map: properties)
        root.schema = "https://json-schema.org/draft/2020-12/schema"
        root.title = "Configuration of Tidemark"
        return try JSONText.data(root, [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
    }
}

/// One node of a JSON Schema, with as much of the language as is used here.
private struct SchemaNode: Encodable {
    var schema: String?
    var title: String?
    var description: String?
    /// What a value may be; any of these.
    var type: [String]?
    var properties: [String: SchemaNode]?
    var additionalProperties: Bool?
    var words: [String]?
    var pattern: String?
    var minLength: Int?
    var minimum: Double?
    var maximum: Double?
    var usual: Default?

    enum CodingKeys: String, CodingKey {
        case schema = "$schema"
        case title, description, type, properties, additionalProperties, pattern, minLength
        case minimum, maximum
        case words = "enum"
        case usual = "default"
    }

    /// The value where nothing is said.
    enum Default: Encodable {
        case number(Double), flag(Bool), text(String), null

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let number): try container.encode(number)
            case .flag(let flag): try container.encode(flag)
            case .text(let text): try container.encode(text)
            case .null: try container.encodeNil()
            }
        }
    }

    init(_ type: [String]? = nil) { self.type = type }

    /// A map of these keys and no others; one with nothing in it may be left empty.
    init(map properties: [String: SchemaNode]) {
        type = ["object", "null"]
        self.properties = properties
        additionalProperties = false
    }
}

extension Setting {
    /// The key's part of the schema.
    ///
    /// - Parameter usual: its default, as YAML.
    fileprivate func node(usual: String) -> SchemaNode {
        var node = form.node
        node.description = "\(summary) Must be \(expects)."
        node.usual = form.json(usual)
        return node
    }
}

extension Setting.Form {
    /// What a value must be.
    fileprivate var node: SchemaNode {
        var node: SchemaNode
        switch self {
        case .integer(let range):
            node = SchemaNode(["integer"])
            node.minimum = Double(range.lowerBound)
            node.maximum = Double(range.upperBound)
        case .number(let range, let orNull):
            node = SchemaNode(orNull ? ["number", "null"] : ["number"])
            node.minimum = range.lowerBound
            node.maximum = range.upperBound
        case .flag: node = SchemaNode(["boolean"])
        // A text that looks like a number needs no quotes.
        case .text(let allowEmpty):
            node = SchemaNode(["string", "number", "boolean"] + (allowEmpty ? ["null"] : []))
            if !allowEmpty { node.minLength = 1 }
        case .choice(let words):
            node = SchemaNode(["string"])
            node.words = words
        // Only 0 has no unit.
        case .duration:
            node = SchemaNode(["string", "integer"])
            node.pattern = "^(0|[0-9]+(ms|s|m|h|d))$"
            node.minimum = 0
            node.maximum = 0
        case .bytes:
            node = SchemaNode(["string", "integer"])
            node.pattern = "^[0-9]+(KiB|MiB|GiB|TiB)?$"
            node.minimum = 0
        // One element may stand without brackets.
        case .list: node = SchemaNode(["array", "string", "number", "object", "null"])
        case .other: node = SchemaNode()
        }
        return node
    }

    /// A value as JSON; `nil` for what is no single one.
    fileprivate func json(_ yaml: String) -> SchemaNode.Default? {
        guard let value = try? ConfigurationValue(text: yaml, place: "default") else { return nil }
        switch (self, value) {
        case (.number(_, orNull: true), .null): return .null
        case (.integer, .scalar(let text)), (.number, .scalar(let text)):
            return Double(text).map { .number($0) }
        case (.flag, .scalar(let text)): return .flag(text == "true")
        case (.text, .scalar(let text)), (.choice, .scalar(let text)),
            (.duration, .scalar(let text)), (.bytes, .scalar(let text)):
            return .text(text)
        default: return nil
        }
    }
}
