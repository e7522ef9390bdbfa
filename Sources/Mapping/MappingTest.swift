import Events
import Records

/// One test of a mapping: a record, and what must become of it.
package struct MappingTest: Sendable {
    package let name: String
    let record: SourceRecord
    /// As Tidemark's own JSON.
    let events: [[UInt8]]
    /// Parts of the reasons, one for each element that must be refused.
    let reasons: [String]

    /// - Returns: what is otherwise than it must be; `nil` where all is well.
    package func failure(of mapping: Mapping) -> String? {
        let decoder = MappingDecoder(mapping, EventDecoder())
        var found: [Event] = []
        var refused: [String] = []
        for element in decoder.decode(record, clockMs: nil) {
            switch element.outcome {
            case .event(let event): found.append(event)
            case .ignored: continue
            case .refused(let reason, _, _): refused.append(reason)
            }
        }
        let expected: [Event]
        do throws(EventError) {
            var read: [Event] = []
            for event in events { read.append(try EventDecoder().decode(event)) }
            expected = read
        } catch {
            return "an expected event is none: \(error)"
        }
        for (index, pair) in zip(found, expected).enumerated() where pair.0 != pair.1 {
            return """
                event \(index + 1) is another one
                  found    \(Self.text(pair.0))
                  expected \(Self.text(pair.1))
                """
        }
        if found.count != expected.count {
            let rest =
                found.dropFirst(expected.count).map { "more: " + Self.text($0) }
                + expected.dropFirst(found.count).map { "missing: " + Self.text($0) }
                + refused.map { "refused: " + $0 }
            return "\(found.count) events, not \(expected.count)\n  "
                + rest.joined(separator: "\n  ")
        }
        for (index, pair) in zip(refused, reasons).enumerated() where !pair.0.contains(pair.1) {
            return "reason \(index + 1) is \"\(pair.0)\" and has no \"\(pair.1)\""
        }
        guard refused.count == reasons.count else {
            return "\(refused.count) elements refused, not \(reasons.count)"
                + refused.map { "\n  " + $0 }.joined()
        }
        return nil
    }

    private static func text(_ event: Event) -> String {
        String(decoding: EventEncoder.encode(event), as: UTF8.self)
    }
}

/// A file of tests, and the mapping that they are of.
package struct MappingTests: Sendable {
    /// The preset that is tested, or else the file.
    package let preset: String?
    /// Beside the tests.
    package let mapping: String?
    package let currency: String?
    package let tests: [MappingTest]

    package init(_ node: MappingNode, file: String) throws(MappingProblems) {
        let reading = MappingReading(file: file)
        let read = Self.read(node, reading)
        guard let read, reading.problems.isEmpty else { throw MappingProblems(reading.problems) }
        self = read
    }

    private init(
        preset: String?, mapping: String?, currency: String?, tests: [MappingTest]
    ) {
        self.preset = preset
        self.mapping = mapping
        self.currency = currency
        self.tests = tests
    }

    private static func read(_ node: MappingNode, _ reading: MappingReading) -> MappingTests? {
        guard
            let members = reading.members(
                node, of: ["preset", "mapping", "currency", "tests"], what: "a file of tests")
        else { return nil }
        let preset = members["preset"]?.text
        let mapping = members["mapping"]?.text
        guard (preset == nil) != (mapping == nil) else {
            return reading.refuse(node, "a file of tests must have either 'preset' or 'mapping'")
        }
        guard let tests = members["tests"]?.elements, !tests.isEmpty else {
            return reading.refuse(node, "'tests' must be a list")
        }
        let read = tests.enumerated().compactMap { index, test in
            reading.inside("test \(index + 1)") { MappingTest(test, reading) }
        }
        guard read.count == tests.count else { return nil }
        return MappingTests(
            preset: preset, mapping: mapping, currency: members["currency"]?.text, tests: read)
    }
}

extension MappingTest {
    private static let keys = [
        "name", "record", "topic", "partition", "offset", "key", "timestamp", "headers", "events",
        "reasons",
    ]

    fileprivate init?(_ node: MappingNode, _ reading: MappingReading) {
        guard let members = reading.members(node, of: Self.keys, what: "a test"),
            let name = members["name"].flatMap({ reading.text($0, "name") })
        else { return nil }
        guard let value = members["record"]?.text else {
            reading.refuse(node, "a test must have a record, the text of one") as Void?
            return nil
        }
        func integer(_ key: String) -> Int64? {
            members[key].flatMap { reading.number($0, key) }.flatMap { Int64(exactly: $0) }
        }
        let partition = integer("partition").flatMap { Int32(exactly: $0) } ?? 0
        record = SourceRecord(
            position: TopicPartition(
                topic: members["topic"]?.text ?? "shop", partition: partition),
            offset: integer("offset") ?? 0, timestampMs: integer("timestamp"),
            key: members["key"]?.text.map { Array($0.utf8) }, value: Array(value.utf8),
            headers: (members["headers"]?.entries ?? []).map {
                ($0.key, Array(($0.value.text ?? "").utf8))
            })
        self.name = name
        events = (members["events"]?.elements ?? []).map(\.json)
        let reasons = members["reasons"]?.elements ?? []
        self.reasons = reasons.compactMap { reading.text($0, "a reason") }
        if self.reasons.count != reasons.count { return nil }
    }
}
