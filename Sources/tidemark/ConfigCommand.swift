import ArgumentParser
import Daemon
import Terminal

/// `tidemark config`: questions about configurations that no daemon is needed for.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Compare configurations, and help editors with them.",
        subcommands: [Diff.self, Schema.self])

    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Which keys of two files differ.",
            discussion: """
                Keys that one of them leaves out have their default. It also tells whether a daemon takes the \
                second value up when it reads its configuration again ('tidemark reload'), or at its next \
                start. Secrets that stand in the files themselves are not compared.
                """)

        @Argument(help: "A configuration file.") var from: String
        @Argument(help: "Another one.") var to: String
        @Flag(help: "Print JSON instead of a table.") var json = false

        func run() throws {
            try reportingFailures {
                let differences = try Self.load(from).differences(to: Self.load(to))
                if json { return print(try jsonText(["differences": differences])) }
                guard !differences.isEmpty else { return print("Every key has the same value.") }
                var table = TextTable([
                    ("KEY", .left), ("FROM", .left), ("TO", .left), ("HOLDS", .left),
                ])
                for difference in differences {
                    table.add(
                        difference.key, difference.from, difference.to,
                        difference.isLive ? "at a reload" : "from the next start")
                }
                show(table.rendered())
            }
        }

        private static func load(_ file: String) throws -> Configuration {
            try Configuration.load(file: file, environment: [:], overrides: [])
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A JSON Schema of the configuration's file, for editors.",
            discussion: """
                Editors with a YAML language server complete and check a file whose first line is \
                '# yaml-language-server: $schema=FILE'.
                """)

        func run() throws {
            try reportingFailures {
                print(String(decoding: try Configuration.schema(), as: UTF8.self))
            }
        }
    }
}
