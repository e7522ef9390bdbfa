import ArgumentParser
import Daemon
import Records
import Terminal

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

    @Option(
        help: ArgumentHelp(
            "Print what there is to say of a key, or of a section's keys, and do nothing else.",
            valueName: "key"))
    var explain: String?

    @Flag(help: "Print the findings as JSON.")
    var json = false

    func validate() throws {
        if let rate, !(rate > 0 && rate.isFinite) {
            throw ValidationError("--rate must be a number above 0.")
        }
    }

    func run() throws {
        if example {
            print(Configuration.example(), terminator: "")
            return
        }
        let (configuration, problems) = options.read()
        if let explain { return try tell(of: explain, in: configuration) }
        let findings = ConfigurationCheck(configuration, problems: problems)
            .run(connect: connect, rate: rate)
        if effective { print(configuration.stored()) }
        if json {
            print(try jsonText(findings))
        } else {
            for finding in findings {
                finding.status.standing.show("\(finding.what): \(finding.message)".printable)
            }
        }
        if let failed = findings.first(where: { $0.status == .failed }) {
            throw ExitCode(failed.exitCode)
        }
    }
}

extension CheckCommand {
    private func tell(of name: String, in configuration: Configuration) throws {
        let keys: [KeyExplanation]
        do { keys = try configuration.explained(name) } catch {
            throw ExitStatus.usage.failure("--explain \(error)")
        }
        if json { return print(try jsonText(keys)) }
        show(
            keys.map { key in
                """
                \(key.key): \(key.value)
                  \(key.summary)
                  must be      \(key.expects)
                  default      \(key.usual)
                  environment  \(key.environment)
                  a new value  holds \(key.isLive ? "at a reload" : "from the next start on")
                """
            }.joined(separator: "\n\n"))
    }
}

extension ConfigurationCheck.Finding.Status {
    fileprivate var standing: Standing {
        switch self {
        case .fine: .fine
        case .warning: .warning
        case .failed: .failed
        }
    }
}
