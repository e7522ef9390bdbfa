import Engine
import Foundation
import KafkaStream
import Pricing
import SnapshotStore

/// Looks at everything a configuration names, and changes nothing.
public struct ConfigurationCheck {
    /// What was found of one thing.
    public struct Finding: Codable, Sendable {
        public enum Status: String, Codable, Sendable {
            case fine, failed
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

    public func run(connect: Bool) -> [Finding] {
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
        check("brokers") {
            let kafka = try wiring.kafka()
            let consumer = try KafkaConsumer(kafka)
            defer { consumer.close() }
            let cluster = try consumer.connect() ?? "without an id"
            let assignment = try consumer.assign(from: [:])
            try ShardKeys.check(kafka, partitionCounts: assignment.partitionCounts)
            let counts = assignment.partitionCounts.sorted { $0.key < $1.key }
                .map { "\($0.key) (\($0.value) partitions)" }
            return "cluster \(cluster): " + counts.joined(separator: ", ")
        }
        return findings
    }
}
