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
        public enum Status: String, Codable, Sendable {
            case fine, failed
            /// Nothing that stops the daemon.
            case warning
        }

        public var what: String
        public var status: Status
        public var message: String
        /// The exit code that the daemon would end with.
        public var exitCode: Int32

        enum CodingKeys: String, CodingKey {
            case what, status, message
            case exitCode = "exit_code"
        }
    }

    private let configuration: Configuration

    public init(_ configuration: Configuration) {
        self.configuration = configuration
    }

    /// - Parameter rate: offers opened a second, to tell how long a window the bounds afford.
    public func run(connect: Bool, rate: Double? = nil) -> [Finding] {
        let wiring = Wiring(configuration: configuration)
        var findings: [Finding] = []
        func check(_ what: String, _ body: () throws -> String) {
            do {
                findings.append(
                    Finding(what: what, status: .fine, message: try body(), exitCode: 0))
            } catch {
                findings.append(
                    Finding(
                        what: what, status: .failed, message: "\(error)",
                        exitCode: FailureKind(error).rawValue))
            }
        }
        check("configuration") {
            _ = try wiring.kafka()
            _ = try wiring.defaultTypes()
            try wiring.pricingConfiguration().validate()
            return "every key is known and in range"
        }
        check("attribution") {
            let told = Self.afforded(configuration.attribution, rate)
            if let rate { try requireRoom(rate, told) }
            return told
        }
        check("base") {
            let base = try wiring.loadBase()
            _ = try wiring.engineConfiguration(base)
            return
                "\(wiring.baseFolder), \(base.layerCount) layers, hidden size \(base.hiddenSize), SHA-256 \(base.fingerprint)"
        }
        check("store") {
            let path = configuration.store.path
            guard FileManager.default.fileExists(atPath: path) else {
                return "\(path) is not there yet; the daemon will make it"
            }
            let store = try SnapshotStore.open(path: path, mode: .readOnly)
            let base = try wiring.loadBase()
            guard store.identity.base == base.fingerprint else {
                throw StoreError.otherBase(
                    path: path, found: store.identity.base, expected: base.fingerprint)
            }
            let status = try store.status()
            try store.close()
            return "\(path), \(status.sequence) commits, state \(status.stateDigest)"
        }
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
