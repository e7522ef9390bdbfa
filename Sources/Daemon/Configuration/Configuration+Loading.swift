import Foundation
import Yams

extension Configuration {
    /// Reads the file, then the environment, then `--set`: the later wins.
    ///
    /// - Parameters:
    ///   - file: path of a YAML file; `nil` for the defaults alone.
    ///   - overrides: `section.key=value`, as given to `--set`.
    public static func load(
        file: String?, environment: [String: String], overrides: [String]
    ) throws(ConfigurationError) -> Configuration {
        var configuration = Configuration()
        if let file { try configuration.apply(file: file) }
        try configuration.apply(environment: environment, overrides: overrides)
        return configuration
    }

    /// Takes the environment and then `--set` in place of what was said before.
    public mutating func apply(
        environment: [String: String], overrides: [String]
    ) throws(ConfigurationError) {
        for setting in Self.settings {
            guard let text = environment[setting.environmentName] else { continue }
            let place = "environment \(setting.environmentName)"
            try apply(setting, ConfigurationValue(text: text, place: place), place: place)
        }
        for override in overrides {
            guard let equals = override.firstIndex(of: "=") else {
                throw ConfigurationError(
                    place: "--set \(override)", message: "expected section.key=value")
            }
            let key = String(override[..<equals])
            let place = "--set \(key)"
            let setting = try Self.setting(key, place: place)
            let text = String(override[override.index(after: equals)...])
            try apply(setting, ConfigurationValue(text: text, place: place), place: place)
        }
        try validate()
    }

    /// Reads the text that `stored()` wrote.
    public init(stored text: String, place: String) throws(ConfigurationError) {
        self.init()
        try apply(yaml: text, name: place)
    }

    /// The whole effective configuration as YAML, without secrets.
    public func stored() -> String {
        yaml { setting in ["  \(setting.name): \(setting.read(self))"] }
    }

    /// The example file: every key with its explanation and its default.
    public static func example() -> String {
        let head = """
            # Every key of Tidemark's configuration, with its default. A key left out has its default.
            # Environment variables (TIDEMARK_SECTION_KEY) and --set section.key=value override this file.

            """
        let defaults = Configuration()
        return head
            + defaults.yaml { setting in
                ["  # \(setting.summary)", "  \(setting.name): \(setting.read(defaults))"]
            }
    }

    private func yaml(_ lines: (Setting) -> [String]) -> String {
        Self.sections.map { section in
            let own = Self.settings.filter { $0.section == section.name }
            return (["", "# \(section.summary)", "\(section.name):"] + own.flatMap(lines))
                .joined(separator: "\n")
        }.joined(separator: "\n") + "\n"
    }

    private mutating func apply(file: String) throws(ConfigurationError) {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ConfigurationError(
                place: file, message: "cannot be read: is it there, and a file?")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationError(place: file, message: "is not UTF-8 text")
        }
        try apply(yaml: text, name: file)
    }

    private mutating func apply(yaml text: String, name: String) throws(ConfigurationError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ConfigurationError(place: name, message: "not YAML: \(error.withoutText)")
        } catch {
            throw ConfigurationError(place: name, message: "not YAML")
        }
        guard let root, case .mapping(let sections) = root else {
            if root == nil || root?.string?.isEmpty == true { return }
            throw ConfigurationError(place: name, message: "must be a map of sections")
        }
        for (sectionNode, body) in sections {
            let section = sectionNode.string ?? ""
            let place = "\(name):\(sectionNode.mark?.line ?? 0)"
            guard Self.sections.contains(where: { $0.name == section }) else {
                throw ConfigurationError(
                    place: place,
                    message: "unknown section '\(section)'"
                        + Self.suggestion(for: section, among: Self.sections.map(\.name)))
            }
            if body.string == "" || body.null != nil { continue }
            guard case .mapping(let keys) = body else {
                throw ConfigurationError(
                    place: place, message: "'\(section)' must be a map of keys")
            }
            for (keyNode, value) in keys {
                let keyPlace = "\(name):\(keyNode.mark?.line ?? 0)"
                let setting = try Self.setting(
                    "\(section).\(keyNode.string ?? "")", place: keyPlace)
                try apply(setting, ConfigurationValue(value), place: keyPlace)
            }
        }
    }

    private mutating func apply(
        _ setting: Setting, _ value: ConfigurationValue, place: String
    ) throws(ConfigurationError) {
        guard setting.write(&self, value) else {
            // A misplaced value of `kafka.client` may be a password.
            let given = setting.key == "kafka.client" ? "" : ", not \(value.described)"
            throw ConfigurationError(
                place: place, message: "\(setting.key) must be \(setting.expects)\(given)")
        }
    }

    private static func setting(_ key: String, place: String) throws(ConfigurationError) -> Setting
    {
        if let found = settings.first(where: { $0.key == key }) { return found }
        throw ConfigurationError(
            place: place,
            message: "unknown key '\(key)'" + suggestion(for: key, among: settings.map(\.key)))
    }

    private static func suggestion(for word: String, among known: [String]) -> String {
        let nearest = known.min { editDistance(word, $0) < editDistance(word, $1) }
        return nearest.map { "; did you mean '\($0)'?" } ?? ""
    }

    /// What no single key can tell.
    private func validate() throws(ConfigurationError) {
        func refuse(_ key: String, _ message: String) throws(ConfigurationError) {
            throw ConfigurationError(place: "configuration", message: "\(key) \(message)")
        }
        if kafka.shard >= kafka.shards {
            try refuse(
                "kafka.shard", "(\(kafka.shard)) must be below kafka.shards (\(kafka.shards))")
        }
        if guards.replayRecent > guards.replayExamples {
            try refuse("guards.replay_recent", "must not be above guards.replay_examples")
        }
        let outgoing = [publish.topic, publish.deadLetterTopic, publish.markerTopic]
        if publish.guarantee == .exactlyOnce, outgoing.dropLast().contains(publish.markerTopic) {
            try refuse("publish.marker_topic", "must be a topic of its own")
        }
        if let both = kafka.topics.first(where: { outgoing.contains($0.name) }) {
            try refuse(
                "kafka.topics", "must not hold '\(both.name)', which Tidemark itself writes to")
        }
    }
}

/// Levenshtein's distance, for suggestions.
func editDistance(_ a: String, _ b: String) -> Int {
    let target = Array(b)
    var row = Array(0...target.count)
    for (i, letter) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in target.indices {
            let substituted = diagonal + (letter == target[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[target.count]
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
