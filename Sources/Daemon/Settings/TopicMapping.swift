import Mapping

/// The mapping of a topic as part of a configuration: what it was taken from, and all of it, so that
/// a journal can be replayed when the file has changed.
public struct TopicMapping: Sendable, Equatable {
    /// A file's path, or a preset's name.
    let name: String
    /// The mapping as one line of JSON, which is YAML too; empty where it could not be read.
    let text: String
    /// The shop's currency, where the topic says it.
    let currency: String?
    /// `nil` where there are problems.
    let mapping: Mapping?
    let problems: [MappingProblem]

    /// The keys of a topic that say how it is mapped.
    static let keys: Set<String> = ["mapping", "preset", "currency"]

    /// A configuration holds a few of them, and is itself bounded.
    private static let textBytesMax = 64 << 10

    /// Reads the keys of a topic; `nil` where they are not what they must be.
    init?(_ entries: [String: ConfigurationValue]) {
        var currency: String?
        if let value = entries["currency"] {
            guard case .scalar(let code) = value else { return nil }
            currency = code
        }
        switch (entries["mapping"], entries["preset"]) {
        case (nil, .scalar(let name)?):
            self.init(preset: name, currency: currency)
        case (.scalar(let path)?, nil):
            self.init(name: path, currency: currency) { () throws(MappingProblems) in
                try MappingFile.node(yaml: try MappingFile.text(path: path), name: path)
            }
        case (.map(let pairs)?, nil):
            let members = Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
            guard members.count == pairs.count, Set(members.keys) == ["name", "text"],
                case .scalar(let name)? = members["name"],
                case .scalar(let text)? = members["text"]
            else { return nil }
            self.init(name: name, currency: currency) { () throws(MappingProblems) in
                try MappingFile.node(yaml: text, name: name)
            }
        default: return nil
        }
    }

    private init(preset name: String, currency: String?) {
        let title = "preset \(name)"
        self.init(name: title, currency: currency) { () throws(MappingProblems) in
            guard let preset = Preset(rawValue: name) else {
                throw MappingProblems([
                    MappingProblem(
                        file: title, line: 0, message: "there is none; there are \(Preset.listed)")
                ])
            }
            return try MappingFile.node(yaml: preset.yaml, name: title)
        }
    }

    private init(
        name: String, currency: String?, _ read: () throws(MappingProblems) -> MappingNode
    ) {
        self.name = name
        self.currency = currency
        do throws(MappingProblems) {
            let node = try read()
            let text = node.oneLine
            guard text.utf8.count <= Self.textBytesMax else {
                throw MappingProblems([
                    MappingProblem(
                        file: name, line: 0,
                        message:
                            "has more than \(ByteSize.text(Self.textBytesMax)) without comments")
                ])
            }
            mapping = try Mapping(node, file: name, currency: currency)
            self.text = text
            problems = []
        } catch {
            text = ""
            mapping = nil
            problems = error.problems
        }
    }

    /// For people; `nil` where there are problems.
    var summary: String? {
        mapping.map { "\(name) (\($0.ruleNames.count) rules)" }
    }

    /// As YAML: what the configuration that is kept says of it.
    var written: String {
        "mapping: {name: \(quoted(name)), text: \(quoted(text))}"
            + (currency.map { ", currency: \(quoted($0))" } ?? "")
    }

    /// The same mapping, wherever it was taken from.
    public static func == (a: TopicMapping, b: TopicMapping) -> Bool {
        a.name == b.name && a.text == b.text && a.currency == b.currency
            && a.problems == b.problems
    }
}

extension Configuration.Kafka.Topic {
    /// How its records become events; `nil`: they are events.
    ///
    /// - Throws: where the mapping cannot be used, as one that another version has written: records must
    ///   not be taken for events then.
    func usableMapping() throws(ConfigurationError) -> Mapping? {
        guard let mapping, let problem = mapping.problems.first else { return mapping?.mapping }
        throw ConfigurationError(
            place: problem.place, message: "topic '\(name)': \(problem.message)")
    }
}

extension Configuration {
    /// The mapping of a topic, where it has one that can be used.
    package func mapping(ofTopic name: String) -> Mapping? {
        kafka.topics.first { $0.name == name }?.mapping?.mapping
    }
}
