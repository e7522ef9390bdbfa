import Foundation

extension Configuration {
    /// Reads the file, then the environment, then `--set`: the later wins.
    ///
    /// - Parameters:
    ///   - file: path of a YAML file; `nil` for the defaults alone.
    ///   - overrides: `section.key=value`, as given to `--set`.
    /// - Throws: the first problem, with the number of the others.
    public static func load(
        file: String?, environment: [String: String], overrides: [String]
    ) throws(ConfigurationError) -> Configuration {
        let (configuration, problems) = read(
            file: file, environment: environment, overrides: overrides)
        try ConfigurationError.throwFirst(of: problems)
        return configuration
    }

    /// Likewise, with every problem there is, in the order of reading; what has one keeps the value
    /// that it had before.
    public static func read(
        file: String?, environment: [String: String], overrides: [String]
    ) -> (configuration: Configuration, problems: [ConfigurationError]) {
        var configuration = Configuration()
        var problems: [ConfigurationError] = []
        if let file { configuration.apply(file: file, &problems) }
        configuration.apply(environment, overrides, &problems)
        return (configuration, problems)
    }

    /// Takes the environment and then `--set` in place of what was said before.
    public mutating func apply(
        environment: [String: String], overrides: [String]
    ) throws(ConfigurationError) {
        var problems: [ConfigurationError] = []
        apply(environment, overrides, &problems)
        try ConfigurationError.throwFirst(of: problems)
    }

    private mutating func apply(
        _ environment: [String: String], _ overrides: [String],
        _ problems: inout [ConfigurationError]
    ) {
        for setting in Self.settings {
            guard let text = environment[setting.environmentName],
                !EnvironmentNames.isServiceLink(setting.environmentName, text)
            else { continue }
            let place = "environment \(setting.environmentName)"
            note(&problems) { configuration throws(ConfigurationError) in
                try configuration.apply(
                    setting, ConfigurationValue(text: text, place: place), place: place)
            }
        }
        for override in overrides {
            note(&problems) { configuration throws(ConfigurationError) in
                try configuration.apply(override: override)
            }
        }
        problems += EnvironmentNames.unknown(in: environment, for: self)
        validate(&problems)
    }

    private mutating func note(
        _ problems: inout [ConfigurationError],
        _ change: (inout Configuration) throws(ConfigurationError) -> Void
    ) {
        do throws(ConfigurationError) { try change(&self) } catch { problems.append(error) }
    }

    private mutating func apply(override: String) throws(ConfigurationError) {
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

    /// Reads the text that `stored()` wrote.
    public init(stored text: String, place: String) throws(ConfigurationError) {
        self.init()
        var problems: [ConfigurationError] = []
        apply(yaml: text, name: place, &problems)
        try ConfigurationError.throwFirst(of: problems)
    }

    /// The whole effective configuration as YAML, without secrets.
    public func stored() -> String {
        yaml { setting in ["\(setting.lastName): \(setting.read(self))"] }
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
                ["# \(setting.summary)", "\(setting.lastName): \(setting.read(defaults))"]
            }
    }

    private func yaml(_ lines: (Setting) -> [String]) -> String {
        Self.sections.map { section in
            let own = Self.settings.filter { $0.section == section.name }
            var text = ["", "# \(section.summary)", "\(section.name):"]
            var group: Substring?
            for setting in own {
                if let next = setting.group, next != group { text.append("  \(next):") }
                group = setting.group
                text += lines(setting).map { (group == nil ? "  " : "    ") + $0 }
            }
            return text.joined(separator: "\n")
        }.joined(separator: "\n") + "\n"
    }

    private mutating func apply(file: String, _ problems: inout [ConfigurationError]) {
        guard let data = FileManager.default.contents(atPath: file) else {
            problems.append(
                ConfigurationError(
                    place: file, message: "cannot be read: is it there, and a file?"))
            return
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            problems.append(ConfigurationError(place: file, message: "is not UTF-8 text"))
            return
        }
        apply(yaml: text, name: file, &problems)
    }

    private mutating func apply(
        yaml text: String, name: String, _ problems: inout [ConfigurationError]
    ) {
        let root: ConfigurationNode?
        do throws(ConfigurationError) {
            root = try ConfigurationNode(yaml: text, place: name)
        } catch {
            problems.append(error)
            return
        }
        guard let root, root.value != .null, root.value != .scalar("") else { return }
        guard let sections = root.entries else {
            problems.append(
                ConfigurationError(place: name, message: "must be a map of sections"))
            return
        }
        for section in sections {
            let place = "\(name):\(section.line)"
            note(&problems) { configuration throws(ConfigurationError) in
                guard Self.sections.contains(where: { $0.name == section.key }) else {
                    throw ConfigurationError(
                        place: place,
                        message: "unknown section '\(section.key)'"
                            + Self.suggestion(
                                for: section.key, among: Self.sections.map(\.name)))
                }
                if section.node.value == .null || section.node.value == .scalar("") { return }
                guard section.node.entries != nil else {
                    throw ConfigurationError(
                        place: place, message: "'\(section.key)' must be a map of keys")
                }
            }
            guard Self.sections.contains(where: { $0.name == section.key }) else { continue }
            for key in section.node.entries ?? [] {
                apply(key, under: section.key, file: name, &problems)
            }
        }
    }

    /// Takes a key of the file, or the keys within it.
    private mutating func apply(
        _ entry: ConfigurationNode.Entry, under prefix: String, file: String,
        _ problems: inout [ConfigurationError]
    ) {
        let key = "\(prefix).\(entry.key)"
        let place = "\(file):\(entry.line)"
        if Self.settings.contains(where: { $0.key.hasPrefix(key + ".") }) {
            for inner in entry.node.entries ?? [] {
                apply(inner, under: key, file: file, &problems)
            }
            if entry.node.entries == nil, entry.node.value != .null {
                problems.append(
                    ConfigurationError(place: place, message: "'\(key)' must be a map of keys"))
            }
            return
        }
        note(&problems) { configuration throws(ConfigurationError) in
            let setting = try Self.setting(key, place: place)
            try configuration.apply(setting, entry.node.value, place: place)
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

    static func suggestion(for word: String, among known: [String]) -> String {
        let nearest = known.min { editDistance(word, $0) < editDistance(word, $1) }
        return nearest.map { "; did you mean '\($0)'?" } ?? ""
    }

    /// What no single key can tell.
    private func validate(_ problems: inout [ConfigurationError]) {
        func refuse(_ key: String, _ message: String) {
            problems.append(
                ConfigurationError(place: "configuration", message: "\(key) \(message)"))
        }
        if kafka.shard >= kafka.shards {
            refuse("kafka.shard", "(\(kafka.shard)) must be below kafka.shards (\(kafka.shards))")
        }
        if guards.replayRecent > guards.replayExamples {
            refuse("guards.replay_recent", "must not be above guards.replay_examples")
        }
        let possible = lora.method.targets
        if let other = lora.targets.first(where: { !possible.contains($0) }) {
            refuse(
                "lora.targets",
                "must not hold \(other.rawValue): lora.method \(lora.method.rawValue) changes "
                    + possible.map(\.rawValue).joined(separator: " and ") + " alone")
        }
        if lora.method == .houlsby, lora.dropout > 0 {
            refuse("lora.dropout", "must be 0: lora.method houlsby has no dropout")
        }
        for problem in pricing.budgetProblems { refuse("pricing.budgets", problem) }
        publish.validate(registry) { refuse($0, $1) }
        let outgoing = publish.topics
        for topic in kafka.topics {
            guard let mapping = topic.mapping else { continue }
            problems += mapping.problems.map {
                ConfigurationError(
                    place: $0.place, message: "topic '\(topic.name)': \($0.message)")
            }
            if topic.type != nil || !topic.ignoreTypes.isEmpty {
                refuse(
                    "kafka.topics",
                    "must not have type or ignore_types for '\(topic.name)', whose mapping says what its records are"
                )
            }
        }
        if let both = kafka.topics.first(where: { outgoing.contains($0.name) }) {
            refuse("kafka.topics", "must not hold '\(both.name)', which Tidemark itself writes to")
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
