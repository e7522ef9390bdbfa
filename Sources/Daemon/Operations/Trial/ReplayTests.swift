import Events
import Foundation
import Mapping
import Records

/// Tests of what a configuration makes of events, as a file of YAML has them: these events, these offers,
/// this report. Each is a replay of its own that begins with nothing learned.
package struct ReplayTests {
    /// One test.
    package struct Test {
        /// What it says.
        package let name: String
        fileprivate let events: Source
        /// What is to be published, in order; `nil` where that is not said.
        fileprivate let recommendations: JSONValue?
        /// Figures of the report by their path, as `events.dead_lettered`.
        fileprivate let figures: [(path: String, value: JSONValue)]
    }

    /// Where a test's events are.
    fileprivate enum Source {
        case file(String)
        case lines([String])
    }

    /// In the order of the file.
    package let tests: [Test]
    private let configuration: Configuration
    private let catalog: String?

    /// - Parameters:
    ///   - path: the file; other files that it names lie beside it.
    ///   - overrides: `section.key=value`, in place of what the file says.
    /// - Throws: `ConfigurationError` that names the file and the line.
    package init(
        path: String, environment: [String: String], overrides: [String] = []
    ) throws {
        let reading = Reading(path: path)
        let root = try reading.root()
        let members = try reading.members(
            root, of: ["config", "set", "catalog", "tests"], what: "a file of tests")
        let own = try (members["set"]?.elements ?? []).map { try reading.text($0, "set") }
        if let set = members["set"], set.elements == nil {
            throw reading.problem(set, "set must be a list of section.key=value")
        }
        configuration = try Configuration.load(
            file: try members["config"].map { reading.beside(try reading.text($0, "config")) },
            environment: environment, overrides: own + overrides)
        catalog = try members["catalog"].map { reading.beside(try reading.text($0, "catalog")) }
        guard let list = members["tests"]?.elements, !list.isEmpty else {
            throw reading.problem(root, "tests must be a list with at least one test")
        }
        tests = try list.map { try reading.test($0) }
    }

    /// Runs one test.
    ///
    /// - Returns: what is not as it was expected to be, a sentence each; nothing where all is.
    /// - Throws: where the replay cannot be made.
    package func failures(of test: Test) throws -> [String] {
        let folder = TemporaryFolder.path("test")
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? files.removeItem(atPath: folder) }
        let log: String
        switch test.events {
        case .file(let path): log = path
        case .lines(let lines):
            log = folder + "/events.jsonl"
            try Data((lines.joined(separator: "\n") + "\n").utf8)
                .write(to: URL(filePath: log))
        }
        let published = folder + "/recommendations.jsonl"
        let report = try Replay(
            configuration, events: [log], catalog: catalog, store: folder + "/store",
            outputs: Replay.Outputs(recommendations: published)
        ).run()
        var failures: [String] = []
        if let expected = test.recommendations {
            let lines = (files.contents(atPath: published) ?? Data())
                .split(separator: UInt8(ascii: "\n"))
            let found = try lines.map { try JSONParser().value(Array($0)) }
            failures += expected.differences(from: .array(found), at: "recommendations")
        }
        let told = try JSONParser().value(Array(try report.json().utf8))
        for figure in test.figures {
            let found = figure.path.split(separator: ".").reduce(told as JSONValue?) {
                $0?[String($1)]
            }
            failures +=
                found.map { figure.value.differences(from: $0, at: figure.path) }
                ?? ["\(figure.path): the report has no such figure"]
        }
        return failures
    }
}

/// Reads a file of tests.
private struct Reading {
    let path: String

    func problem(_ node: MappingNode, _ message: String) -> ConfigurationError {
        ConfigurationError(
            place: node.line > 0 ? "\(path):\(node.line)" : path, message: message)
    }

    /// What the file holds.
    func root() throws(ConfigurationError) -> MappingNode {
        do {
            return try MappingFile.node(yaml: try MappingFile.text(path: path), name: path)
        } catch {
            let first = error.problems.first
            throw ConfigurationError(
                place: first?.place ?? path, message: first?.message ?? "cannot be read")
        }
    }

    /// A path that is told from the file's folder on.
    func beside(_ name: String) -> String {
        guard !name.hasPrefix("/") else { return name }
        return ((path as NSString).deletingLastPathComponent as NSString)
            .appendingPathComponent(name)
    }

    func text(_ node: MappingNode, _ what: String) throws -> String {
        guard let text = node.text, !text.isEmpty else {
            throw problem(node, "\(what) must be a text, not \(node.described)")
        }
        return text
    }

    func members(
        _ node: MappingNode, of keys: [String], what: String
    ) throws -> [String: MappingNode] {
        guard let entries = node.entries else {
            throw problem(node, "\(what) must be a map, not \(node.described)")
        }
        var members: [String: MappingNode] = [:]
        for entry in entries {
            guard keys.contains(entry.key) else {
                throw ConfigurationError(
                    place: "\(path):\(entry.line)",
                    message:
                        "unknown key '\(entry.key)'; \(what) may have \(keys.joined(separator: ", "))"
                )
            }
            guard members.updateValue(entry.value, forKey: entry.key) == nil else {
                throw ConfigurationError(
                    place: "\(path):\(entry.line)", message: "the key '\(entry.key)' is there twice"
                )
            }
        }
        return members
    }

    func test(_ node: MappingNode) throws -> ReplayTests.Test {
        let own = try members(node, of: ["name", "events", "expect"], what: "a test")
        guard let name = own["name"], let events = own["events"], let expect = own["expect"] else {
            throw problem(node, "a test needs name, events and expect")
        }
        let expected = try members(expect, of: ["recommendations", "report"], what: "expect")
        guard !expected.isEmpty else { throw problem(expect, "expect says nothing") }
        let source: ReplayTests.Source
        if let lines = events.elements {
            guard !lines.isEmpty else {
                throw problem(events, "events must have at least one event")
            }
            source = .lines(lines.map(\.oneLine))
        } else {
            source = .file(beside(try text(events, "events")))
        }
        var offers: JSONValue?
        if let list = expected["recommendations"] {
            guard list.elements != nil else {
                throw problem(list, "recommendations must be a list")
            }
            offers = try value(list)
        }
        let figures = try expected["report"].map { report in
            guard let entries = report.entries else {
                throw problem(report, "report must be a map of figures")
            }
            return try entries.map { (path: $0.key, value: try value($0.value)) }
        }
        return ReplayTests.Test(
            name: try text(name, "name"), events: source, recommendations: offers,
            figures: figures ?? [])
    }

    private func value(_ node: MappingNode) throws -> JSONValue {
        do { return try JSONParser().value(Array(node.oneLine.utf8)) } catch {
            throw problem(node, "this is no value: \(error)")
        }
    }
}

extension JSONValue {
    /// Numbers are the same up to what writing and reading them costs.
    private static let tolerance = 1e-9

    /// What of this, which is expected, another value does not have. An object may have more members than
    /// are expected; `{from: A, to: B}` expects a number between two.
    fileprivate func differences(from found: JSONValue, at path: String) -> [String] {
        if let range = self.range, let number = found.double {
            return range.contains(number)
                ? []
                : [
                    "\(path) is \(plain(number)), expected \(plain(range.lowerBound)) to \(plain(range.upperBound))"
                ]
        }
        switch (self, found) {
        case (.object(let members), .object):
            return members.flatMap { member in
                let place = "\(path).\(member.key)"
                return found[member.key].map { member.value.differences(from: $0, at: place) }
                    ?? ["\(place) is missing, expected \(member.value.shown)"]
            }
        case (.array(let expected), .array(let elements)):
            guard expected.count == elements.count else {
                return ["\(path) has \(elements.count) elements, expected \(expected.count)"]
            }
            return zip(expected, elements).enumerated().flatMap { index, pair in
                pair.0.differences(from: pair.1, at: "\(path)[\(index)]")
            }
        default:
            if let wanted = double, let number = found.double,
                abs(wanted - number) <= Self.tolerance * max(1, abs(wanted))
            {
                return []
            }
            return self == found ? [] : ["\(path) is \(found.shown), expected \(shown)"]
        }
    }

    private var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    private var range: ClosedRange<Double>? {
        guard case .object(let members) = self, members.count == 2,
            let from = self["from"]?.double, let to = self["to"]?.double, from <= to
        else { return nil }
        return from...to
    }

    private var shown: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let number): plain(number)
        case .text(let text): "'\(text)'"
        case .array(let elements): "a list of \(elements.count)"
        case .object: "an object"
        }
    }
}
