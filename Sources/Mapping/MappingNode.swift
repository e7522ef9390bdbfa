/// A value of a mapping as it was written, with the line it stands in.
///
/// Whoever reads the file makes it: this target knows no file format.
package struct MappingNode: Sendable, Hashable {
    package indirect enum Value: Sendable, Hashable {
        /// - `isPlain`: written without quotes, so that it may be meant as a number or a truth value.
        case text(String, isPlain: Bool)
        case list([MappingNode])
        case map([Entry])
        case null
    }

    package struct Entry: Sendable, Hashable {
        package let key: String
        /// From 1; 0 where it is not known.
        package let line: Int
        package let value: MappingNode

        package init(key: String, line: Int, value: MappingNode) {
            self.key = key
            self.line = line
            self.value = value
        }
    }

    package let value: Value
    /// From 1; 0 where it is not known.
    package let line: Int

    package init(_ value: Value, line: Int) {
        self.value = value
        self.line = line
    }

    /// The text of a scalar.
    package var text: String? { if case .text(let text, _) = value { text } else { nil } }

    /// The members of a map.
    package var entries: [Entry]? { if case .map(let entries) = value { entries } else { nil } }

    /// The elements of a list.
    package var elements: [MappingNode]? {
        if case .list(let elements) = value { elements } else { nil }
    }

    package subscript(_ key: String) -> MappingNode? {
        entries?.first { $0.key == key }?.value
    }

    /// What an error calls it.
    package var described: String {
        switch value {
        case .text(let text, _): "'\(text)'"
        case .list: "a list"
        case .map: "a map"
        case .null: "nothing"
        }
    }
}

/// What is wrong with a mapping, and where it says so.
package struct MappingProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let file: String
    /// From 1; 0 where it is not known.
    package let line: Int
    package let message: String

    package init(file: String, line: Int, message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    package var place: String { line > 0 ? "\(file):\(line)" : file }
    package var description: String { "\(place): \(message)" }
}

/// All that is wrong with a mapping, at least one thing.
package struct MappingProblems: Error, Sendable, CustomStringConvertible {
    package let problems: [MappingProblem]

    package init(_ problems: [MappingProblem]) { self.problems = problems }

    package var description: String {
        problems.map(\.description).joined(separator: "; ")
    }
}

/// A mapping being read: the problems so far, and the keys that its paths name.
final class MappingReading {
    let file: String
    /// What is being read, in words: `rule 'order', price`.
    private var place: [String] = []
    private(set) var problems: [MappingProblem] = []
    /// Keys of documents, by the index that the parser marks them with.
    private(set) var names: [String] = []
    private var indexes: [String: Int] = [:]
    var tables: [String: LookupTable] = [:]
    /// Whether the rule being read goes through an array.
    var hasElement = false
    /// How deep the value being read lies.
    private var depth = 0

    private static let depthMax = 16
    /// Below the mark of keys that no path names.
    private static let namesMax = 4096

    init(file: String) { self.file = file }

    /// - Returns: `nil`, so that whoever cannot go on may return it.
    @discardableResult
    func refuse<T>(_ line: Int, _ message: String) -> T? {
        let place = place.isEmpty ? "" : place.joined(separator: ", ") + ": "
        problems.append(MappingProblem(file: file, line: line, message: place + message))
        return nil
    }

    @discardableResult
    func refuse<T>(_ node: MappingNode, _ message: String) -> T? { refuse(node.line, message) }

    /// Names what is read inside `body` in the problems found there.
    func inside<T>(_ name: String, _ body: () -> T) -> T {
        place.append(name)
        defer { place.removeLast() }
        return body()
    }

    /// Reads what lies in another value of its kind.
    func deeper<T>(_ node: MappingNode, _ body: () -> T?) -> T? {
        guard depth < Self.depthMax else {
            return refuse(node, "is nested deeper than \(Self.depthMax) levels")
        }
        depth += 1
        defer { depth -= 1 }
        return body()
    }

    /// The index of a document's key.
    func index(of key: String) -> Int? {
        if let known = indexes[key] { return known }
        // The parser takes names that end with a zero byte.
        guard names.count < Self.namesMax, !key.utf8.contains(0) else { return nil }
        indexes[key] = names.count
        names.append(key)
        return names.count - 1
    }

    /// The members of a map that has only these keys, none of them twice.
    func members(
        _ node: MappingNode, of keys: [String], what: String
    ) -> [String: MappingNode]? {
        guard let entries = node.entries else {
            return refuse(node, "\(what) must be a map, not \(node.described)")
        }
        var members: [String: MappingNode] = [:]
        for entry in entries {
            guard keys.contains(entry.key) else {
                refuse(
                    entry.line,
                    "unknown key '\(entry.key)'; \(what) may have \(keys.joined(separator: ", "))"
                ) as Void?
                continue
            }
            if members.updateValue(entry.value, forKey: entry.key) != nil {
                refuse(entry.line, "the key '\(entry.key)' is there twice") as Void?
            }
        }
        return members
    }

    /// A scalar that is one of the names of `T`.
    func choice<T: RawRepresentable & CaseIterable>(
        _ node: MappingNode, _ what: String, as type: T.Type = T.self
    ) -> T? where T.RawValue == String {
        if let text = node.text, let choice = T(rawValue: text) { return choice }
        let names = T.allCases.map(\.rawValue).joined(separator: ", ")
        return refuse(node, "\(what) must be one of \(names), not \(node.described)")
    }

    func flag(_ node: MappingNode, _ what: String) -> Bool? {
        if let text = node.text, let flag = Bool(text) { return flag }
        return refuse(node, "\(what) must be true or false, not \(node.described)")
    }

    func text(_ node: MappingNode, _ what: String) -> String? {
        if let text = node.text, !text.isEmpty { return text }
        return refuse(node, "\(what) must be a text, not \(node.described)")
    }

    func number(_ node: MappingNode, _ what: String) -> Double? {
        if let text = node.text, let number = NumberForm.plain.number(text) { return number }
        return refuse(node, "\(what) must be a number, not \(node.described)")
    }
}
