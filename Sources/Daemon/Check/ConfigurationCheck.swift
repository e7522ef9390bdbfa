import Engine
import Foundation
import KafkaStream
import Pricing
import Records
import SnapshotStore

/// Looks at everything a configuration names, and changes nothing.
public struct ConfigurationCheck {
    /// What was found of one thing.
    public struct Finding: Codable, Sendable {
        /// How the thing stands.
        public enum Status: String, Codable, Sendable {
            /// `warning`: a daemon would start, and a person should know.
            case fine, warning, failed
        }

        /// The part, the key, or the place where it was said.
        public var what: String
        /// How it stands.
        public var status: Status
        /// What was found, in a sentence.
        public var message: String
        /// The exit code that the daemon would end with.
        public var exitCode: Int32

        enum CodingKeys: String, CodingKey {
            case what, status, message
            case exitCode = "exit_code"
        }
    }

    private let configuration: Configuration
    private let problems: [ConfigurationError]

    /// - Parameter problems: what was wrong with the keys and values when it was read.
    public init(_ configuration: Configuration, problems: [ConfigurationError] = []) {
        self.configuration = configuration
        self.problems = problems
    }

    /// Takes the steps that `run` takes, and goes on behind one that fails.
    ///
    /// - Parameter rate: offers opened a second, to tell how long a window the bounds afford.
    public func run(connect: Bool, rate: Double? = nil) -> [Finding] {
        let wiring = Wiring(configuration: configuration)
        var findings = problems.map { problem in
            Finding(
                what: problem.place, status: .failed, message: problem.message,
                exitCode: FailureKind.badConfiguration.rawValue)
        }
        func check(_ what: String, _ body: () throws -> String?) {
            do {
                guard let message = try body() else { return }
                findings.append(Finding(what: what, status: .fine, message: message, exitCode: 0))
            } catch {
                let message = sentence(of: error)
                // What fails for the reason that another part did is told once.
                guard !findings.contains(where: { $0.message == message }) else { return }
                findings.append(
                    Finding(
                        what: what, status: .failed, message: message,
                        exitCode: FailureKind(error).rawValue))
            }
        }
        if problems.isEmpty { check("configuration") { "every key is known and in range" } }
        var parts = Preparation.Parts()
        for step in Preparation.steps {
            check(step.what) { try step.take(wiring, &parts) }
        }
        check("attribution") {
            let told = Self.afforded(configuration.attribution, rate)
            if let rate { try requireRoom(rate, told) }
            return told
        }
        check("store") { try store(wiring, parts) }
        if let warning = daemonBeside { findings.append(warning) }
        guard connect else { return findings }
        do {
            var connection = try ConnectionCheck(configuration)
            findings += connection.run()
        } catch {
            findings.append(
                Finding(
                    what: "brokers", status: .failed, message: "\(error)",
                    exitCode: FailureKind(error).rawValue))
        }
        return findings
    }

    /// Throws: where more offers are open before their wait is over than there is room for, so that
    /// none would be learned with all its weight.
    private func requireRoom(_ rate: Double, _ told: String) throws {
        let openMax = configuration.attribution.openMax
        let waitMs = Wiring(configuration: configuration).joinConfiguration().waitMs
        let needed = (rate * Double(waitMs) / 1000).rounded(.up)
        guard needed > Double(openMax) else { return }
        throw ConfigurationError(
            place: "attribution.open_max",
            message:
                "\(plain(rate)) offers a second and a wait of \(Duration.text(Int(waitMs))) need \(plain(needed)), not \(openMax): beyond it offers close before it is known what becomes of them; raise it or shorten attribution.wait (\(told))"
        )
    }

    /// Takes the store's state up as the daemon does.
    private func store(_ wiring: Wiring, _ parts: Preparation.Parts) throws -> String? {
        let path = configuration.store.path
        guard let base = parts.base, let engine = parts.engine,
            (try? StorePlace.require(path)) != nil,
            FileManager.default.fileExists(atPath: path + "/data.mdb")
        else { return nil }
        let store = try wiring.openStore(path: path, base: base, mode: .readOnly)
        defer { try? store.close() }
        let maker = EngineMaker(configuration: engine, base: base)
        for cluster in try store.clusters() + [""] {
            _ = try Learner.restored(store, cluster: cluster, maker)
        }
        let status = try store.status()
        return "\(path), \(status.sequence) commits, state \(status.stateDigest)"
    }

    private var daemonBeside: Finding? {
        let path = configuration.store.path
        guard let daemon = try? DaemonConnection(store: path) else { return nil }
        withExtendedLifetime(daemon) {}
        return Finding(
            what: "store", status: .warning,
            message: "a daemon has \(path) open; another one is refused meanwhile", exitCode: 0)
    }

    /// What the bounds of the join afford: at a rate how long a window, else at the window which
    /// rate.
    private static func afforded(
        _ attribution: Configuration.Attribution, _ rate: Double?
    ) -> String {
        let bounds = [
            ("open_max", attribution.openMax, "window", attribution.windowMs),
            ("pending_max", attribution.pendingMax, "lateness", attribution.latenessMs),
            (
                "duplicates_max", attribution.duplicatesMax, "duplicate_window",
                attribution.duplicateWindowMs
            ),
        ]
        return bounds.map { bound, count, span, spanMs in
            if let rate {
                let affordedMs = Int(saturating: Double(count) / rate * 1000)
                let verdict = affordedMs >= spanMs ? "enough for" : "too little for"
                return
                    "\(bound) holds \(approximate(affordedMs)) of \(plain(rate)) a second, \(verdict) a \(span) of \(Duration.text(spanMs))"
            }
            guard spanMs > 0 else { return "\(bound) holds any rate, the \(span) being 0" }
            let rate = Double(count) * 1000 / Double(spanMs)
            return
                "\(bound) holds \(plain((rate * 10).rounded() / 10)) a second over a \(span) of \(Duration.text(spanMs))"
        }.joined(separator: "; ")
    }

    /// To two units of time at most.
    private static func approximate(_ ms: Int) -> String {
        for unit in [86_400_000, 3_600_000, 60_000, 1000] where ms >= 10 * unit {
            return Duration.text(ms / unit * unit)
        }
        return Duration.text(ms >= 1000 ? ms / 1000 * 1000 : ms)
    }
}
