import Daemon
import Foundation
import Testing

/// Tests that a shop writes for its own CI.
@Suite struct ReplayTestTests {
    private static let events = """
            - {type: item, event_id: i1, ts: "2026-11-02T09:00:00Z", item_id: lamp, title: Lamp, price: 40, cost: 20}
            - {type: click, event_id: c1, ts: "2026-11-02T10:00:00Z", user_id: ann, item_id: lamp, price: 40}
            - {type: clack, event_id: c2}
        """

    private func file(_ folder: String, _ text: String) throws -> String {
        let path = folder + "/shop.test.yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func run(_ path: String, _ more: [String] = []) throws -> Outcome {
        try tidemark(["test", path, "--set", "model.base=\(ShopStream.base)"] + more)
    }

    private struct Results: Decodable {
        struct Test: Decodable {
            let name: String
            let failures: [String]
        }

        let tests: [Test]
    }

    private func results(_ text: String, _ more: [String] = []) throws -> [Results.Test] {
        let scratch = try Scratch()
        return try run(try file(scratch.path, text), ["--json"] + more).json(Results.self).tests
    }

    @Test("what is as expected passes, in order, by range, and the state bit for bit")
    func passes() throws {
        let text = """
            set: [pricing.holdout=0]
            tests:
              - name: an offer
                events:
            \(Self.events)
                expect:
                  recommendations: [{user_id: ann, item_id: lamp, discount: {from: 0, to: 0.3}}]
                  report: {events.dead_lettered: 1, examples: 0, recommendations.rule_violations: 0}
              - name: a state
                events:
            \(Self.events)
                expect: {report: {state_sha256: none}}
            """
        let first = try results(text)
        #expect(first.map(\.name) == ["an offer", "a state"])
        #expect(first.first?.failures == [])
        let told = try #require(first.last?.failures.first)
        let digest = try #require(told.firstMatch(of: /is '([0-9a-f]{64})'/)).1
        let second = try results(text.replacing("sha256: none", with: "sha256: \(digest)"))
        #expect(second.map(\.failures) == [[], []])
        // Another configuration is another state.
        let other = try results(
            text.replacing("sha256: none", with: "sha256: \(digest)"),
            ["--set", "learning.seed=99"])
        #expect(other.last?.failures.count == 1)
    }

    @Test("what is not as expected is told with the value that was found, and ends with 65")
    func fails() throws {
        let scratch = try Scratch()
        let path = try file(
            scratch.path,
            """
            tests:
              - name: wrong
                events:
            \(Self.events)
                expect:
                  recommendations: [{user_id: bob, discount: {from: 0.9, to: 1}, nothing: 1}]
                  report: {events.dead_lettered: 0, events.nosuch: 1}
              - name: wrong count
                events:
            \(Self.events)
                expect: {recommendations: []}
            """)
        let ended = try run(path)
        #expect(ended.status == 65, "\(ended.errors)")
        for words in [
            "FAILED", "recommendations[0].user_id is 'ann', expected 'bob'", "expected 0.9 to 1",
            "recommendations[0].nothing is missing, expected 1",
            "events.dead_lettered is 1, expected 0",
            "events.nosuch: the report has no such figure",
            "recommendations has 1 elements, expected 0", "0 tests passed, 2 failed",
        ] { #expect(ended.output.contains(words), "\(words): \(ended.output)") }
    }

    @Test(
        "files that are none are refused with the line",
        arguments: [
            ("tests: []", "at least one test"), ("tests: [{name: a}]", "needs name, events"),
            ("testss: 1", "unknown key 'testss'"), ("set: 1\ntests: [a]", "set must be a list"),
            ("tests: [a]", "a test must be a map, not 'a'"),
            ("tests:\n- {name: a, events: [], expect: {report: {a: 1}}}", "at least one event"),
            ("tests:\n- {name: a, events: [{}], expect: {}}", "expect says nothing"),
            ("tests:\n- {name: a, events: [{}], expect: {offers: 1}}", ":2: unknown key 'offers'"),
            ("tests:\n- {name: a, events: [{}], expect: {report: 1}}", "a map of figures"),
            ("set: [a.b=1]\ntests: [{}]", "unknown key 'a.b'"),
            ("config: nowhere.yaml\ntests: [{}]", "nowhere.yaml"), ("tests: [", "YAML"),
        ])
    func refused(text: String, words: String) throws {
        let scratch = try Scratch()
        let ended = try run(try file(scratch.path, text))
        #expect(ended.status == 78, "\(ended.status) \(ended.errors)")
        #expect(ended.errors.contains(words), "\(words): \(ended.errors)")
    }

    @Test("verdicts have a colour on a terminal, and none elsewhere or where it is not wanted")
    func colours() throws {
        let scratch = try Scratch()
        let path = try file(scratch.path, "tests: []")
        func output(_ environment: String, _ shell: String) throws -> String {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = ["-u", "NO_COLOR", "TERM=xterm", environment, "sh", "-c", shell]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            process.standardInput = FileHandle.nullDevice
            try process.run()
            let text = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: text, as: UTF8.self)
        }
        // `script` gives the command a terminal of its own.
        let command = "\(DaemonProcess.program.path) map --test \(path)"
        let onTerminal = "script -qc '\(command)' /dev/null"
        #expect(try output("A=1", onTerminal).contains("\u{1b}[31mFAILED \u{1b}[0m"))
        for (environment, shell) in [
            ("A=1", command), ("NO_COLOR=1", onTerminal), ("TERM=dumb", onTerminal),
        ] {
            let text = try output(environment, shell)
            #expect(text.contains("FAILED ") && !text.contains("\u{1b}"), "\(environment)")
        }
    }

    @Test("a log beside the file is read, and one that is missing is named")
    func beside() throws {
        let scratch = try Scratch()
        try Data(
            (#"{"type":"item","event_id":"i","ts":"2026-11-02T09:00:00Z","item_id":"a","title":"A","price":4}"#
                + "\n")
                .utf8
        ).write(to: URL(filePath: scratch.path + "/log.jsonl"))
        let text = "tests: [{name: a, events: log.jsonl, expect: {report: {events.accepted: 1}}}]"
        let ended = try run(try file(scratch.path, text))
        #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
        let missing = try run(
            try file(scratch.path, text.replacing("log.jsonl", with: "nowhere.jsonl")))
        #expect(missing.status == 64 && missing.errors.contains("nowhere.jsonl"))
    }
}
