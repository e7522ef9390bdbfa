import ArgumentParser
import Daemon
import Foundation
import Terminal

/// `tidemark test`: holds what a configuration makes of events against what it is to make of them.
struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Run tests of a configuration: these events, these offers, this report.",
        discussion: """
            For a shop's own CI. Each test is a replay of its own that begins with nothing learned, and \
            the same events give the same result, bit for bit. deploy/docs/rollout.md describes the \
            file. Exit 0: all passed; 65: one did not.
            """)

    @Argument(help: ArgumentHelp("Files of tests (YAML).", valueName: "file"))
    var files: [String]

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Overrides a key of the configuration that the files name.",
            valueName: "section.key=value"))
    var overrides: [String] = []

    @Flag(help: "Print JSON instead of lines.") var json = false

    private struct Outcome: Encodable {
        let file: String
        let name: String
        let failures: [String]
    }

    func run() throws {
        try reportingFailures {
            var outcomes: [Outcome] = []
            for file in files {
                let tests = try ReplayTests(
                    path: file, environment: ProcessInfo.processInfo.environment,
                    overrides: overrides)
                for test in tests.tests {
                    let outcome = Outcome(
                        file: file, name: test.name, failures: try tests.failures(of: test))
                    outcomes.append(outcome)
                    if !json { tell(outcome) }
                }
            }
            let failed = outcomes.count { !$0.failures.isEmpty }
            if json {
                print(try jsonText(["tests": outcomes]))
            } else {
                print("\(outcomes.count - failed) tests passed, \(failed) failed")
            }
            if failed > 0 { throw ExitCode(ExitStatus.badData.rawValue) }
        }
    }

    private func tell(_ outcome: Outcome) {
        let standing: Standing = outcome.failures.isEmpty ? .fine : .failed
        standing.show(
            (["\(outcome.file): \(outcome.name)"] + outcome.failures.map { "  " + $0 })
                .joined(separator: "\n"))
    }
}
