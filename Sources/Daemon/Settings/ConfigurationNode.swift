import Yams

/// A configuration file as it was read: values with the lines they stand in.
struct ConfigurationNode {
    let value: ConfigurationValue
    /// Of a map; `nil` for anything else.
    let entries: [Entry]?

    struct Entry {
        let key: String
        /// From 1.
        let line: Int
        let node: ConfigurationNode
    }

    /// - Returns: `nil` for a text without a value.
    /// - Throws: `ConfigurationError` with the reason and the line, and nothing of the text, which may
    ///   hold a password.
    init?(yaml text: String, place: String) throws(ConfigurationError) {
        guard let root = try YAMLText(text, place: place).compose() else { return nil }
        self.init(root, depth: 3)
    }

    /// - Parameter depth: levels of maps whose lines are kept.
    private init(_ node: Node, depth: Int) {
        value = ConfigurationValue(node)
        guard depth > 0, case .mapping(let pairs) = node else {
            entries = nil
            return
        }
        entries = pairs.map { key, body in
            Entry(
                key: key.string ?? "", line: key.mark?.line ?? 0,
                node: ConfigurationNode(body, depth: depth - 1))
        }
    }
}

/// YAML that a person may have written, bounded: no text takes the memory or the stack.
///
/// How deep it goes is bounded by libyaml, at a thousand levels.
struct YAMLText {
    private let text: String
    private let place: String

    private static let bytesMax = 1 << 20

    init(_ text: String, place: String) throws(ConfigurationError) {
        self.text = text
        self.place = place
        guard text.utf8.count <= Self.bytesMax else {
            throw ConfigurationError(
                place: place, message: "has more than 1 MiB: is it the right file?")
        }
        // What an anchor names can be repeated without end: a few lines could take all memory.
        if let name = Self.alias(in: text.utf8) {
            throw ConfigurationError(
                place: place,
                message: "aliases of YAML are not read: write out what *\(name) stands for")
        }
    }

    func compose() throws(ConfigurationError) -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ConfigurationError(place: place, message: "not YAML: \(error.withoutText)")
        } catch {
            throw ConfigurationError(place: place, message: "not YAML")
        }
    }

    /// The name of an alias for which there is an anchor.
    ///
    /// Source: libyaml, `yaml_parser_scan_anchor`: names are of letters, digits, `_` and `-`.
    private static func alias(in text: String.UTF8View) -> String? {
        let anchors = names(after: UInt8(ascii: "&"), in: text)
        guard !anchors.isEmpty else { return nil }
        return names(after: UInt8(ascii: "*"), in: text).intersection(anchors).min()
    }

    /// What follows `mark` where a value can begin.
    private static func names(after mark: UInt8, in text: String.UTF8View) -> Set<String> {
        var names: Set<String> = []
        var before = UInt8(ascii: "\n")
        for index in text.indices {
            let byte = text[index]
            defer { before = byte }
            let begins = before <= 0x20 || [0x5b, 0x7b, 0x2c, 0x3a].contains(before)
            guard byte == mark, begins else { continue }
            let name = text[text.index(after: index)...].prefix { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a, 0x2d: true
                default: false
                }
            }
            names.insert(String(decoding: name, as: UTF8.self))
        }
        return names
    }
}

extension YamlError {
    /// What is wrong and where, without the lines around it, which may hold a password.
    var withoutText: String {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "line \(mark.line): \(problem)"
        case .reader(let problem, _, _, _): problem
        case .duplicatedKeysInMapping(let duplicates, _):
            "the key '\(duplicates.first ?? "")' is there twice"
        default: "it cannot be read"
        }
    }
}
