import Daemon
import Events
import Foundation
import Mapping
import Testing

@Suite("Presets") struct PresetTests {
    @Test("every preset passes the tests beside it", arguments: Preset.allCases)
    func passes(preset: Preset) throws {
        let file = MappingFixture.folder.appending(path: "\(preset.rawValue).test.yaml").path
        let (tests, mapping) = try MappingFile.tests(path: file)
        #expect(tests.preset == preset.rawValue)
        #expect(tests.tests.count >= 3)
        for test in tests.tests {
            let failure = test.failure(of: mapping)
            #expect(failure == nil, "\(preset.rawValue), \(test.name): \(failure ?? "")")
        }
    }

    @Test("what is in the program is the file", arguments: Preset.allCases)
    func embedded(preset: Preset) throws {
        let file = MappingFixture.folder.appending(path: "\(preset.rawValue).yaml").path
        #expect(try MappingFile.text(path: file) == preset.yaml)
    }

    @Test("no file of the folder is left out")
    func complete() throws {
        let files = try FileManager.default.contentsOfDirectory(
            atPath: MappingFixture.folder.path)
        let known = Preset.allCases.flatMap { ["\($0.rawValue).yaml", "\($0.rawValue).test.yaml"] }
        #expect(files.sorted() == known.sorted())
    }

    @Test("a preset that reads a currency asks for the shop's own")
    func currency() {
        #expect(throws: MappingProblems.self) { try MappingFile.mapping(preset: .segment) }
        #expect(throws: Never.self) { try MappingFile.mapping(preset: .segment, currency: "EUR") }
    }

    @Test("a preset written in one line is the same mapping", arguments: Preset.allCases)
    func oneLine(preset: Preset) throws {
        let file = MappingFixture.folder.appending(path: "\(preset.rawValue).test.yaml").path
        let (tests, _) = try MappingFile.tests(path: file)
        let node = try MappingFile.node(yaml: preset.yaml, name: "preset")
        let again = try MappingFile.mapping(
            yaml: node.oneLine, name: "again", currency: tests.currency)
        for test in tests.tests {
            let failure = test.failure(of: again)
            #expect(failure == nil, "\(test.name): \(failure ?? "")")
        }
        let twice = try MappingFile.node(yaml: node.oneLine, name: "again").oneLine
        #expect(twice == node.oneLine)
    }

    @Test(
        "a test tells what is otherwise than it must be",
        arguments: [
            ("events: [{type: erase, event_id: a, ts: 1795953000000, user_id: x}]", "another one"),
            ("events: []", "1 events, not 0"),
            (
                "events: [{type: erase, event_id: a, ts: 1795953000000, user_id: u}, {type: erase, event_id: b, ts: 1795953000000, user_id: u}]",
                "1 events, not 2"
            ),
            (
                "events: [{type: erase, event_id: a, ts: 1795953000000, user_id: u}]\n    reasons: [x]",
                "0 elements refused, not 1"
            ),
            ("events: [{type: erase, event_id: a}]", "an expected event is none"),
        ])
    func fails(expectation: String, message: String) throws {
        let mapping = try MappingFixture.mapping(
            """
            rules: [{then: erase, fields: {event_id: id, ts: at, user_id: user}}]
            otherwise: ignore
            """)
        let tests = try MappingTests(
            try MappingFile.node(
                yaml: """
                    mapping: x.yaml
                    tests:
                      - name: one
                        record: '{"id": "a", "at": 1795953000000, "user": "u"}'
                        \(expectation)
                    """, name: "x.test.yaml"), file: "x.test.yaml")
        let failure = try #require(tests.tests[0].failure(of: mapping))
        #expect(failure.contains(message), "\(failure)")
    }
}
