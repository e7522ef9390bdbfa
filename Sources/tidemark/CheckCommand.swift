import ArgumentParser
import Daemon

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Says whether the configuration, the base model and the store are usable.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Try to reach the brokers and look at the topics, too.")
    var connect = false

    @Option(
        help: "Events a second to expect: tells how long a window the bounds of the join afford.")
    var rate: Double?

    @Flag(help: "Print the effective configuration, too.")
    var effective = false

    @Flag(help: "Print every key with its explanation and default, and do nothing else.")
    var example = false

    @Flag(help: "Print the findings as JSON.")
    var json = false

    func validate() throws {
        if let rate, !(1e-6...1e9).contains(rate) {
            throw ValidationError("--rate must be from 0.000001 to 1000000000.")
        }
    }

    func run() throws {
        if example {
            print(Configuration.example(), terminator: "")
            return
        }
        let configuration = try options.load()
        let findings = ConfigurationCheck(configuration).run(connect: connect, rate: rate)
        if effective { print(configuration.stored()) }
        if json {
            print(try jsonText(findings))
        } else {
            for finding in findings {
                let verdict =
                    switch finding.status {
                    case .fine: "ok    "
                    case .warning: "WARN  "
                    case .failed: "FAILED"
                    }
                print("\(verdict)  \(finding.what): \(finding.message)")
            }
        }
        if let failed = findings.first(where: { $0.status == .failed }) {
            throw ExitCode(failed.exitCode)
        }
    }
}
